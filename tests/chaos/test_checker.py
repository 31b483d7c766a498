"""The checker finds each kind of violation, planted one at a time in what would else be right."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.chaos.checker import violations
from tests.chaos.observe import Invoice, Seen
from tests.chaos.record import Facts, Ledger, Operation, Outcome, Thing

Plant = Callable[[Ledger, Seen], object]

BUDGET, EXPENSE, MAIL = "b-1", "e-1", "i-1@example.com"
INVOICE_FACTS: Facts = {
    "text": "i-1",
    "total": Decimal("12.50"),
    "currency": "USD",
    "status": "sent",
    "paid": Decimal("2.50"),
    "payments": 1,
    "completed": False,
    "approval": "pending",
    "numbered": True,
}
EXPENSE_FACTS: Facts = {
    "text": "e-1",
    "amount": Decimal("8.00"),
    "currency": "USD",
    "budget": BUDGET,
    "receipt": "digest",
}
BUDGET_FACTS: Facts = {"name": "g-1", "total": Decimal("10.00"), "currency": "USD", "_opening": Decimal("1.00")}


def told(name: str, kind: str, change: tuple[str, str, str], outcome: Outcome = Outcome.ACKED) -> Operation:
    status = {Outcome.ACKED: 200, Outcome.REFUSED: 422, Outcome.UNKNOWN: None}[outcome]
    return Operation(name, kind, outcome, status, True, change, [(200, "{}"), (200, "{}")], None)


@pytest.fixture
def ledger() -> Ledger:
    """An invoice that was sent and paid in part, an expense on a budget, and a request that was refused."""
    ledger = Ledger()
    for kind, mark, facts, change in (
        ("budget", "g-1", BUDGET_FACTS, ("budgets", "budget", "created")),
        ("expense", "e-1", EXPENSE_FACTS, ("expenses", "expense", "created")),
        ("invoice", "i-1", INVOICE_FACTS, ("invoices", "invoice", "created")),
    ):
        ledger.settle(told(f"r-{mark}", f"create {kind}", change), [(ledger.thing(kind, mark), facts)])
    invoice = ledger.things["i-1"]
    sent = told("r-send", "send", ("invoices", "invoice", "sent"))
    ledger.settle(sent, [(invoice, invoice.facts)], MAIL)
    ledger.letters[MAIL].message_ids.add("<1@example.com>")
    refused = told("r-no", "create expense", ("expenses", "expense", "created"), Outcome.REFUSED)
    ledger.settle(refused, [(ledger.thing("expense", "e-2"), {"text": "e-2"})])
    return ledger


@pytest.fixture
def seen() -> Seen:
    """Just that."""
    native: Facts = {
        "total": Decimal("12.50"),
        "currency": "USD",
        "status": "sent",
        "amount_paid": Decimal("2.50"),
        "amount_due": Decimal("10.00"),
        "invoice_number": "INV-2026-0001",
        "notes": "i-1",
    }
    delivery = {"status": "delivered", "to": MAIL, "message_id": "<1@example.com>"}
    faces: dict[str, Facts] = {
        "finance": native | {"id": "i", "approval": "pending", "delivery": delivery},
        "accounts": native | {"id": 1},
        "approvals": {
            "id": 1,
            "description": None,
            "total_amount": "12.50",
            "approval_status": "pending",
            "status": "partially paid",
        },
        "projects": {
            "id": "1",
            "project-id": "",
            "description": "",
            "total-cost": "12.50",
            "currency-code": "USD",
            "number": "INV-2026-0001",
            "status": "active",
        },
    }
    changes = Counter(
        [
            ("r-g-1", "budgets", "budget", "created"),
            ("r-e-1", "expenses", "expense", "created"),
            ("r-i-1", "invoices", "invoice", "created"),
            ("r-send", "invoices", "invoice", "sent"),
        ]
    )
    expense = {"id": EXPENSE, "description": "e-1", "amount": Decimal("8.00"), "currency": "USD", "budget_id": BUDGET}
    budget = {"id": BUDGET, "name": "g-1", "currency": "USD", "enforcement": "hard"}
    return Seen(
        invoices=[Invoice(faces, [{"amount": Decimal("2.50")}], [{}, {}])],
        expenses=[expense | {"receipt_url": "there"}],
        project_expenses=[{"id": "1", "name": "e-1", "cost": "8.00", "currency-code": "USD", "invoice-id": ""}],
        budgets=[
            budget
            | {
                "total_amount": Decimal("10.00"),
                "spent_amount": Decimal("9.00"),
                "remaining_amount": Decimal("1.00"),
            }
        ],
        spends={BUDGET: [{"expense_id": EXPENSE, "amount": Decimal("8.00")}]},
        receipts={EXPENSE: "digest"},
        changes=changes,
        entries_of=Counter({"i": 2}),
        letters=[("<1@example.com>", MAIL), ("<1@example.com>", MAIL)],
        files={"w/1"},
        named_files={"w/1"},
    )


def test_what_is_right_is_found_right(ledger: Ledger, seen: Seen) -> None:
    assert violations(ledger, seen) == []


def lost(_: Ledger, seen: Seen) -> None:
    seen.expenses.clear()
    seen.project_expenses.clear()
    seen.spends[BUDGET].clear()
    spent(seen, "1.00")
    seen.files.clear()
    seen.named_files.clear()


def doubled(_: Ledger, seen: Seen) -> None:
    seen.expenses.append(seen.expenses[0] | {"id": "e-1b", "budget_id": None})
    seen.project_expenses.append(seen.project_expenses[0] | {"id": "2"})


def refused_and_there(_: Ledger, seen: Seen) -> None:
    seen.expenses.append(seen.expenses[0] | {"id": "e-2", "description": "e-2", "budget_id": None})
    seen.project_expenses.append(seen.project_expenses[0] | {"id": "2", "name": "e-2"})


def another_amount(ledger: Ledger, _: Seen) -> None:
    ledger.things["e-1"].facts = EXPENSE_FACTS | {"amount": Decimal("8.01")}


def from_nowhere(ledger: Ledger, _: Seen) -> None:
    del ledger.things["e-1"]


def half_done(ledger: Ledger, _: Seen) -> None:
    """The invoice is as after the request, the expense as before."""
    invoice, expense = ledger.things["i-1"], ledger.things["e-1"]
    invoice.facts, after = INVOICE_FACTS | {"total": Decimal("20.50")}, INVOICE_FACTS
    both: list[tuple[Thing, Facts | None]] = [(invoice, after), (expense, EXPENSE_FACTS | {"amount": Decimal("1.00")})]
    ledger.settle(told("r-doubt", "put on", ("invoices", "invoice", "updated"), Outcome.UNKNOWN), both)


def face(dialect: str, name: str, value: Any) -> Plant:
    def plant(_: Ledger, seen: Seen) -> None:
        seen.invoices[0].faces[dialect][name] = value

    return plant


def spent(seen: Seen, amount: str) -> None:
    left = Decimal("10.00") - Decimal(amount)
    seen.budgets[0] |= {"spent_amount": Decimal(amount), "remaining_amount": left}


def rewritten(ledger: Ledger, opening: str, outcome: Outcome = Outcome.UNKNOWN) -> None:
    """What is spent of the budget was written."""
    change = told("r-spent", "write what is spent", ("budgets", "budget", "updated"), outcome)
    ledger.settle(change, [(ledger.things["g-1"], BUDGET_FACTS | {"_opening": Decimal(opening)})])


def operation(name: str, **changes: Any) -> Plant:
    def plant(ledger: Ledger, _: Seen) -> None:
        at = next(place for place, each in enumerate(ledger.operations) if each.request_id == name)
        ledger.operations[at] = replace(ledger.operations[at], **changes)

    return plant


def twin_number(ledger: Ledger, seen: Seen) -> None:
    """Another invoice with the same number; all else about it is right."""
    (invoice,) = seen.invoices
    faces = {name: dict(row) for name, row in invoice.faces.items()}
    for row in (faces["finance"], faces["accounts"]):
        row["notes"] = "i-2"
    seen.invoices.append(Invoice(faces, invoice.payments, invoice.history))
    ledger.thing("invoice", "i-2").facts = INVOICE_FACTS | {"text": "i-2"}


def entries(times: int) -> Plant:
    def plant(_: Ledger, seen: Seen) -> None:
        seen.changes["r-send", "invoices", "invoice", "sent"] = times

    return plant


PLANTS: list[tuple[str, Plant]] = [
    ("acknowledged and lost", lost),
    ("doubled", doubled),
    ("refused or deleted, and there", refused_and_there),
    ("not as acknowledged", another_amount),
    ("from nowhere", from_nowhere),
    ("half done", half_done),
    ("unequal in dialects", face("projects", "total-cost", "12.51")),
    ("unequal in dialects", face("approvals", "status", "unpaid")),
    ("unequal in dialects", face("accounts", "status", "draft")),
    ("missing in a dialect", lambda _, seen: seen.invoices[0].faces.pop("approvals")),
    ("missing in a dialect", lambda _, seen: seen.project_expenses.clear()),
    ("a budget that does not add up", lambda _, seen: spent(seen, "9.01")),
    ("a budget that does not add up", lambda _, seen: seen.spends[BUDGET].clear()),
    ("a budget that does not add up", lambda ledger, _: rewritten(ledger, "3.00", Outcome.ACKED)),
    ("a budget that does not add up", lambda ledger, seen: [rewritten(ledger, "3.00"), spent(seen, "10.00")]),
    ("an overdrawn budget", lambda _, seen: spent(seen, "10.01")),
    ("seen at a read", lambda ledger, _: ledger.seen.append("budget over its cap for a moment")),
    ("payments that do not add up", lambda _, seen: seen.invoices[0].payments.clear()),
    ("an invoice that does not add up", face("projects", "project-id", "7")),
    ("numbers", face("finance", "invoice_number", "INV-2026-0002")),
    ("numbers", twin_number),
    ("mail", lambda _, seen: seen.letters.append(("<2@example.com>", MAIL))),
    ("mail", lambda _, seen: seen.letters.clear()),
    ("undelivered at rest", lambda _, seen: seen.invoices[0].faces["finance"]["delivery"].update(status="queued")),
    ("history", entries(0)),
    ("history", entries(2)),
    ("history", lambda _, seen: seen.changes.update([("r-no", "expenses", "expense", "created")])),
    ("history", lambda _, seen: seen.invoices[0].history.pop()),
    ("receipt files", lambda _, seen: seen.files.add("w/orphan")),
    ("receipt files", lambda _, seen: seen.files.clear()),
    ("not as acknowledged", lambda _, seen: seen.receipts.update({EXPENSE: "other bytes"})),
    ("two answers for a key", operation("r-send", answers=[(200, "{}"), (422, "{}")])),
    ("refused against the rules", operation("r-no", allowed=True)),
    ("accepted against the rules", operation("r-send", allowed=False)),
]


@pytest.mark.parametrize(("kind", "plant"), PLANTS, ids=[f"{at}-{kind}" for at, (kind, _) in enumerate(PLANTS)])
def test_a_planted_violation_is_found(kind: str, plant: Plant, ledger: Ledger, seen: Seen) -> None:
    plant(ledger, seen)
    assert kind in {violation.kind for violation in violations(ledger, seen)}


def test_a_request_without_an_answer_may_have_come_through_or_not(ledger: Ledger, seen: Seen) -> None:
    expense = ledger.things["e-1"]
    unknown = told("r-doubt", "change", ("expenses", "expense", "updated"), Outcome.UNKNOWN)
    ledger.settle(unknown, [(expense, EXPENSE_FACTS | {"amount": Decimal("1.00")})])
    assert violations(ledger, seen) == []
    expense.facts = EXPENSE_FACTS | {"amount": Decimal("1.00")}
    unknown_before = replace(ledger.operations.pop(), request_id="r-after")
    expense.doubt = None
    ledger.settle(unknown_before, [(expense, EXPENSE_FACTS)])
    assert {violation.kind for violation in violations(ledger, seen)} == {"history"}  # it came, and is not told of
    seen.changes["r-after", "expenses", "expense", "updated"] = 1
    assert violations(ledger, seen) == []


@pytest.mark.parametrize("amount", ["9.00", "10.00"])
def test_a_figure_written_without_an_answer_is_there_or_not(ledger: Ledger, seen: Seen, amount: str) -> None:
    rewritten(ledger, "2.00")
    spent(seen, amount)
    assert violations(ledger, seen) == []


def test_an_expense_outlives_its_budget(ledger: Ledger, seen: Seen) -> None:
    seen.budgets.clear()
    seen.spends.clear()
    seen.expenses[0]["budget_id"] = None
    ledger.things["g-1"].facts = None
    assert violations(ledger, seen) == []
