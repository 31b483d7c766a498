"""The OpenAPI documents of the four dialects, as files that the gateway serves: `make openapi` writes them.

What each part of the product says of itself is put together; a document has what the dialect owns and the gateway
routes, and the components that that needs.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from flask import Flask

from deploy.parts import PARTS, SERVICES
from gateway.admin import app as admin
from gateway.pages import DESCRIPTIONS
from gateway.people import app as people
from gateway.routes import ADMIN, PEOPLE, find
from shared.config import SECRET_BYTES, Settings
from shared.db import Database
from shared.describe import document
from shared.dialects import DIALECTS, Dialect
from shared.json_codec import LEGIBLE, dumps

Document = dict[str, Any]

HEAD: Document = {"openapi": "3.0.3", "servers": [{"url": "/"}]}

SCHEMES = {
    "Bearer": "An API key: `Authorization: Bearer KEY`.",
    "Basic": "An API key as the user name, with any password or none.",
}

UNUSED: Mapping[str, Any] = {
    "database_url": "sqlite:////nowhere",
    "caller_secret": "-" * SECRET_BYTES,
    "receipts_url": "memory:///",
}
"""Settings of an app that is asked for nothing but its description."""


def main() -> None:
    """Write the files; with `--check`, say which of them are not as they would be written, and end with 1 then."""
    written = documents()
    if "--check" not in sys.argv:
        for name, content in written.items():
            (DESCRIPTIONS / name).write_bytes(content)
        return
    there = {file.name: file.read_bytes() for file in DESCRIPTIONS.iterdir()}
    stale = sorted(name for name in written.keys() | there.keys() if written.get(name) != there.get(name))
    if stale:
        sys.exit(f"{', '.join(stale)}: not what the code says. Run `make openapi`.")


def documents() -> dict[str, bytes]:
    """The files by their names."""
    parts = {name: document(app.extensions["api"]) for name, app in _apps().items()}
    return {f"{each.name}.json": dumps(merged(parts, each), LEGIBLE) for each in DIALECTS}


def _apps() -> dict[str, Flask]:
    services = {name: PARTS[name].app.create_app(_settings(PARTS[name].settings)) for name in SERVICES}
    db, secret = Database(UNUSED["database_url"]), UNUSED["caller_secret"]
    return services | {PEOPLE: people.create_app(db, secret), ADMIN: admin.create_app(db, secret, secret)}


def _settings(kind: type[Settings]) -> Settings:
    asked = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in UNUSED.items() if name in asked})


def merged(parts: Mapping[str, Document], dialect: Dialect) -> Document:
    """One document. Components of the same name stay one when they are equal; otherwise the later is renamed."""
    paths: Document = {}
    components: dict[str, Document] = {}
    tags: Document = {}
    for service, part in parts.items():
        clear = _renamed(_narrowed(part, dialect), components, service)
        paths |= clear["paths"]
        tags |= {tag["name"]: tag for tag in clear["tags"]}
        for section, named in clear["components"].items():
            components.setdefault(section, {}).update(named)
    shown = {section: dict(sorted(named.items())) for section, named in components.items()}
    schemes = {f"{name.lower()}Auth": _scheme(name) for name in dialect.schemes}
    shown["securitySchemes"] = schemes
    info = {"title": dialect.title, "description": dialect.about, "version": "v1"}
    told = {"info": info, "security": [{name: []} for name in schemes], "tags": list(tags.values())}
    return {**HEAD, **told, "paths": paths, "components": shown}


def _scheme(name: str) -> Document:
    return {"type": "http", "scheme": name.lower(), "description": SCHEMES[name]}


def _narrowed(part: Document, dialect: Dialect) -> Document:
    """What the part says of this dialect and a client can reach."""
    paths = {path: item for path, item in part.get("paths", {}).items() if dialect.owns(path) and find(path)}
    tags = [tag for tag in part.get("tags", ()) if tag["name"] in _tagged(paths)]
    return {"paths": paths, "tags": tags, "components": _used(paths, part.get("components", {}))}


def _renamed(part: Document, taken: Mapping[str, Document], service: str) -> Document:
    """The part, with what would clash given the service's name in front."""
    new: dict[str, str] = {}
    own: Document = part["components"]
    for section, named in own.items():
        for name, body in named.items():
            if taken.get(section, {}).get(name, body) != body:
                new[_reference(section, name)] = service.capitalize() + name
    if not new:
        return part
    moved = {
        section: {new.get(_reference(section, name), name): body for name, body in named.items()}
        for section, named in own.items()
    }
    respelled: Document = _respelled({**part, "components": moved}, new)
    return respelled


def _respelled(node: Any, new: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: value.rpartition("/")[0] + "/" + new[value]
            if key == "$ref" and isinstance(value, str) and value in new
            else _respelled(value, new)
            for key, value in node.items()
        }
    return [_respelled(each, new) for each in node] if isinstance(node, list) else node


def _tagged(paths: Document) -> set[str]:
    """The tags that an operation carries. A path's item also holds what is not an operation: its parameters."""
    operations = (each for item in paths.values() for each in item.values() if isinstance(each, dict))
    return {tag for operation in operations for tag in operation.get("tags", ())}


def _used(paths: Document, components: Mapping[str, Document]) -> dict[str, Document]:
    """The components that a path needs, itself or through another."""
    used: dict[str, Document] = {}
    waiting = list(_references(paths))
    while waiting:
        _, _, section, name = waiting.pop().split("/", 3)
        if name in components.get(section, {}) and name not in used.setdefault(section, {}):
            used[section][name] = components[section][name]
            waiting += _references(used[section][name])
    return used


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str) and value.startswith("#/components/"):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)


def _reference(section: str, name: str) -> str:
    return f"#/components/{section}/{name}"


if __name__ == "__main__":
    main()
