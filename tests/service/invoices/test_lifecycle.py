"""What moves an invoice: status writes, payments, the lock, approvals."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from services.invoices import actions as done
from services.invoices import queries
from shared.errors import Refused
from shared.versions import IfMatch
from tests.client import CALLER, Client
from tests.service.invoices.steps import INVOICES, actions, data, history, make, nothing_changes, read, refused, url

TODAY = datetime.now(UTC).date()
PAST, FUTURE = (TODAY - timedelta(days=2)).isoformat(), (TODAY + timedelta(days=2)).isoformat()

APPROVE = {"yes": True, "manager_email": "manager@example.com"}
DENY = APPROVE | {"yes": False}
INSTALLATION = done.Installation(domain="seller.example")

MOVES = {
    "draft": {"draft", "sent", "overdue", "paid", "cancelled"},
    "sent": {"sent", "overdue", "paid", "cancelled"},
    "overdue": {"sent", "overdue", "paid", "cancelled"},
    "paid": {"paid"},
    "cancelled": {"cancelled"},
}


@pytest.mark.parametrize("status", MOVES)
def test_a_status_moves_only_forward(invoices: Client, status: str) -> None:
    for to in MOVES:
        made = make(invoices, status=status, total=10)
        assert made["status"] == status
        if to in MOVES[status]:
            assert data(invoices.put(url(made), json={"status": to}))["status"] == to
        else:
            with nothing_changes(invoices, made):
                refused(invoices.put(url(made), json={"status": to, "notes": "x"}), status, to)


@pytest.mark.parametrize("status", ["sent", "overdue", "paid", "cancelled"])
def test_whatever_leaves_draft_has_a_number(invoices: Client, status: str) -> None:
    number = f"INV-{TODAY.year}-0001"
    made = make(invoices)
    assert data(invoices.put(url(made), json={"status": status}))["invoice_number"] == number
    assert make(invoices, status=status)["invoice_number"] == f"INV-{TODAY.year}-0002"


def test_marking_sent_by_hand_mails_nothing(app: Flask, invoices: Client) -> None:
    made = make(invoices, client_email="a@b.example")
    sent = data(invoices.put(url(made), json={"status": "sent"}))
    assert sent["sent_at"]
    assert sent["delivery"] is None
    with app.extensions["service"].db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar() == 0


def test_sent_is_called_overdue_after_its_due_date_with_money_owed(invoices: Client) -> None:
    late = make(invoices, status="sent", total=10, due_date=PAST)
    due_today = make(invoices, status="sent", total=10, due_date=TODAY.isoformat())
    nothing_owed = make(invoices, status="sent", due_date=PAST)
    open_ended = make(invoices, status="sent", total=10)
    written = make(invoices, status="overdue", total=10, due_date=FUTURE)
    for made, status in (
        (late, "overdue"),
        (due_today, "sent"),
        (nothing_owed, "sent"),
        (open_ended, "sent"),
        (written, "overdue"),
    ):
        assert (made["status"], made["is_overdue"]) == (status, status == "overdue")
    for status, expected in (("overdue", [late, written]), ("sent", [due_today, nothing_owed, open_ended])):
        listed = invoices.get(f"{INVOICES}?status={status}&sort=created_at").json["data"]
        assert listed == expected
    assert data(invoices.put(url(late), json={"due_date": FUTURE}))["status"] == "sent"
    data(invoices.put(url(late), json={"due_date": PAST}))
    data(invoices.post(url(late, "/payments"), json={"amount": 10}), 201)
    assert read(invoices, late)["status"] == "paid"


def test_a_written_overdue_becomes_sent_again(invoices: Client) -> None:
    made = make(invoices, status="overdue", total=10)
    assert data(invoices.put(url(made), json={"status": "sent"}))["is_overdue"] is False


# Payments


def test_payments_add_up_until_the_invoice_is_paid(invoices: Client) -> None:
    made = make(invoices, status="sent", total=220)
    answer = invoices.post(
        url(made, "/payments"),
        json={"amount": 100.5, "date": "2024-03-15", "method": "transfer", "reference": "R 1", "note": "first"},
    )
    first = data(answer, 201)
    assert data(invoices.get(answer.headers["Location"])) == first
    assert first["amount"] == Decimal("100.5")
    assert (first["date"], first["method"], first["currency"]) == ("2024-03-15", "transfer", "USD")
    part = read(invoices, made)
    assert (part["status"], part["amount_paid"], part["amount_due"]) == ("sent", Decimal("100.5"), Decimal("119.5"))
    second = data(invoices.post(url(made, "/payments"), json={"amount": 119.5}), 201)
    whole = read(invoices, made)
    assert (whole["status"], whole["amount_paid"], whole["amount_due"]) == ("paid", 220, 0)
    assert invoices.get(url(made, "/payments")).json["data"] == [first, second]
    assert actions(invoices, made) == ["created", "payment booked", "payment booked"]
    told = history(invoices, made)[-1]["changes"]
    assert told["amount_paid"] == [Decimal("100.5"), 220]
    assert told["status"] == ["sent", "paid"]
    assert told["payment"][1]["amount"] == Decimal("119.5")


def test_writing_paid_books_the_rest(invoices: Client) -> None:
    made = make(invoices, status="sent", total=220)
    data(invoices.post(url(made, "/payments"), json={"amount": 100}), 201)
    paid = data(invoices.put(url(made), json={"status": "paid"}))
    assert (paid["status"], paid["amount_paid"], paid["amount_due"]) == ("paid", 220, 0)
    assert [each["amount"] for each in invoices.get(url(made, "/payments")).json["data"]] == [100, 120]
    born_paid = make(invoices, status="paid", total=5)
    assert [each["amount"] for each in invoices.get(url(born_paid, "/payments")).json["data"]] == [5]
    assert history(invoices, born_paid)[0]["changes"]["payment"][1]["amount"] == 5


def test_where_nothing_is_owed_writing_paid_books_nothing(invoices: Client) -> None:
    made = make(invoices, status="paid")
    assert invoices.get(url(made, "/payments")).json["data"] == []


@pytest.mark.parametrize("status", ["draft", "paid", "cancelled"])
def test_an_invoice_that_is_not_open_takes_no_payment(invoices: Client, status: str) -> None:
    made = make(invoices, status=status, total=10)
    with nothing_changes(invoices, made):
        refused(invoices.post(url(made, "/payments"), json={"amount": 1}), status)


def test_more_than_is_due_is_refused(invoices: Client) -> None:
    made = make(invoices, status="overdue", total=10)
    with nothing_changes(invoices, made):
        refused(invoices.post(url(made, "/payments"), json={"amount": 10.01}), "Only 10.00 is due")


@pytest.mark.parametrize("amount", [0, -1, 0.001, "1", True, None])
def test_a_payment_is_a_positive_exact_amount(invoices: Client, amount: Any) -> None:
    made = make(invoices, status="sent", total=10)
    with nothing_changes(invoices, made):
        answer = invoices.post(url(made, "/payments"), json={"amount": amount})
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["amount"])


def test_racing_payments_never_overpay(invoices: Client) -> None:
    made = make(invoices, status="sent", total=10)

    def pay(_: int) -> int:
        return invoices.post(url(made, "/payments"), json={"amount": 3}).status_code

    with ThreadPoolExecutor(12) as pool:
        answers = sorted(pool.map(pay, range(12)))
    assert answers == [201] * 3 + [422] * 9
    assert read(invoices, made)["amount_paid"] == 9
    assert len(invoices.get(url(made, "/payments")).json["data"]) == 3


# The lock


def test_a_completed_invoice_refuses_every_change_but_one(app: Flask, invoices: Client) -> None:
    db = app.extensions["service"].db
    made = make(invoices, status="sent", invoice_number="A", total=10, client_email="a@b.example")
    done.complete(db, CALLER, made["id"], IfMatch())
    done.complete(db, CALLER, made["id"], IfMatch())
    with nothing_changes(invoices, made):
        for answer in (
            invoices.put(url(made), json={"notes": "x"}),
            invoices.put(url(made), json={"status": "paid"}),
            invoices.post(url(made, "/send")),
            invoices.post(url(made, "/payments"), json={"amount": 1}),
            invoices.delete(url(made)),
        ):
            refused(answer, "completed")
        for decide in (done.approve, done.finance_approve):
            with pytest.raises(Refused):
                decide(db, CALLER, made["id"], DENY, IfMatch(), INSTALLATION)
    done.uncomplete(db, CALLER, made["id"], IfMatch())
    done.uncomplete(db, CALLER, made["id"], IfMatch())
    assert actions(invoices, made) == ["created", "completed", "uncompleted"]
    assert invoices.delete(url(made)).status_code == 204


# Approval


def test_an_approval_is_told_step_by_step(app: Flask, invoices: Client) -> None:
    db = app.extensions["service"].db
    made = make(invoices, total=10)
    assert done.approve(db, CALLER, made["id"], APPROVE, IfMatch(), INSTALLATION).approval == "in progress"
    with pytest.raises(Refused):
        done.approve(db, CALLER, made["id"], APPROVE, IfMatch(), INSTALLATION)
    assert done.finance_approve(db, CALLER, made["id"], APPROVE, IfMatch(), INSTALLATION).approval == "approved"
    assert actions(invoices, made) == ["created", "approved", "finance approved"]
    assert history(invoices, made)[-1]["changes"] == {"approval": ["in progress", "approved"]}


def test_new_amounts_set_the_approval_back(app: Flask, invoices: Client) -> None:
    db = app.extensions["service"].db
    made = make(invoices, total=10)
    done.approve(db, CALLER, made["id"], APPROVE, IfMatch(), INSTALLATION)
    data(invoices.put(url(made), json={"notes": "x", "total": 10}))
    assert queries.find(db, CALLER, made["id"]).approval == "in progress"
    data(invoices.put(url(made), json={"total": 11}))
    assert queries.find(db, CALLER, made["id"]).approval == "pending"
    assert history(invoices, made)[-1]["changes"]["approval"] == ["in progress", "pending"]


def test_of_two_racing_decisions_one_wins(app: Flask, invoices: Client) -> None:
    db = app.extensions["service"].db
    made = make(invoices, total=10)

    def decide(yes: bool) -> bool:
        try:
            done.approve(db, CALLER, made["id"], APPROVE if yes else DENY, IfMatch(), INSTALLATION)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(decide, [True, False] * 3)) == 1
