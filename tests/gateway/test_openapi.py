"""One description of three services, and the page that shows it."""

import hashlib
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

import gateway.openapi
from gateway.openapi import merged
from gateway.pages import STATIC
from shared.caller import HEADER, verify
from tests.gateway.conftest import CALLER_SECRET, Gateway, Start
from tests.gateway.peers import Respond, Seen, respond

ERROR = {"type": "object", "properties": {"message": {"type": "string"}}}
PATHS = {
    "invoices": "/v1/dev/finance/invoices",
    "budgets": "/v1/dev/finance/budgets/{id}",
    "expenses": "/v1/dev/finance/expenses",
}


def part(service: str) -> dict[str, Any]:
    """What a service says of itself: an own `Thing`, and what it shares with the others."""

    def reply(name: str) -> dict[str, Any]:
        schema = {"$ref": f"#/components/schemas/{name}"}
        return {"description": "OK", "content": {"application/json": {"schema": schema}}}

    get = {"tags": [service], "responses": {"200": reply("Thing"), "default": {"$ref": "#/components/responses/Wrong"}}}
    ids = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}] if service == "budgets" else []
    return {
        "openapi": "3.0.3",
        "info": {"title": "Finance API", "version": "v1"},
        "tags": [{"name": service}, {"name": "internal"}],
        "paths": {
            PATHS[service]: {"get": {**get, "parameters": ids}},
            "/internal/spends": {"put": {"tags": ["internal"], "responses": {"200": reply("Secret")}}},
        },
        "components": {
            "schemas": {
                "Error": ERROR,
                "Secret": {"type": "object"},
                "Thing": {
                    "type": "object",
                    "properties": {service: {"type": "number", "minimum": 0.5}, "$ref": {"type": "string"}},
                },
            },
            "responses": {"Wrong": reply("Error")},
        },
    }


def describing(service: str) -> Respond:
    """Answers as a service does: to a signed service only."""

    def answer(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        caller = verify(seen.headers.get(HEADER, ""), CALLER_SECRET, service)
        known = caller and caller.may("internal") and seen.target == "/internal/openapi.json"
        body = json.dumps(part(service)) if known else "{}"
        respond(handler, 200 if known else 401, body.encode(), {"Content-Type": "application/json"})

    return answer


@pytest.fixture
def described(start: Start) -> Gateway:
    """A gateway whose services describe themselves."""
    made = start()
    for service, peer in made.peers.items():
        peer.respond = describing(service)
    return made


def test_the_parts_become_one_valid_document(described: Gateway) -> None:
    reply = described.get("/openapi/finance.json", key=None)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    document = reply.json
    validate(document)
    assert document["info"]["title"] == "Countinghouse Finance API"
    assert document["servers"] == [{"url": "/"}]
    assert document["security"] == [{"bearerAuth": []}]
    assert document["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"
    assert list(document["paths"]) == list(PATHS.values())
    assert [tag["name"] for tag in document["tags"]] == list(PATHS)


def test_components_of_one_name_stay_apart_unless_they_are_equal() -> None:
    document = merged({service: part(service) for service in PATHS})
    assert set(document["components"]["schemas"]) == {"Error", "Thing", "BudgetsThing", "ExpensesThing"}
    assert set(document["components"]["responses"]) == {"Wrong"}
    for service, name in (("invoices", "Thing"), ("budgets", "BudgetsThing"), ("expenses", "ExpensesThing")):
        shown = document["paths"][PATHS[service]]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert shown == {"$ref": f"#/components/schemas/{name}"}
        assert service in document["components"]["schemas"][name]["properties"]


def test_what_is_not_routed_is_not_described() -> None:
    document = json.dumps(merged({"budgets": part("budgets")}))
    assert "internal" not in document
    assert "Secret" not in document


def test_the_services_are_asked_once_a_minute(described: Gateway) -> None:
    for _ in range(3):
        assert described.get("/openapi/finance.json", key=None).status == 200
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


@pytest.mark.parametrize("name", ["", "/docs.js", "/docs.css", "/swagger-ui.css", "/swagger-ui-bundle.js"])
def test_the_page_and_its_parts_are_served_to_all(gateway: Gateway, name: str) -> None:
    reply = gateway.get(f"/docs{name}", key=None)
    assert reply.status == 200
    assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Cache-Control"] == "public, max-age=3600"
    assert gateway.get(f"/docs{name}", key=None, headers={"If-None-Match": reply.headers["ETag"]}).status == 304


@pytest.mark.parametrize("name", ["SHA256SUMS", "docs.html", "..%2fapp.py", "%2e%2e"])
def test_nothing_else_of_the_folder_is_served(gateway: Gateway, name: str) -> None:
    assert gateway.get(f"/docs/{name}", key=None).status in (401, 404)


def test_the_vendored_files_are_those_that_were_published() -> None:
    folder: Path = STATIC / "swagger-ui"
    sums = [line.split() for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in sums} == {file.name for file in folder.iterdir()} - {"SHA256SUMS", "README.md"}
    for digest, name in sums:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
