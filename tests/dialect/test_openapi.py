"""What the four descriptions say, so that a client made from one works. Of the running product, on one database."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from openapi_schema_validator import OAS30Validator

from shared.describe import UNCONDITIONAL
from shared.dialects import DIALECTS
from tests.product import ON_SQLITE, Product

Document = dict[str, Any]
Describe = Callable[[str], Document]

pytestmark = pytest.mark.parametrize("shared_product", [ON_SQLITE], indirect=True)
each_dialect = pytest.mark.parametrize("name", [dialect.name for dialect in DIALECTS])


@pytest.fixture
def describe(product: Product) -> Describe:
    """The document of a dialect, by name."""
    return lambda name: dict(requests.get(f"{product.url}/openapi/{name}.json", timeout=30).json())


@each_dialect
def test_every_example_is_as_its_schema_says(describe: Describe, name: str) -> None:
    document = describe(name)
    shown = [(where, content) for where, content in contents(document) if "example" in content]
    assert shown
    wrong = {where: said for where, content in shown if (said := faults(document, content))}
    assert wrong == {}


@each_dialect
def test_every_example_of_a_field_is_as_the_field_says(describe: Describe, name: str) -> None:
    document = describe(name)
    shown = [node for node in nodes(document["components"]["schemas"]) if "example" in node]
    assert [said for node in shown if (said := faults(document, {"schema": node, "example": node["example"]}))] == []


@each_dialect
def test_every_operation_has_a_name_of_its_own(describe: Describe, name: str) -> None:
    names = [operation["operationId"] for _, operation in operations(describe(name))]
    assert len(set(names)) == len(names) > 0
    assert [name for name in names if not re.fullmatch("[a-z]+([A-Z][a-z]+)+", name)] == []


def test_operations_are_called_as_clients_call_them(describe: Describe) -> None:
    named = {where: operation["operationId"] for where, operation in operations(describe("finance"))}
    assert named["post /v1/dev/finance/invoices/{invoice_id}/send"] == "sendInvoice"
    assert named["get /v1/dev/finance/budgets/{budget_id}/history"] == "listBudgetHistory"


def test_every_operation_of_finance_says_more_than_its_name(describe: Describe) -> None:
    silent = [where for where, operation in operations(describe("finance")) if not operation.get("description")]
    assert silent == []


@each_dialect
def test_every_answer_is_described_by_its_status(describe: Describe, name: str) -> None:
    for where, operation in operations(describe(name)):
        assert {"400", "401", "403", "429", "503", "504"} <= operation["responses"].keys(), where
        assert "default" not in operation["responses"], where


@pytest.mark.parametrize(
    ("name", "schema", "amount"),
    [
        ("finance", "BudgetOut", "spent_amount"),
        ("finance", "ExpenseIn", "amount"),
        ("accounts", "AccountInvoiceOut", "total"),
        ("approvals", "TransactionOut", "balance"),
    ],
)
def test_an_amount_is_a_decimal_and_no_floating_point_number(
    describe: Describe, name: str, schema: str, amount: str
) -> None:
    assert property_of(describe(name), schema, amount)["format"] == "decimal"


def test_what_is_spent_and_left_may_be_below_zero(describe: Describe) -> None:
    document = describe("finance")
    for name in ("spent_amount", "remaining_amount"):
        told = property_of(document, "BudgetOut", name)
        assert faults(document, {"schema": told, "example": -1.05}) == []


@each_dialect
def test_nothing_is_told_that_only_we_understand(describe: Describe, name: str) -> None:
    assert [node for node in nodes(describe(name)) if UNCONDITIONAL in node] == []


def test_a_compact_day_is_no_date_of_json_schema(describe: Describe) -> None:
    document = describe("projects")
    assert [node for node in nodes(document) if node.get("format") == "date"] == []
    assert property_of(document, "TimeEntryIn", "date")["pattern"] == r"^(\d{8})?$"


MANY = {str(person): 65 for person in range(1001)}


@pytest.mark.parametrize(
    ("schema", "name", "good", "bad"),
    [
        ("ProjectInvoiceIn", "fixed-cost", ["", "300.00", 300, 0.5, None], ["a lot", -1, True, {}]),
        ("ProjectInvoiceIn", "project-id", ["", "1149", 1149, None], ["x", 0, 1.5]),
        ("ProjectInvoiceIn", "display-date", ["", "20150617", None], ["2015-06-17", 20150617]),
        ("ProjectExpenseIn", "cost", ["", "200.00", 200, None], ["a lot", -1]),
        ("ProjectExpenseIn", "date", ["", "20150617", None], ["2015-06-17"]),
        ("TimeEntryIn", "hours", ["2", 2.5, "", None], ["two", 10_001]),
        ("TimeEntryIn", "minutes", ["20", 0, "", None], ["x", 0.5]),
        (
            "RatesIn",
            "users",
            [{"8": each} for each in ("65", "", 65, None, {"rate": 65}, {"rate": ""})],
            [{"8": {}}, MANY],
        ),
        ("LineIds", "timelogs", ["937,938", "", None, 937, [937, 938], [1] * 1000], [0, True, ["x"], [1] * 1001]),
    ],
)
def test_a_loose_value_may_be_written_as_it_is_taken(
    describe: Describe, schema: str, name: str, good: list[Any], bad: list[Any]
) -> None:
    document = describe("projects")
    told = property_of(document, schema, name)
    for value in good:
        assert faults(document, {"schema": told, "example": value}) == []
    for value in bad:
        assert faults(document, {"schema": told, "example": value}) != []


def test_a_body_may_hold_what_is_unknown_in_projects(describe: Describe) -> None:
    document = describe("projects")
    for where, content in contents(document, answers=False):
        told = [content["schema"]]
        while told:
            for node in nodes(told.pop()):
                assert node.get("additionalProperties") is not False, where
                told += [resolved(document, node)] if "$ref" in node else []


def test_the_headers_of_lists_and_of_what_is_made_are_described_in_projects(describe: Describe) -> None:
    for where, operation in operations(describe("projects")):
        headers = {status: set(answer.get("headers", ())) for status, answer in operation["responses"].items()}
        paged = "pageSize" in {parameter["name"] for parameter in operation.get("parameters", ())}
        assert headers.get("200", set()) == ({"x-page", "x-pages", "x-records"} if paged else set()), where
        assert headers.get("201", {"id"}) == {"id"}, where


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Every operation, by method and path."""
    for path, item in document["paths"].items():
        yield from ((f"{method} {path}", each) for method, each in item.items() if method != "parameters")


def contents(document: Document, *, answers: bool = True) -> Iterator[tuple[str, Document]]:
    """The content of every body, and of every answer."""
    for where, operation in operations(document):
        bodies = {"asks": operation.get("requestBody", {})} | (operation["responses"] if answers else {})
        for which, body in bodies.items():
            for kind, content in resolved(document, body).get("content", {}).items():
                yield f"{where} {which} {kind}", content


def faults(document: Document, content: Document) -> list[str]:
    """What the schema has against the example."""
    validator = OAS30Validator({"components": document["components"], "allOf": [content["schema"]]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content["example"])]


def property_of(document: Document, schema: str, name: str) -> Document:
    """What a component says of a property."""
    told: Document = document["components"]["schemas"][schema]["properties"][name]
    return told


def resolved(document: Document, node: Document) -> Document:
    """The node, or the component that it refers to."""
    if "$ref" not in node:
        return node
    _, _, section, name = node["$ref"].split("/")
    found: Document = document["components"][section][name]
    return found


def nodes(node: Any) -> Iterator[Document]:
    """Every object in the document."""
    if isinstance(node, dict):
        yield node
        for each in node.values():
            yield from nodes(each)
    elif isinstance(node, list):
        for each in node:
            yield from nodes(each)
