"""One description a dialect, of three services, and the page that shows them."""

import hashlib
import json
import re
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

import gateway.openapi
import gateway.routes
from gateway.openapi import merged
from gateway.pages import ASSETS, STATIC
from gateway.routes import Route
from shared import errors
from shared.caller import HEADER, verify
from shared.describe import DescribedApi, document
from shared.dialects import ACCOUNTS, DIALECTS, FINANCE, Dialect
from tests.gateway.conftest import CALLER_SECRET, Gateway, Start
from tests.gateway.peers import Respond, Seen, respond

PATHS = {
    "invoices": ("/v1/dev/finance/invoices", "/api/v1/invoices", "/api/invoices", "/invoices.json"),
    "budgets": ("/v1/dev/finance/budgets/<id>",),
    "expenses": ("/v1/dev/finance/expenses",),
}
FINANCE_PATHS = ["/v1/dev/finance/invoices", "/v1/dev/finance/budgets/{id}", "/v1/dev/finance/expenses"]
ACCOUNTS_PATHS = ["/api/v1/invoices"]
METHODS = ("get", "post", "put", "patch", "delete")

each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


def part(service: str) -> dict[str, Any]:
    """What a service says of itself: a `Thing` of its own, errors as the others have them, and what is internal."""
    app = Flask(service)
    app.config.update(API_TITLE="Made up", API_VERSION="v1", OPENAPI_VERSION="3.0.3")
    api = DescribedApi(app)
    thing = Schema.from_dict({service: fields.Float(), "$ref": fields.String()}, name="Thing")
    api.register_blueprint(routes(service, PATHS[service], thing))
    api.register_blueprint(routes("internal", ["/internal/spends"], Schema.from_dict({}, name="Secret")))
    return document(api)


def routes(name: str, paths: Iterable[str], answer: type[Schema]) -> Blueprint:
    """These paths, taking every method."""
    made = Blueprint(name, __name__)
    for number, path in enumerate(paths):
        view = made.response(200, answer)(lambda **_: None)
        made.route(path, endpoint=str(number), methods=[method.upper() for method in METHODS])(view)
    return made


def describing(service: str) -> Respond:
    """Answers as a service does: to a signed service only."""

    def answer(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        caller = verify(seen.headers.get(HEADER, ""), CALLER_SECRET, service)
        known = caller and caller.may("internal") and seen.target == "/internal/openapi.json"
        body = json.dumps(part(service)) if known else "{}"
        respond(handler, 200 if known else 401, body.encode(), {"Content-Type": "application/json"})

    return answer


@pytest.fixture(autouse=True)
def routed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway routes what is made up here."""
    made_up = tuple(Route(path.partition("/<")[0], service) for service, paths in PATHS.items() for path in paths)
    monkeypatch.setattr(gateway.routes, "ROUTES", made_up)


@pytest.fixture
def described(start: Start) -> Gateway:
    """A gateway whose services describe themselves."""
    made = start()
    for service, peer in made.peers.items():
        peer.respond = describing(service)
    return made


@each_dialect
def test_each_dialect_has_a_valid_document(described: Gateway, dialect: Dialect) -> None:
    reply = described.get(f"/openapi/{dialect.name}.json", key=None)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    validate(reply.json)
    assert reply.json["info"] == {"title": dialect.title, "description": dialect.about, "version": "v1"}
    assert reply.json["servers"] == [{"url": "/"}]
    also = ["basic"] if dialect.name == "projects" else []
    schemes = reply.json["components"]["securitySchemes"]
    assert [(name, said["scheme"]) for name, said in schemes.items()] == [
        (f"{scheme}Auth", scheme) for scheme in ("bearer", *also)
    ]
    assert reply.json["security"] == [{name: []} for name in schemes]


@pytest.mark.parametrize(
    ("name", "paths", "tags"),
    [
        ("finance", FINANCE_PATHS, ["invoices", "budgets", "expenses"]),
        ("accounts", ACCOUNTS_PATHS, ["invoices"]),
        ("approvals", ["/api/invoices"], ["invoices"]),
        ("projects", ["/invoices.json"], ["invoices"]),
    ],
)
def test_a_document_has_the_paths_of_its_dialect_alone(
    described: Gateway, name: str, paths: list[str], tags: list[str]
) -> None:
    told = described.get(f"/openapi/{name}.json", key=None).json
    assert list(told["paths"]) == paths
    assert [tag["name"] for tag in told["tags"]] == tags


def test_there_is_no_document_of_another_name(described: Gateway) -> None:
    reply = described.get("/openapi/nobody.json")
    assert (reply.status, reply.json) == (404, {"message": "Resource not found"})
    assert described.get("/openapi/nobody.json", key=None).status == 401


@each_dialect
def test_every_error_has_the_words_and_the_schema_of_its_dialect(dialect: Dialect) -> None:
    described = merged({"invoices": part("invoices")}, dialect)
    schemas = described["components"]["schemas"]
    own = f"{dialect.name.capitalize()}Error"
    assert set(schemas) == {"Thing", own}
    for method in METHODS:
        for kind in (errors.Unauthorized, errors.Forbidden, errors.TooManyRequests, errors.Unavailable):
            assert answer(described, method, kind.status) == dialect.word(kind(), method.upper())
        if method != "get":
            assert answer(described, method, 400) == dialect.word(errors.Invalid(), method.upper())
    for response in described["components"]["responses"].values():
        content = response["content"]["application/json"]
        assert content["schema"] == {"$ref": f"#/components/schemas/{own}"}
        OAS30Validator(schemas[own]).validate(content["example"])


def test_a_refusal_is_told_as_the_dialect_documents_it() -> None:
    parts = {"invoices": part("invoices")}
    assert answer(merged(parts, FINANCE), "post", 422) == {"message": "Insufficient funds"}
    assert answer(merged(parts, ACCOUNTS), "post", 422)["error"] == "The operation cannot be completed"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_every_write_may_be_repeated_under_a_key(method: str) -> None:
    (item,) = merged({"invoices": part("invoices")}, ACCOUNTS)["paths"].values()
    assert "Idempotency-Key" in {parameter["name"] for parameter in item[method]["parameters"]}
    assert "parameters" not in item["get"]


def answer(described: dict[str, Any], method: str, status: int) -> dict[str, Any]:
    """The example of what the only path answers."""
    (item,) = described["paths"].values()
    name = item[method]["responses"][str(int(status))]["$ref"].rpartition("/")[2]
    said: dict[str, Any] = described["components"]["responses"][name]["content"]["application/json"]["example"]
    return said


def test_components_of_one_name_stay_apart_unless_they_are_equal() -> None:
    described = merged({service: part(service) for service in PATHS}, FINANCE)
    assert set(described["components"]["schemas"]) == {"FinanceError", "Thing", "BudgetsThing", "ExpensesThing"}
    assert all(name.startswith("Finance") for name in described["components"]["responses"])
    names = ("Thing", "BudgetsThing", "ExpensesThing")
    for service, path, name in zip(PATHS, FINANCE_PATHS, names, strict=True):
        shown = described["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert shown == {"$ref": f"#/components/schemas/{name}"}
        assert service in described["components"]["schemas"][name]["properties"]


@each_dialect
def test_what_is_not_routed_is_not_described(dialect: Dialect) -> None:
    described = json.dumps(merged({"budgets": part("budgets")}, dialect))
    assert "internal" not in described
    assert "Secret" not in described


def test_the_services_are_asked_once_a_minute(described: Gateway) -> None:
    for dialect in (*DIALECTS, *DIALECTS):
        assert described.get(f"/openapi/{dialect.name}.json", key=None).status == 200
    assert described.asked == 3


def test_a_service_that_is_away_and_was_never_seen_is_503(described: Gateway) -> None:
    described.invoices.respond = lambda handler, _: respond(handler, 500, b"")
    reply = described.get("/openapi/finance.json", key=None)
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert reply.json == {"message": "Service temporarily unavailable"}


def test_a_service_that_goes_away_is_shown_as_last_seen(described: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.openapi, "FRESH", 0.0)
    whole = described.get("/openapi/finance.json", key=None).json
    described.invoices.respond = lambda handler, _: respond(handler, 500, b"")
    assert described.get("/openapi/finance.json", key=None).json == whole


@pytest.mark.parametrize("name", ["", *(f"/{name}" for name in ASSETS)])
def test_the_page_and_its_parts_are_served_to_all(gateway: Gateway, name: str) -> None:
    reply = gateway.get(f"/docs{name}", key=None)
    assert reply.status == 200
    assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Cache-Control"] == "public, max-age=3600"
    assert gateway.get(f"/docs{name}", key=None, headers={"If-None-Match": reply.headers["ETag"]}).status == 304


def test_the_page_loads_nothing_that_is_not_served(gateway: Gateway) -> None:
    page = gateway.get("/docs", key=None).body.decode()
    assert set(re.findall(r'(?:src|href)="/([^"]+)"', page)) == {*(f"docs/{name}" for name in ASSETS), "openapi.json"}


def test_the_menu_leads_to_every_document(described: Gateway) -> None:
    menu = described.get("/openapi.json", key=None).json
    assert [entry["name"] for entry in menu] == [dialect.name for dialect in DIALECTS]
    titles = [described.get(entry["url"], key=None).json["info"]["title"] for entry in menu]
    assert titles == [dialect.title for dialect in DIALECTS]


def test_the_bare_address_leads_to_the_page(gateway: Gateway) -> None:
    reply = gateway.get("/", key=None)
    assert (reply.status, reply.headers["Location"], reply.body) == (302, "/docs", b"")


@pytest.mark.parametrize("name", ["SHA256SUMS", "docs.html", "..%2fapp.py", "%2e%2e"])
def test_nothing_else_of_the_folder_is_served(gateway: Gateway, name: str) -> None:
    assert gateway.get(f"/docs/{name}", key=None).status in (401, 404)


def test_the_vendored_files_are_those_that_were_published() -> None:
    folder: Path = STATIC / "swagger-ui"
    sums = [line.split() for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in sums} == {file.name for file in folder.iterdir()} - {"SHA256SUMS", "README.md"}
    for digest, name in sums:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
