"""One description a dialect, made of the parts that the services serve; a part that is away is shown as last seen.

Only what the dialect owns and the gateway routes is described, with the components that it needs.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from gateway.routes import find
from shared.dialects import DIALECTS, Dialect
from shared.errors import Unavailable

Document = dict[str, Any]

FRESH = 60.0
"""Seconds for which the document is served before the services are asked again."""

HEAD: Document = {"openapi": "3.0.3", "servers": [{"url": "/"}]}

SCHEMES = {
    "Bearer": "An API key: `Authorization: Bearer KEY`.",
    "Basic": "An API key as the user name, with any password or none.",
}


class Description:
    """The documents, as bytes, made anew once a minute."""

    def __init__(self, parts: Mapping[str, Callable[[], Document]]) -> None:
        self._ask = parts
        self._parts: dict[str, Document] = {}
        self._lock = threading.Lock()
        self._made: dict[str, bytes] = {}
        self._until = 0.0

    def document(self, dialect: Dialect) -> bytes:
        """What is described of the dialect.

        Raises:
            Unavailable: a service is away, and its part was never seen.
        """
        with self._lock:
            if time.monotonic() >= self._until:
                whole = self._refresh()
                self._made = {each.name: orjson.dumps(merged(self._parts, each)) for each in DIALECTS}
                self._until = time.monotonic() + (FRESH if whole else 1.0)
            return self._made[dialect.name]

    def _refresh(self) -> bool:
        """Ask every service for its part; whether all answered."""
        whole = True
        for service, ask in self._ask.items():
            try:
                self._parts[service] = ask()
            except Unavailable:
                whole = False
                if service not in self._parts:
                    raise
        return whole


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
