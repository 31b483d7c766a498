"""Invoices in the words of the `approvals` document; `test_decisions` has the two approvals."""

import re
from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema

from services.invoices import actions as done
from services.invoices.api import approvals
from shared.versions import IfMatch
from tests.client import CALLER, Client
from tests.service.invoices.approvals import (
    APPROVAL,
    BODY,
    CHANGE,
    EIGHTEEN,
    FIFTEEN,
    FINANCE,
    PATH,
    SIXTEEN,
    at,
    configure,
    decide,
    finish,
    listed,
    make,
    native,
    says,
    shown,
    wrong,
)
from tests.service.invoices.steps import INVOICES, Facts, data, history, nothing_changes, read
from tests.service.invoices.steps import refused as refused_in_finance

OTHER = "22222222-2222-4222-8222-222222222222"


# Create and show


def test_an_invoice_is_created_with_the_fifteen_facts_of_the_document(invoices: Client) -> None:
    answer = invoices.post(PATH, json=BODY)
    made = answer.json["invoice"]
    assert (answer.status_code, list(answer.json)) == (201, ["message", "invoice"])
    assert answer.json["message"] == "Invoice created successfully"
    assert list(made) == FIFTEEN
    assert re.fullmatch(r"H360-[2-9A-HJ-NP-Z]{6}", made["transaction_id"])
    assert type(made["id"]) is int
    assert made == {
        **{name: BODY[name] for name in BODY if name not in ("company_id", "total_amount", "amount_requested")},
        "id": made["id"],
        "total_amount": "5000.00",
        "amount_requested": "4500.00",
        "status": "unpaid",
        "approval_status": "pending",
        "balance": "500.00",
        "transaction_id": made["transaction_id"],
        "relationship_manager_email": None,
    }
    assert answer.headers["Location"] == at(made)
    found = invoices.get(at(made))
    assert found.status_code == 200
    assert found.json["message"] == "Invoice retrieved successfully."
    assert list(found.json["invoice"]) == EIGHTEEN
    nothing = {"finance_approver_email": None, "approved_by_manager_email": None, "comment": None}
    assert found.json == {"message": "Invoice retrieved successfully.", "invoice": made | nothing}
    assert found.headers["ETag"] == answer.headers["ETag"] == '"1"'


def test_finance_sees_a_draft_over_the_total_without_items(invoices: Client) -> None:
    made = read(invoices, native(invoices, make(invoices)))
    figures = {name: made[name] for name in ("subtotal", "tax", "total", "items", "status", "currency")}
    assert figures == {"subtotal": 5000, "tax": 0, "total": 5000, "items": [], "status": "draft", "currency": "USD"}
    (entry,) = history(invoices, made)
    assert entry["changes"]["amount_requested"] == [None, 4500]
    assert entry["changes"]["service_date"] == [None, "2024-10-10"]


def test_an_invoice_of_another_dialect_shows_what_it_has(invoices: Client) -> None:
    configure(invoices, relationship_manager_email="manager@example.com")
    data(invoices.post(INVOICES, json={"total": 10, "client_name": "Acme"}), 201)
    (transaction_id,) = listed(invoices)
    found = shown(invoices, {"transaction_id": transaction_id})
    assert found == dict.fromkeys(EIGHTEEN) | {
        "id": found["id"],
        "transaction_id": transaction_id,
        "total_amount": "10.00",
        "amount_requested": "0.00",
        "balance": "10.00",
        "status": "unpaid",
        "approval_status": "pending",
        "relationship_manager_email": "manager@example.com",
    }


@pytest.mark.parametrize(
    ("currency", "written", "total", "balance"),
    [
        ("USD", "5000.10", "5000.10", "500.10"),
        ("USD", 4500.5, "4500.50", "0.50"),
        ("USD", 1e4, "10000.00", "5500.00"),
        ("JPY", 4501, "4501", "1"),
        ("BHD", "4500.001", "4500.001", "0.001"),
    ],
)
def test_amounts_are_numbers_or_text_and_are_shown_as_text(
    invoices: Client, currency: str, written: Any, total: str, balance: str
) -> None:
    made = make(invoices.seen_by(currency=currency), total_amount=written)
    assert (made["total_amount"], made["balance"]) == (total, balance)
    same = {name: made[name] for name in ("total_amount", "amount_requested")}
    with nothing_changes(invoices, native(invoices, made)):
        assert invoices.put(at(made), json=same).json["invoice"] == made


@pytest.mark.parametrize("field", ["total_amount", "amount_requested"])
@pytest.mark.parametrize("amount", [0.001, -1, "-1.00", True, None, "1e2", "", " 1", "1,00", [], 10**13, "NaN"])
def test_no_other_amount_is_taken(invoices: Client, field: str, amount: Any) -> None:
    wrong(invoices.post(PATH, json=BODY | {field: amount}), field)
    assert listed(invoices) == []


def test_more_asked_for_than_the_total_is_refused(invoices: Client) -> None:
    why = "amount_requested must be at most 5000.00, the total"
    says(invoices.post(PATH, json=BODY | {"amount_requested": "5000.01"}), 422, why)
    assert listed(invoices) == []
    made = make(invoices, amount_requested=5000)
    assert made["balance"] == "0.00"
    same = native(invoices, made)
    with nothing_changes(invoices, same):
        says(invoices.put(at(made), json={"amount_requested": 5001}), 422, why)
        says(invoices.put(at(made), json={"total_amount": 1}), 422, "amount_requested must be at most 1.00, the total")
        refused_in_finance(invoices.put(f"{INVOICES}/{same['id']}", json={"total": 1}), "amount_requested")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("description", "x" * 2001), ("service_date", "10/10/2024"), ("provider_name", "x" * 256)),
        *(("user_email", "nobody"), ("payment_method", 1), ("company_id", "1"), ("company_id", 1.5)),
        *(("status", "paid"), ("approval_status", "approved"), ("id", 99), ("totalAmount", 1), ("comment", "x")),
        *(("transaction_id", "H360-AAAAAA"), ("total", 5)),
    ],
)
def test_what_is_wrong_or_unknown_is_named_and_nothing_is_made_or_changed(
    invoices: Client, field: str, value: Any
) -> None:
    wrong(invoices.post(PATH, json=BODY | {field: value}), field)
    assert listed(invoices) == []
    made = make(invoices)
    with nothing_changes(invoices, native(invoices, made)):
        wrong(invoices.put(at(made), json={field: value}), field)


def test_another_company_is_refused(invoices: Client) -> None:
    made = make(invoices)
    same = native(invoices, made)
    why = "This API key belongs to another company"
    with nothing_changes(invoices, same):
        says(invoices.post(PATH, json=BODY | {"company_id": 2}), 403, why)
        says(invoices.put(at(made), json={"company_id": 2, "description": "x"}), 403, why)
        says(invoices.get(f"{PATH}?company_id=2"), 403, why)
    assert listed(invoices, "company_id=1") == [made["transaction_id"]]
    without = {name: value for name, value in BODY.items() if name != "company_id"}
    assert invoices.post(PATH, json=without).status_code == 201


@pytest.mark.parametrize(
    ("example", "keys", "schema"),
    [
        (approvals.INVOICE, FIFTEEN, approvals.TransactionOut),
        (approvals.CHANGED, FIFTEEN, approvals.TransactionOut),
        (approvals.HALF_APPROVED, SIXTEEN, approvals.DecidedTransactionOut),
        (approvals.WHOLE, EIGHTEEN, approvals.WholeTransactionOut),
    ],
)
def test_what_is_described_is_what_is_shown(example: Facts, keys: list[str], schema: type[Schema]) -> None:
    assert list(example) == list(schema().fields) == keys


# Update


def test_an_update_changes_what_is_named_and_keeps_the_rest(invoices: Client) -> None:
    made = make(invoices)
    answer = invoices.put(at(made), json=CHANGE)
    assert (answer.status_code, answer.json["message"]) == (200, "Invoice updated successfully")
    assert list(answer.json["invoice"]) == FIFTEEN
    assert answer.json["invoice"] == made | CHANGE | {"total_amount": "6000.00", "amount_requested": "5500.00"}
    assert answer.headers["ETag"] == invoices.get(at(made)).headers["ETag"] == '"2"'
    told = history(invoices, native(invoices, made))[-1]["changes"]
    assert told == {
        "subtotal": [5000, 6000],
        "total": [5000, 6000],
        "amount_requested": [4500, 5500],
        "provider_name": ["ABC Consulting", "XYZ Consulting"],
        "subcategory_name": ["Business", "Strategy"],
    }


def test_amounts_are_fixed_once_sent_and_the_rest_is_not(invoices: Client) -> None:
    made = make(invoices)
    same = native(invoices, made)
    data(invoices.put(f"{INVOICES}/{same['id']}", json={"status": "sent"}))
    with nothing_changes(invoices, same):
        for change in ({"total_amount": 5001}, {"amount_requested": 1}, {"amount_requested": 1, "description": "x"}):
            says(invoices.put(at(made), json=change), 422, "Items and amounts are fixed once the invoice is sent")
    same_amounts = {"total_amount": "5000.00", "amount_requested": "4500.00", "description": "x"}
    assert invoices.put(at(made), json=same_amounts).json["invoice"] == made | {"description": "x"}


def test_a_total_that_the_items_do_not_add_up_to_is_refused(invoices: Client) -> None:
    items = [{"description": "x", "quantity": 2, "unit_price": 50}]
    same = data(invoices.post(INVOICES, json={"items": items}), 201)
    (transaction_id,) = listed(invoices)
    with nothing_changes(invoices, same):
        answer = invoices.put(f"{PATH}/{transaction_id}", json={"total_amount": 101})
        says(answer, 422, "total must be 100.00, the subtotal and the tax")
    answer = invoices.put(f"{PATH}/{transaction_id}", json={"total_amount": 100, "amount_requested": 40})
    assert answer.json["invoice"]["balance"] == "60.00"


def test_a_new_currency_keeps_what_is_asked_for_or_is_refused(invoices: Client) -> None:
    made = make(invoices, amount_requested="0.50")
    same = native(invoices, made)
    with nothing_changes(invoices, same):
        answer = invoices.put(f"{INVOICES}/{same['id']}", json={"currency": "JPY"})
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["currency"])
    data(invoices.put(f"{INVOICES}/{same['id']}", json={"currency": "BHD"}))
    assert shown(invoices, made)["amount_requested"] == "0.500"


def test_other_amounts_need_another_approval(approver: Client) -> None:
    for change in ({"total_amount": 5001}, {"amount_requested": "4499.99"}):
        made = make(approver)
        decide(approver, made, comment="fine", finance_approver_email=FINANCE)
        assert approver.put(at(made), json={"description": "x"}).json["invoice"]["approval_status"] == "in progress"
        finish(approver, made)
        assert approver.put(at(made), json=change).json["invoice"]["approval_status"] == "pending"
        found = shown(approver, made)
        assert [found[name] for name in EIGHTEEN[-3:]] == [None, None, None]
        decide(approver, made)


def test_a_completed_invoice_is_locked(approver: Client) -> None:
    made = make(approver)
    same = native(approver, made)
    done.complete(approver.app.extensions["service"].db, CALLER, same["id"], IfMatch())
    with nothing_changes(approver, same):
        for answer in (
            approver.put(at(made), json={"description": "x"}),
            approver.put(at(made, "/approve"), json=APPROVAL),
            approver.put(at(made, "/finance-approve"), json={"finance_approved": False, "comment": "x"}),
            approver.delete(at(made, "/destroy"), json={"user_email": "user@example.com"}),
        ):
            says(answer, 422, "The invoice is completed")


# Who sees what


@pytest.mark.parametrize("transaction_id", ["H360-AAAAAA", "1", "h360", "%00", "%0a", "%ff", "x" * 300, "ü"])
def test_an_unknown_transaction_id_is_not_found(approver: Client, transaction_id: str) -> None:
    made = make(approver)
    unknown = f"{PATH}/{transaction_id}"
    for answer in (
        approver.get(unknown),
        approver.put(unknown, json=CHANGE),
        approver.put(f"{unknown}/approve", json=APPROVAL),
        approver.put(f"{unknown}/finance-approve", json={"finance_approved": True}),
        approver.delete(f"{unknown}/destroy", json={"user_email": "user@example.com"}),
    ):
        says(answer, 404, "Resource not found")
    assert listed(approver) == [made["transaction_id"]]


@pytest.mark.parametrize(
    "stranger",
    [
        {"workspace_id": OTHER, "account_id": OTHER, "accounts": (OTHER,), "company_id": 2},
        {"account_ids": (OTHER,), "accounts": (OTHER,), "account_id": OTHER},
    ],
    ids=["of another workspace", "for another account"],
)
def test_a_key_sees_only_its_own(approver: Client, stranger: dict[str, Any]) -> None:
    made = make(approver)
    other = approver.seen_by(**stranger)
    with nothing_changes(approver, native(approver, made)):
        for answer in (
            other.get(at(made)),
            other.put(at(made), json={"description": "x"}),
            other.put(at(made, "/approve"), json=APPROVAL),
            other.put(at(made, "/finance-approve"), json={"finance_approved": False, "comment": "x"}),
            other.delete(at(made, "/destroy"), json={"user_email": "user@example.com"}),
        ):
            says(answer, 404, "Resource not found")
    assert listed(other) == listed(other, f"transaction_id={made['transaction_id']}") == []
    assert listed(approver) == [made["transaction_id"]]


def test_each_call_needs_its_scope(approver: Client) -> None:
    made = make(approver)
    reader, writer = (approver.seen_by(scopes=(f"invoices:{verb}",)) for verb in ("read", "write"))
    with nothing_changes(approver, native(approver, made)):
        for scope, answer in (
            ("read", writer.get(PATH)),
            ("read", writer.get(at(made))),
            ("write", reader.post(PATH, json=BODY)),
            ("write", reader.put(at(made), json=CHANGE)),
            ("write", reader.delete(at(made, "/destroy"), json={"user_email": "user@example.com"})),
            ("approve", writer.put(at(made, "/approve"), json=APPROVAL)),
            ("approve", writer.put(at(made, "/approve"), data="no JSON")),
            ("approve", writer.put(at(made, "/finance-approve"), json={"finance_approved": False, "comment": "x"})),
        ):
            says(answer, 403, f"This API key lacks the scope invoices:{scope}")
    only = approver.seen_by(scopes=("invoices:approve",))
    decide(only, made)
    finish(only, made)


# Lists


def test_a_list_is_the_newest_first_ten_a_page_and_counted_in_headers(invoices: Client) -> None:
    made = [make(invoices)["transaction_id"] for _ in range(12)]
    assert listed(invoices) == made[:1:-1]
    assert listed(invoices, "page=2") == made[1::-1]
    assert listed(invoices, "order=asc&per_page=5&page=3") == made[10:]
    for query, page, pages in (("", "1", "2"), ("per_page=5&page=2", "2", "3"), ("per_page=12", "1", "1")):
        headers = invoices.get(f"{PATH}?{query}").headers
        assert [headers[name] for name in ("X-Total", "X-Pages", "X-Page")] == ["12", pages, page]
    assert listed(invoices, "page=9") == []
    assert invoices.get(f"{PATH}?page=9").headers["X-Total"] == "12"
    nobody = invoices.get(f"{PATH}?transaction_id=H360-AAAAAA").headers
    assert [nobody[name] for name in ("X-Total", "X-Pages", "X-Page")] == ["0", "0", "1"]


def test_a_list_shows_the_eighteen_facts(approver: Client) -> None:
    configure(approver, relationship_manager_email="manager@example.com")
    made = make(approver)
    decide(approver, made, finance_approver_email=FINANCE, comment="fine")
    (found,) = approver.get(PATH).json["invoices"]
    assert list(found) == EIGHTEEN
    assert found == shown(approver, made)
    assert found == made | {
        "approval_status": "in progress",
        "relationship_manager_email": "manager@example.com",
        "finance_approver_email": FINANCE,
        "approved_by_manager_email": "manager@example.com",
        "comment": "fine",
    }


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("sort=id&order=asc", [0, 1, 2, 3]),
        ("sort=created_at", [3, 2, 1, 0]),
        ("sort=service_date&order=asc", [2, 0, 1, 3]),
        ("sort=total_amount", [0, 2, 1, 3]),
        ("sort=status&order=asc", [0, 3, 1, 2]),
        ("status=paid&order=asc", [0, 3]),
        ("status=partially%20paid", [1]),
        ("status=unpaid", [2]),
        ("status=pending&order=asc", [0, 2]),
        ("status=in%20progress", [1]),
        ("status=denied", [3]),
        ("status=approved", []),
    ],
)
def test_a_list_is_sorted_and_filtered(approver: Client, query: str, places: list[int]) -> None:
    facts = [("2024-10-11", 900), ("2024-10-12", 100), ("2024-10-10", 500), (None, 0)]
    made = [make(approver, service_date=day, total_amount=total, amount_requested=0) for day, total in facts]
    urls = [f"{INVOICES}/{native(approver, each)['id']}" for each in made]
    data(approver.put(urls[0], json={"status": "paid"}))
    data(approver.put(urls[1], json={"status": "sent"}))
    data(approver.post(f"{urls[1]}/payments", json={"amount": 1}), 201)
    data(approver.put(urls[3], json={"status": "paid"}))
    decide(approver, made[1])
    decide(approver, made[3], approvalAction="deny")
    assert listed(approver, query) == [made[place]["transaction_id"] for place in places]
    for each in made:
        found = shown(approver, each)
        for status in (found["status"], found["approval_status"]):
            assert each["transaction_id"] in listed(approver, f"status={status}")


def test_an_invoice_is_found_by_its_transaction_id(invoices: Client) -> None:
    first, _ = make(invoices), make(invoices)
    assert listed(invoices, f"transaction_id={first['transaction_id']}") == [first["transaction_id"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(("sort=notes", "sort"), ("sort=", "sort"), ("order=up", "order"), ("status=draft", "status")),
        *(("per_page=0", "per_page"), ("per_page=101", "per_page"), ("page=0", "page"), ("page=x", "page")),
        *(("company_id=x", "company_id"), ("transaction_id=%00", "transaction_id"), ("limit=1", "limit")),
    ],
)
def test_a_list_says_what_it_cannot_do(invoices: Client, query: str, field: str) -> None:
    wrong(invoices.get(f"{PATH}?{query}"), field)


# Delete


def test_its_user_deletes_an_unpaid_invoice(invoices: Client) -> None:
    for told in (
        {"json": {"user_email": "user@example.com"}},
        {"query_string": {"user_email": "user@example.com"}},
        {"json": {"user_email": "User@Example.com"}, "query_string": {"user_email": "User@Example.com"}},
    ):
        made = make(invoices)
        answer = invoices.delete(at(made, "/destroy"), **told)
        said = {"message": "Invoice deleted successfully.", "transaction_id": made["transaction_id"]}
        assert (answer.status_code, answer.json) == (200, said)
        says(invoices.get(at(made)), 404, "Resource not found")
        says(invoices.delete(at(made, "/destroy"), **told), 404, "Resource not found")


def test_nobody_else_deletes_it(invoices: Client) -> None:
    made, nobodys = make(invoices), make(invoices, user_email=None)
    stranger = {"user_email": "stranger@example.com"}
    for each in (made, nobodys):
        with nothing_changes(invoices, native(invoices, each)):
            says(invoices.delete(at(each, "/destroy"), json=stranger), 403, "The invoice belongs to another user")
            for told in ({}, {"json": {}}, {"json": {"user_email": "x"}}, {"json": BODY}, {"json": []}):
                assert invoices.delete(at(each, "/destroy"), **told).status_code == 400
            answer = invoices.delete(at(each, "/destroy"))
            says(answer, 400, "Invalid request parameters", user_email=["Missing data for required field."])
            two = invoices.delete(at(each, "/destroy?user_email=user@example.com"), json=stranger)
            says(two, 400, "Invalid request parameters", user_email=["Two different users are named."])


def test_what_is_paid_or_would_leave_a_gap_is_not_deleted(invoices: Client) -> None:
    paid, nothing_owed, partly, numbered = (
        make(invoices),
        make(invoices, total_amount=0, amount_requested=0),
        make(invoices),
        make(invoices),
    )
    for made, status, number in (
        (paid, "paid", "A"),
        (nothing_owed, "paid", "B"),
        (partly, "sent", "C"),
        (numbered, "sent", None),
    ):
        told = {"status": status} | ({"invoice_number": number} if number else {})
        data(invoices.put(f"{INVOICES}/{native(invoices, made)['id']}", json=told))
    data(invoices.post(f"{INVOICES}/{native(invoices, partly)['id']}/payments", json={"amount": 1}), 201)
    for made, why in (
        (paid, "An invoice that is paid cannot be deleted"),
        (nothing_owed, "An invoice that is paid cannot be deleted"),
        (partly, "An invoice that is partially paid cannot be deleted"),
        (numbered, "An invoice with a number from the series cannot be deleted; cancel it"),
    ):
        with nothing_changes(invoices, native(invoices, made)):
            says(invoices.delete(at(made, "/destroy"), json={"user_email": "user@example.com"}), 422, why)


# As everywhere


def test_a_repeat_under_the_same_key_is_the_first_answer(approver: Client) -> None:
    key = {"Idempotency-Key": "once"}
    first = approver.post(PATH, json=BODY, headers=key)
    again = approver.post(PATH, json=BODY, headers=key)
    assert (again.status_code, again.data, again.headers["Location"]) == (201, first.data, first.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert listed(approver) == [first.json["invoice"]["transaction_id"]]
    made = first.json["invoice"]
    key = {"Idempotency-Key": "twice"}
    answers = [approver.put(at(made, "/approve"), json=APPROVAL, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].data == answers[1].data


def test_a_version_that_is_not_the_current_one_is_refused(approver: Client) -> None:
    made = make(approver)
    old = {"If-Match": '"7"'}
    with nothing_changes(approver, native(approver, made)):
        for answer in (
            approver.put(at(made), json=CHANGE, headers=old),
            approver.put(at(made, "/approve"), json=APPROVAL, headers=old),
            approver.put(at(made, "/finance-approve"), json={"finance_approved": True}, headers=old),
            approver.delete(at(made, "/destroy"), json={"user_email": "user@example.com"}, headers=old),
        ):
            says(answer, 412, "If-Match does not name the current version")
    current = {"If-Match": approver.get(at(made)).headers["ETag"]}
    assert approver.put(at(made), json=CHANGE, headers=current).status_code == 200


def test_no_call_is_answered_to_a_stranger(app: Flask) -> None:
    for method, path in (("GET", PATH), ("POST", PATH), ("GET", f"{PATH}/x"), ("DELETE", f"{PATH}/x/destroy")):
        answer = app.test_client().open(path, method=method)
        says(answer, 401, "Invalid or missing API key")


def test_paths_and_methods_that_are_not_there_are_said_by_name(invoices: Client) -> None:
    says(invoices.get(f"{PATH}/x/destroy"), 405, "Method not allowed")
    says(invoices.delete(f"{PATH}/x"), 405, "Method not allowed")
    says(invoices.get(f"{PATH}/x/y/z"), 404, "Resource not found")


def test_a_reply_can_be_sent_back_and_changes_nothing_but_what_is_changed_in_it(invoices: Client) -> None:
    made = shown(invoices, make(invoices))
    answer = invoices.put(at(made), json=made | {"category_name": "Travel"})
    assert answer.status_code == 200, answer.data
    assert shown(invoices, made) == made | {"category_name": "Travel"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 0),
        ("status", "paid"),
        ("approval_status", "approved"),
        ("balance", "0.00"),
        ("transaction_id", "H360-OTHERS"),
        ("relationship_manager_email", "me@example.com"),
        ("finance_approver_email", "me@example.com"),
        ("approved_by_manager_email", "me@example.com"),
        ("comment", "fine"),
    ],
)
def test_what_cannot_be_changed_is_taken_only_as_it_is_shown(invoices: Client, name: str, value: Any) -> None:
    made = shown(invoices, make(invoices))
    answer = invoices.put(at(made), json=made | {"category_name": "Travel", name: value})
    assert (answer.status_code, answer.json["errors"]) == (400, {name: ["Cannot be changed here."]})
    assert shown(invoices, made) == made
