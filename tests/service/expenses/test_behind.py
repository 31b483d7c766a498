"""An expense service that was restored from an older copy, so that others know versions it has never given."""

from typing import Any

import pytest
from sqlalchemy import update

from services.expenses.models import Expense

from .conftest import EXPENSES, Both


def restored(both: Both) -> None:
    """Its expenses are as they are, but it has told nobody of them yet, as far as it knows."""
    with both.db.write() as session:
        session.execute(update(Expense).values(spend_version=0, billable_version=0))


def versions(both: Both) -> tuple[int, int]:
    """The newest versions given to a message about the only expense."""
    with both.db.read() as session:
        expense = session.query(Expense).one()
        return expense.spend_version, expense.billable_version


def known(both: Both, **facts: Any) -> tuple[str, str]:
    """A budget, and the path of an expense on it of which it knows version 9."""
    budget = both.budget(100)
    expense = f"{EXPENSES}/{both.expense(amount=1, budget_id=budget, **facts)['id']}"
    for amount in range(2, 6):
        assert both.expenses.put(expense, json={"amount": amount}).status_code == 200
    restored(both)
    return budget, expense


@pytest.mark.parametrize(("less", "left"), [({"amount": 3}, 3), ({"budget_id": None}, 0), (None, 0)])
def test_what_is_told_is_told_again_above_what_is_known(both: Both, less: dict[str, Any] | None, left: int) -> None:
    budget, expense = known(both)
    done = both.expenses.put(expense, json=less) if less else both.expenses.delete(expense)
    assert done.status_code in (200, 204)
    both.settle()
    assert both.spent(budget) == left
    assert both.outbox() == []
    if less:
        assert versions(both)[0] == 10
        assert both.expenses.put(expense, json={"amount": 70, "budget_id": budget}).status_code == 200
        assert both.spent(budget) == 70


def test_a_question_is_asked_again_above_what_is_known(both: Both) -> None:
    budget, expense = known(both)
    assert both.expenses.put(expense, json={"amount": 60}).status_code == 200
    assert (both.spent(budget), versions(both)[0]) == (60, 11)
    assert both.expenses.put(expense, json={"amount": 100.01}).status_code == 422
    assert both.expenses.put(expense, json={"amount": 7}).status_code == 200
    assert both.spent(budget) == 7
    assert both.outbox() == []


def test_a_question_above_what_is_known_can_be_refused(both: Both) -> None:
    budget, expense = known(both)
    assert both.expenses.put(expense, json={"amount": 100.01}).status_code == 422
    assert both.spent(budget) == 5
    assert both.outbox() == []


@pytest.mark.parametrize("cuts", [["after"], ["late"], [None, "after"], [None, "late"]])
def test_what_had_no_answer_is_undone_above_what_is_known(both: Both, cuts: list[str | None]) -> None:
    budget, expense = known(both)
    both.line.cuts = cuts
    assert both.expenses.put(expense, json={"amount": 60}).status_code == 503
    both.line.arrive()
    both.settle()
    assert both.spent(budget) == 5
    assert both.outbox() == []


def test_a_change_in_a_project_is_asked_and_told_above_what_is_known(both: Both) -> None:
    number = both.project_expense(name="Tyres", cost=200)
    for cost in (201, 202):
        assert both.expenses.put(f"/expenses/{number}.json", json={"expense": {"cost": cost}}).status_code == 200
    restored(both)
    assert both.expenses.put(f"/expenses/{number}.json", json={"expense": {"cost": 300}}).status_code == 200
    both.settle()
    assert (both.told(number)["held"], both.told(number)["amount"], both.told(number)["version"]) == (False, 300, 8)
    assert versions(both)[1] == 8
    assert both.outbox() == []


def test_a_question_that_another_message_overtook_is_not_asked_again(both: Both) -> None:
    budget = both.budget(100)
    expense = f"{EXPENSES}/{both.expense(amount=50, budget_id=budget)['id']}"
    both.line.meanwhile = lambda: both.expenses.put(expense, json={"amount": 10})
    assert both.expenses.put(expense, json={"amount": 60}).status_code == 409
    both.settle()
    assert both.spent(budget) == 10
