"""What the tests of invoices do again and again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.test import TestResponse

from tests.client import Client

INVOICES = "/v1/dev/finance/invoices"
SETTINGS = "/v1/dev/finance/settings"

Facts = dict[str, Any]

ITEMS = [
    {"description": "Service A", "quantity": 1, "unit_price": 100},
    {"description": "Service B", "quantity": 2, "unit_price": 50},
]


def make(invoices: Client, **facts: Any) -> Facts:
    """An invoice."""
    return data(invoices.post(INVOICES, json=facts), 201)


def data(answer: TestResponse, status: int = 200) -> Facts:
    """What a good answer carries."""
    assert answer.status_code == status, answer.data
    said: Facts = answer.json["data"]
    return said


def url(invoice: Facts, tail: str = "") -> str:
    """The address of an invoice, or of something of it."""
    return f"{INVOICES}/{invoice['id']}{tail}"


def read(invoices: Client, invoice: Facts) -> Facts:
    """The invoice as it is now."""
    return data(invoices.get(url(invoice)))


def history(invoices: Client, invoice: Facts) -> list[Facts]:
    """What happened to it."""
    answer = invoices.get(url(invoice, "/history"))
    assert answer.status_code == 200, answer.data
    entries: list[Facts] = answer.json["data"]
    return entries


def actions(invoices: Client, invoice: Facts) -> list[str]:
    """What happened to it, in words."""
    return [entry["action"] for entry in history(invoices, invoice)]


@contextmanager
def nothing_changes(invoices: Client, invoice: Facts) -> Iterator[None]:
    """Neither the invoice nor its version, payments or history change in this block."""

    def seen() -> list[bytes]:
        return [invoices.get(url(invoice, tail)).data for tail in ("", "/payments", "/history")]

    before = seen()
    yield
    assert seen() == before


def refused(answer: TestResponse, *words: str) -> None:
    """The answer is 422 and says these words."""
    assert answer.status_code == 422, answer.data
    for word in words:
        assert word in answer.json["message"], answer.json


def wrong(answer: TestResponse, field: str) -> None:
    """The answer is 400 and blames this field."""
    assert answer.status_code == 400, answer.data
    assert answer.json["message"] == "Invalid request parameters"
    assert field in answer.json["errors"], answer.json
