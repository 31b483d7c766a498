"""Invoices through their routes: what is written is read back, what adds up, and what is refused."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from services.invoices.api.finance.schemas import (
    EXAMPLE,
    SHOWN,
    DeliveryOut,
    InvoiceOut,
    ItemOut,
    PaymentOut,
    SettingsIn,
)
from shared.describe import document
from shared.telling import EntryOut
from tests.client import Client
from tests.service.invoices.steps import (
    INVOICES,
    ITEMS,
    SETTINGS,
    actions,
    data,
    history,
    make,
    nothing_changes,
    read,
    refused,
    url,
    wrong,
)

TODAY = datetime.now(UTC).date()


def test_the_documents_example_reads_back_as_it_was_written(invoices: Client) -> None:
    answer = invoices.post(INVOICES, json=EXAMPLE)
    made = data(answer, 201)
    assert answer.headers["Location"] == url(made)
    assert answer.headers["ETag"] == '"1"'
    items = [{name: value for name, value in item.items() if name not in ("id", "amount")} for item in made["items"]]
    assert {**{name: made[name] for name in EXAMPLE}, "items": items} == EXAMPLE
    assert [item["amount"] for item in made["items"]] == [100, 100]
    assert b'"subtotal":200.00,"tax":20.00,"total":220.00,"amount_paid":0.00,"amount_due":220.00' in answer.data
    assert b'"unit_price":100.00,"amount":100.00' in answer.data
    again = invoices.get(url(made))
    assert again.json["data"] == made
    assert again.headers["ETag"] == answer.headers["ETag"]
    assert invoices.get(INVOICES).json["data"] == [made]


def test_an_empty_invoice_is_a_draft_of_today_over_nothing(invoices: Client) -> None:
    made = make(invoices)
    assert made["status"] == "draft"
    assert made["issue_date"] == TODAY.isoformat()
    assert (made["subtotal"], made["tax"], made["total"], made["items"]) == (0, 0, 0, [])
    assert made["invoice_number"] is made["client_email"] is made["delivery"] is made["sent_at"] is None


def test_today_is_the_workspaces(invoices: Client) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):  # one of them is always on another day than UTC
        made = make(invoices.seen_by(time_zone=zone))
        assert made["issue_date"] == datetime.now(ZoneInfo(zone)).date().isoformat()


def test_what_is_shown_is_what_is_described(invoices: Client) -> None:
    made = make(invoices, items=ITEMS, client_email="a@b.example")
    sent = data(invoices.post(url(made, "/send")))
    paid = data(invoices.post(url(made, "/payments"), json={"amount": 1}), 201)
    admin = invoices.seen_by(scopes=("admin",))
    for shown, schema in (
        (SHOWN["data"], InvoiceOut),
        (SHOWN["data"]["items"][0], ItemOut),
        (sent, InvoiceOut),
        (sent["items"][0], ItemOut),
        (sent["delivery"], DeliveryOut),
        (paid, PaymentOut),
        (history(invoices, made)[0], EntryOut),
        (data(admin.get(SETTINGS)), SettingsIn),
    ):
        assert set(shown) == set(schema().fields)


@pytest.mark.parametrize(
    ("facts", "figures"),
    [
        ({"items": ITEMS}, (200, 0, 200)),
        ({"items": ITEMS, "tax": 20}, (200, 20, 220)),
        ({"items": ITEMS, "total": 220.5}, (200, 20.5, 220.5)),
        ({"items": []}, (0, 0, 0)),
        ({"subtotal": 10}, (10, 0, 10)),
        ({"tax": 10}, (0, 10, 10)),
        ({"total": 10}, (10, 0, 10)),
        ({"total": 10, "tax": 4}, (6, 4, 10)),
        ({"subtotal": 6, "total": 10}, (6, 4, 10)),
        ({"currency": "JPY", "items": [{"description": "x", "quantity": 3, "unit_price": 0.5}]}, (2, 0, 2)),
        (
            {"currency": "BHD", "items": [{"description": "x", "quantity": 1, "unit_price": 0.0005}]},
            ("0.001", 0, "0.001"),
        ),
        ({"items": [{"description": "x", "quantity": 1, "unit_price": 1.005}] * 2}, ("2.02", 0, "2.02")),
        ({"items": [{"description": "x", "quantity": 2.0, "unit_price": 1e2}]}, (200, 0, 200)),
    ],
)
def test_missing_figures_are_computed(
    invoices: Client, facts: dict[str, Any], figures: tuple[float | str, ...]
) -> None:
    made = make(invoices, **facts)
    assert [made["subtotal"], made["tax"], made["total"]] == [Decimal(figure) for figure in figures]
    assert made["amount_due"] == made["total"]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"items": ITEMS, "subtotal": 199.99}, "subtotal must be 200.00"),
        ({"items": ITEMS, "tax": 20, "total": 200}, "total must be 220.00"),
        ({"items": ITEMS, "total": 100}, "total must be at least 200.00"),
        ({"subtotal": 1, "tax": 1, "total": 3}, "total must be 2.00"),
        ({"tax": 5, "total": 3}, "total must be at least 5.00"),
    ],
)
def test_figures_that_disagree_are_refused_with_what_was_expected(
    invoices: Client, facts: dict[str, Any], said: str
) -> None:
    refused(invoices.post(INVOICES, json=facts), said)
    assert invoices.get(INVOICES).json["data"] == []


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"total": 0.001}, "total"),
        ({"currency": "JPY", "tax": 0.5}, "tax"),
        ({"currency": "BHD", "subtotal": 0.0001}, "subtotal"),
        ({"total": 10**13}, "total"),
        ({"subtotal": 9999999999999.99, "tax": 0.01}, "total"),
        ({"items": [{"description": "x", "quantity": 1_000_000, "unit_price": 999_999_999}]}, "items"),
    ],
)
def test_an_amount_too_precise_or_too_large_is_named(invoices: Client, facts: dict[str, Any], field: str) -> None:
    wrong(invoices.post(INVOICES, json=facts), field)


def test_the_largest_amount_is_kept_to_the_cent(invoices: Client) -> None:
    answer = invoices.post(INVOICES, data='{"total": 9999999999999.99}', content_type="application/json")
    assert b'"total":9999999999999.99' in answer.data


def test_unit_prices_keep_six_decimals(invoices: Client) -> None:
    made = make(invoices, items=[{"description": "x", "quantity": 1_000_000, "unit_price": 0.000001}])
    assert made["total"] == 1
    assert b'"unit_price":0.000001' in invoices.get(url(made)).data


# Update


def test_an_update_changes_what_it_names_and_nothing_else(invoices: Client) -> None:
    made = make(invoices, **EXAMPLE)
    changed = data(invoices.put(url(made), json={"notes": "Thanks", "due_date": None}))
    assert changed == {**made, "notes": "Thanks", "due_date": None, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > made["updated_at"]
    assert read(invoices, made) == changed
    assert history(invoices, made)[-1]["changes"] == {
        "notes": ["Payment due within 30 days", "Thanks"],
        "due_date": ["2024-04-01", None],
    }


def test_an_update_that_changes_nothing_is_no_change(invoices: Client) -> None:
    made = make(invoices, **EXAMPLE)
    with nothing_changes(invoices, made):
        assert data(invoices.put(url(made), json={})) == made
        assert data(invoices.put(url(made), json=EXAMPLE)) == made


def test_null_clears_what_can_be_empty(invoices: Client) -> None:
    made = make(invoices, **EXAMPLE)
    empty = dict.fromkeys(
        ("client_name", "client_email", "client_address", "due_date", "notes", "invoice_number"), None
    )
    assert empty.items() <= data(invoices.put(url(made), json=empty)).items()


@pytest.mark.parametrize("field", ["status", "subtotal", "tax", "total", "items", "issue_date", "currency"])
def test_null_is_wrong_for_what_cannot(invoices: Client, field: str) -> None:
    made = make(invoices, **EXAMPLE)
    with nothing_changes(invoices, made):
        wrong(invoices.put(url(made), json={field: None}), field)


def test_new_items_replace_all_items_and_recompute_the_figures(invoices: Client) -> None:
    made = make(invoices, **EXAMPLE)
    changed = data(invoices.put(url(made), json={"items": [{"description": "C", "quantity": 1, "unit_price": 5}]}))
    assert [item["description"] for item in changed["items"]] == ["C"]
    assert (changed["subtotal"], changed["tax"], changed["total"]) == (5, 20, 25)
    told = history(invoices, made)[-1]["changes"]
    assert [item["description"] for item in told["items"][0]] == ["Service A", "Service B"]
    assert told["items"][1] == [{"description": "C", "quantity": 1, "unit_price": 5, "amount": 5}]
    assert (told["subtotal"], told["total"]) == ([200, 5], [220, 25])


def test_items_that_add_up_to_the_same_are_still_a_new_version(invoices: Client) -> None:
    made = make(invoices, items=ITEMS)
    answer = invoices.put(url(made), json={"items": [{"description": "Both", "quantity": 2, "unit_price": 100}]})
    assert data(answer)["total"] == made["total"]
    assert answer.headers["ETag"] == '"2"'


def test_the_same_items_keep_their_ids(invoices: Client) -> None:
    made = make(invoices, items=ITEMS)
    assert data(invoices.put(url(made), json={"items": ITEMS, "tax": 3}))["items"] == made["items"]


def test_an_update_with_figures_that_disagree_changes_nothing(invoices: Client) -> None:
    made = make(invoices, **EXAMPLE)
    with nothing_changes(invoices, made):
        refused(invoices.put(url(made), json={"total": 221, "notes": "x"}), "total must be 220.00")
        refused(invoices.put(url(made), json={"subtotal": 1}), "subtotal must be 200.00")
        refused(invoices.put(url(made), json={"items": ITEMS[:1], "total": 220}), "total must be 120.00")


def test_a_drafts_currency_can_change_where_its_amounts_stay_exact(invoices: Client) -> None:
    made = make(invoices, subtotal=10.5, tax=0.5)
    with nothing_changes(invoices, made):
        wrong(invoices.put(url(made), json={"currency": "JPY"}), "currency")
    changed = data(invoices.put(url(made), json={"currency": "EUR"}))
    assert (changed["currency"], changed["subtotal"], changed["total"]) == ("EUR", 10.5, 11)
    assert history(invoices, made)[-1]["changes"]["currency"] == ["USD", "EUR"]


def test_lines_are_rounded_again_in_a_new_currency(invoices: Client) -> None:
    made = make(invoices, items=[{"description": "x", "quantity": 1, "unit_price": 1.4}])
    changed = data(invoices.put(url(made), json={"currency": "JPY"}))
    assert (changed["items"][0]["amount"], changed["total"], changed["items"][0]["unit_price"]) == (
        1,
        1,
        Decimal("1.4"),
    )


# After draft


@pytest.mark.parametrize(
    "change",
    [
        {"items": ITEMS[:1]},
        {"items": []},
        {"items": list(reversed(ITEMS))},
        {"tax": 1},
        {"subtotal": 200, "tax": 21, "total": 221},
        {"currency": "EUR"},
    ],
)
def test_amounts_are_fixed_once_sent(invoices: Client, change: dict[str, Any]) -> None:
    for status in ("sent", "overdue", "paid", "cancelled"):
        made = make(invoices, items=ITEMS, tax=20, status=status)
        with nothing_changes(invoices, made):
            refused(invoices.put(url(made), json=change | {"notes": "x"}), "fixed once the invoice is sent")


def test_a_client_may_write_back_all_that_it_read(invoices: Client) -> None:
    made = make(invoices, **EXAMPLE, currency="USD", issue_date="2024-03-01")
    sent = data(invoices.put(url(made), json={"status": "sent"}))
    back = {name: sent[name] for name in (*EXAMPLE, "currency", "issue_date")}
    back["items"] = EXAMPLE["items"]
    assert back["status"] == "overdue"  # by its date, and writing that back does not make it so for good
    with nothing_changes(invoices, made):
        assert data(invoices.put(url(made), json=back)) == sent
    later = (TODAY + timedelta(days=9)).isoformat()
    assert data(invoices.put(url(made), json=back | {"due_date": later}))["status"] == "sent"


def test_notes_dates_and_addresses_can_change_once_sent(invoices: Client) -> None:
    made = make(invoices, status="sent", total=1)
    change = {"notes": "n", "due_date": "2099-01-01", "client_address": "there", "client_email": "a@b.example"}
    assert change.items() <= data(invoices.put(url(made), json=change)).items()


@pytest.mark.parametrize("field", ["id", "amount_paid", "amount_due", "is_overdue", "created_at", "sent_at", "totl"])
def test_a_field_that_cannot_be_written_is_named(invoices: Client, field: str) -> None:
    made = make(invoices)
    wrong(invoices.post(INVOICES, json={field: 1}), field)
    with nothing_changes(invoices, made):
        wrong(invoices.put(url(made), json={field: 1}), field)


# Delete


def test_a_draft_is_deleted_for_good_and_its_history_stays(invoices: Client) -> None:
    made = make(invoices, **EXAMPLE)
    answer = invoices.delete(url(made))
    assert (answer.status_code, answer.data) == (204, b"")
    assert invoices.get(url(made)).status_code == 404
    assert invoices.delete(url(made)).status_code == 404
    assert invoices.get(INVOICES).json["data"] == []
    assert actions(invoices, made) == ["created", "deleted"]
    make(invoices, **EXAMPLE)  # its number is free again


def test_a_sent_invoice_with_its_own_number_can_be_deleted(invoices: Client) -> None:
    made = make(invoices, **{**EXAMPLE, "status": "sent"})
    assert invoices.delete(url(made)).status_code == 204


def test_what_would_leave_a_gap_or_erase_money_is_not_deleted(invoices: Client) -> None:
    numbered = make(invoices, status="sent")
    paid = make(invoices, status="sent", invoice_number="A", total=5)
    data(invoices.post(url(paid, "/payments"), json={"amount": 1}), 201)
    for made, said in ((numbered, "number from the series"), (paid, "payment")):
        with nothing_changes(invoices, made):
            refused(invoices.delete(url(made)), said)


def test_an_unknown_invoice_is_not_found(invoices: Client) -> None:
    nobody = {"id": str(uuid4())}
    for method, tail in (
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/send"),
        ("GET", "/payments"),
        ("GET", f"/payments/{uuid4()}"),
        ("GET", "/history"),
    ):
        answer = invoices.open(method, url(nobody, tail), json={} if method in ("PUT", "POST") else None)
        assert (answer.status_code, answer.json) == (404, {"message": "Resource not found"}), (method, tail)
    assert invoices.post(url(nobody, "/payments"), json={"amount": 1}).status_code == 404


def test_transaction_ids_are_unambiguous_and_unlike(app: Any, invoices: Client) -> None:
    for _ in range(20):
        make(invoices)
    with app.extensions["service"].db.engine.connect() as connection:
        ids = [row[0] for row in connection.exec_driver_sql("SELECT transaction_id FROM invoices")]
    assert len(set(ids)) == 20
    assert all(re.fullmatch(r"H360-[2-9A-HJ-NP-Z]{6}", each) for each in ids)


# What the service says of itself

WRITES = ("post", "put", "delete")
OF_PROJECTS = (("invoices", "invoice"), ("projects", "project"), ("companies", "company"), ("time_entries", "entry"))


def test_every_change_of_one_thing_declares_its_conditions(invoices: Client) -> None:
    paths = document(invoices.app.extensions["api"])["paths"]
    conditional = {
        (method, path)
        for path, item in paths.items()
        for method, operation in item.items()
        if not path.startswith("/internal/")
        and method in WRITES
        and "If-Match" in {each.get("name") for each in operation["parameters"]}
    }
    one = f"{INVOICES}/{{invoice_id}}"
    numbered = "/api/v1/invoices/{invoice_id}"
    named = "/api/invoices/{transaction_id}"
    assert conditional == {
        ("put", numbered),
        ("delete", numbered),
        ("put", named),
        ("put", f"{named}/approve"),
        ("put", f"{named}/finance-approve"),
        ("delete", f"{named}/destroy"),
        ("put", one),
        ("delete", one),
        ("post", f"{one}/send"),
        ("post", f"{one}/payments"),
        ("put", SETTINGS),
        *((verb, f"/{kind}/{{{name}_id}}.json") for kind, name in OF_PROJECTS for verb in ("put", "delete")),
        *(("put", f"/invoices/{{invoice_id}}/{verb}.json") for verb in ("complete", "uncomplete", "lineitems")),
        *((verb, "/projects/{project_id}/rates.json") for verb in ("post", "put")),
        *((verb, f"{SETTINGS}/logo") for verb in ("put", "delete")),
    }
    assert all("412" in paths[path][method]["responses"] for method, path in conditional)
