"""The history: every change leaves one entry that says who, under which request, and from what to what."""

from typing import Any

from sqlalchemy import select

from shared.audit import Audit
from shared.db import Database
from tests.client import WORKSPACE, Client

from .conftest import BUDGETS, EXPENSES, Both


def history(client: Client) -> list[tuple[str, str, dict[str, Any]]]:
    db: Database = client.app.extensions["service"].db
    with db.read() as session:
        return [
            (entry.subject, entry.action, entry.changes) for entry in session.scalars(select(Audit).order_by(Audit.id))
        ]


def test_each_change_of_a_budget_is_told_from_what_to_what(both: Both) -> None:
    budget = both.budget(100, name="a", end_date="2024-04-01")
    both.budgets.put(f"{BUDGETS}/{budget}", json={"name": "b", "total_amount": 100, "spent_amount": 5})
    both.budgets.put(f"{BUDGETS}/{budget}", json={"total_amount": 1})
    both.budgets.delete(f"{BUDGETS}/{budget}")
    created, updated, deleted = history(both.budgets)
    assert created[:2] == ("budget", "created")
    assert (
        created[2].items()
        >= {"name": [None, "a"], "total_minor": [None, 10000], "end_on": [None, "2024-04-01"]}.items()
    )
    assert updated == ("budget", "updated", {"name": ["a", "b"], "opening_minor": [0, 500]})
    assert deleted[:2] == ("budget", "deleted")


def test_each_change_of_an_expense_is_told_from_what_to_what(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=10, budget_id=budget)["id"]
    both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 20, "description": "d"})
    both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 2000})
    both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 5})
    both.budgets.delete(f"{BUDGETS}/{budget}")
    both.settle()
    both.expenses.delete(f"{EXPENSES}/{expense}")
    told = history(both.expenses)
    assert [action for _, action, _ in told] == ["created", "updated", "updated", "unlinked", "deleted"]
    assert told[0][2].items() >= {"amount_minor": [None, 1000], "budget_id": [None, budget]}.items()
    assert told[1][2].items() >= {"amount_minor": [1000, 2000], "description": [None, "d"]}.items()
    assert told[2][2].items() >= {"amount_minor": [2000, 500]}.items()
    assert told[3][2].items() >= {"budget_id": [budget, None]}.items()


def test_an_entry_says_who_and_under_which_request(both: Both) -> None:
    both.expenses.post(EXPENSES, json={}, headers={"X-Request-Id": "r-1"})
    with both.db.read() as session:
        (entry,) = session.scalars(select(Audit))
    assert (entry.workspace_id, entry.member_id, entry.key_id, entry.request_id) == (WORKSPACE, 7, "key-1", "r-1")
    assert entry.subject_id == both.all_expenses()[0]["id"]


def test_a_replay_and_a_refusal_leave_no_entry(both: Both) -> None:
    budget = both.budget(1)
    for _ in range(2):
        both.expenses.post(EXPENSES, json={}, headers={"Idempotency-Key": "k"})
        both.expenses.post(EXPENSES, json={"amount": 2, "budget_id": budget})
        both.expenses.post(EXPENSES, json={"amount": "x"})
    assert [action for _, action, _ in history(both.expenses)] == ["created"]
