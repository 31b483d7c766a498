"""Invoices as the `projects` document has them: what bills what, to the cent and to the letter."""

from decimal import Decimal
from typing import Any

from shared import people
from tests.client import WORKSPACE, Client
from tests.service.invoices.projects import DANIEL, Books
from tests.service.invoices.steps import INVOICES

LIST_KEYS = [
    *("project-id", "exported-by-user-id", "created-by-user-firstname", "description", "fixed-cost", "status"),
    *("date-created", "exported-by-user-lastname", "company-id", "number", "exported-by-user-firstname", "po-number"),
    *("project-name", "display-date", "exported-date", "created-by-user-id", "update-by-user-id"),
    *("created-by-user-lastname", "company-name", "id", "date-updated", "edited-by-user-lastname"),
    *("edited-by-user-firstname", "currency-code"),
]
AS_SENT_TODAY = ["total-cost", "time-cost", "expenses-cost", "due-date", "pricing"]
EXAMPLE = {
    "description": "New machinery as Clark dropped the last tractor",
    "fixed-cost": "",
    "number": "INV00001",
    "po-number": "PO00002",
    "display-date": "20150617",
    "currency-code": "USD",
}


def test_the_document_s_example_adds_up_to_358_34(app: Any, books: Books) -> None:
    people.accept(app.extensions["service"].db, WORKSPACE, 7, **DANIEL)
    invoice = books.invoice(description="Replace tractor", number="INV0001", **{"po-number": "PO0001"})
    long = books.time(140, description="Painting decal on engine housing")
    short = books.time(20, description="Work on putting new tyres on", time="14:25")
    books.expense(14, "200.00", name="4 New Tyres")
    books.expense(15, "25.00")
    answer = books.bill(invoice, add={"timelogs": f"{long},{short}", "expenses": "14,15"})
    assert (answer.status_code, answer.json) == (200, {"STATUS": "OK"})
    shown = books.read(invoice)
    created, updated = shown.pop("date-created"), shown.pop("date-updated")
    assert created.endswith("Z")
    assert len(created) == len(updated) == len("2015-06-17T13:50:24Z")
    assert shown == {
        "exported-by-user-id": "",
        "project-id": str(books.project),
        "created-by-user-firstname": "Daniel",
        "fixed-cost": "",
        "status": "active",
        "exported-by-user-lastname": "",
        "line-items": [
            {
                "minutes": "140",
                "date-logged-utc": "2015-06-17T12:25:00Z",
                "rate": "50.00",
                "decimal-hours": "2.33",
                "description": "Painting decal on engine housing",
                "user-lastname": "Mackey",
                "id": str(long),
                "user-firstname": "Daniel",
                "billable": "1",
                "task-name": "",
                "user-id": "7",
                "task-id": "",
                "cost": "116.67",
            },
            {
                "minutes": "20",
                "date-logged-utc": "2015-06-17T14:25:00Z",
                "rate": "50.00",
                "decimal-hours": "0.33",
                "description": "Work on putting new tyres on",
                "user-lastname": "Mackey",
                "id": str(short),
                "user-firstname": "Daniel",
                "billable": "1",
                "task-name": "",
                "user-id": "7",
                "task-id": "",
                "cost": "16.67",
            },
        ],
        "number": "INV0001",
        "po-number": "PO0001",
        "exported-by-user-firstname": "",
        "expenses": [
            {
                "invoice-id": str(invoice),
                "name": name,
                "created-by-user-firstname": "Daniel",
                "created-by-user-id": "7",
                "description": "",
                "created-by-user-lastname": "Mackey",
                "date": "20150617",
                "id": number,
                "cost": cost,
            }
            for name, number, cost in (("4 New Tyres", "14", "200.00"), ("Paint", "15", "25.00"))
        ],
        "update-by-user-id": "7",
        "created-by-user-id": "7",
        "id": str(invoice),
        "company-name": "Apple",
        "edited-by-user-firstname": "Daniel",
        "total-time-decimal": "2.66",
        "total-cost": "358.34",
        "description": "Replace tractor",
        "company-id": "1",
        "exported-date": "",
        "display-date": shown["display-date"],
        "project-name": "API Private Items",
        "total-time": "160",
        "created-by-user-lastname": "Mackey",
        "edited-by-user-lastname": "Mackey",
        "currency-code": "USD",
        "time-cost": "133.34",
        "expenses-cost": "225.00",
        "due-date": "",
        "pricing": "time-and-expenses",
    }


def test_finance_sees_time_and_expenses_as_items_over_the_same_total(books: Books, invoices: Client) -> None:
    invoice = books.invoice()
    entry = books.time(20)
    books.expense(15)
    books.bill(invoice, add={"timelogs": str(entry), "expenses": 15})
    (shown,) = invoices.get(INVOICES).json["data"]
    assert (shown["subtotal"], shown["total"], shown["client_name"]) == (Decimal("41.67"), Decimal("41.67"), "Apple")
    assert [(each["description"], each["quantity"], each["unit_price"], each["amount"]) for each in shown["items"]] == [
        ("Painting", 1, Decimal("16.67"), Decimal("16.67")),
        ("Paint", 1, Decimal("25.00"), Decimal("25.00")),
    ]
    assert invoices.get(f"{INVOICES}/{shown['id']}").json["data"] == shown


def test_a_list_shows_24_documented_keys_and_five_of_today(books: Books, invoices: Client) -> None:
    invoice = books.invoice(**EXAMPLE)
    answer = invoices.get("/invoices.json")
    assert list(answer.json) == ["invoices"]
    (shown,) = answer.json["invoices"]
    assert list(shown) == LIST_KEYS + AS_SENT_TODAY
    assert len(LIST_KEYS) == 24
    assert all(isinstance(value, str) for value in shown.values())
    assert (shown["id"], shown["number"], shown["display-date"]) == (str(invoice), "INV00001", "20150617")
    assert [answer.headers[f"x-{name}"] for name in ("page", "pages", "records")] == ["1", "1", "1"]


def test_a_create_says_its_id_as_a_number_and_in_a_header(books: Books, invoices: Client) -> None:
    answer = invoices.post(f"/projects/{books.project}/invoices.json", json={"invoice": EXAMPLE})
    assert (answer.status_code, answer.json) == (201, {"STATUS": "OK", "id": 1})
    assert answer.headers["id"] == "1"
