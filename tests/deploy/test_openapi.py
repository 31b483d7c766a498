"""One description a dialect, of what three services say."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

import gateway.routes
from deploy import openapi
from deploy.openapi import merged
from gateway.routes import Route
from shared import errors
from shared.describe import DescribedApi, document
from shared.dialects import ACCOUNTS, APPROVALS, DIALECTS, FINANCE, PROJECTS, Dialect

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


@pytest.fixture(autouse=True)
def routed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway routes what is made up here."""
    made_up = tuple(Route(path.partition("/<")[0], service) for service, paths in PATHS.items() for path in paths)
    monkeypatch.setattr(gateway.routes, "ROUTES", made_up)


@each_dialect
def test_each_dialect_has_a_valid_document(dialect: Dialect) -> None:
    described = merged({service: part(service) for service in PATHS}, dialect)
    validate(described)
    assert described["info"] == {"title": dialect.title, "description": dialect.about, "version": "v1"}
    assert described["servers"] == [{"url": "/"}]
    also = ["basic"] if dialect.name == "projects" else []
    schemes = described["components"]["securitySchemes"]
    assert [(name, said["scheme"]) for name, said in schemes.items()] == [
        (f"{scheme}Auth", scheme) for scheme in ("bearer", *also)
    ]
    assert described["security"] == [{name: []} for name in schemes]


@pytest.mark.parametrize(
    ("dialect", "paths", "tags"),
    [
        (FINANCE, FINANCE_PATHS, ["invoices", "budgets", "expenses"]),
        (ACCOUNTS, ACCOUNTS_PATHS, ["invoices"]),
        (APPROVALS, ["/api/invoices"], ["invoices"]),
        (PROJECTS, ["/invoices.json"], ["invoices"]),
    ],
)
def test_a_document_has_the_paths_of_its_dialect_alone(dialect: Dialect, paths: list[str], tags: list[str]) -> None:
    described = merged({service: part(service) for service in PATHS}, dialect)
    assert list(described["paths"]) == paths
    assert [tag["name"] for tag in described["tags"]] == tags


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


def test_a_document_that_is_not_what_the_code_says_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(openapi, "DESCRIPTIONS", tmp_path)
    monkeypatch.setattr("sys.argv", ["openapi"])
    openapi.main()
    assert {file.name for file in tmp_path.iterdir()} == {f"{dialect.name}.json" for dialect in DIALECTS}
    monkeypatch.setattr("sys.argv", ["openapi", "--check"])
    openapi.main()
    (tmp_path / "accounts.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"^accounts\.json: not what the code says"):
        openapi.main()
