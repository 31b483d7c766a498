"""A `spent_amount` that was acknowledged is what there is at rest, but for what expenses change afterwards."""

from dataclasses import replace
from typing import Any

import pytest

from .conftest import BUDGETS, EXPENSES, Both

UNITS = [pytest.param("USD", 0.01, id="USD"), pytest.param("JPY", 1, id="JPY"), pytest.param("BHD", 0.001, id="BHD")]


def write(both: Both, budget: str, spent: float, **how: Any) -> int:
    return both.budgets.put(f"{BUDGETS}/{budget}", json={"spent_amount": spent}, **how).status_code


@pytest.mark.parametrize("cut", ["after", "late"])
@pytest.mark.parametrize(("currency", "unit"), UNITS)
def test_what_is_spent_is_not_written_over_what_may_be_undone(both: Both, cut: str, currency: str, unit: float) -> None:
    budget = both.budget(None, currency=currency)
    kept = both.expense(amount=3 * unit, currency=currency, budget_id=budget)
    both.line.cuts = [cut]
    facts = {"amount": 60 * unit, "currency": currency, "budget_id": budget}
    assert both.expenses.post(EXPENSES, json=facts).status_code == 503
    both.line.arrive()
    assert both.spent(budget) == pytest.approx(63 * unit)
    assert write(both, budget, 90 * unit) == 409
    assert both.spent(budget) == pytest.approx(63 * unit)
    both.settle()
    assert write(both, budget, 90 * unit) == 200
    both.settle()
    assert both.spent(budget) == pytest.approx(90 * unit)
    assert both.expenses.delete(f"{EXPENSES}/{kept['id']}").status_code == 204
    assert both.spent(budget) == pytest.approx(87 * unit)


def test_what_is_spent_is_not_written_between_a_yes_and_the_commit(both: Both) -> None:
    budget, other = both.budget(100), both.budget(100)
    both.expense(amount=5, budget_id=other)
    answers: list[int] = []
    both.line.meanwhile = lambda: answers.extend([write(both, budget, 50), write(both, other, 50)])
    both.expense(amount=30, budget_id=budget)
    assert answers == [409, 200]
    assert (both.spent(budget), both.spent(other)) == (30, 50)


@pytest.mark.parametrize("less", [{"amount": 4}, {"budget_id": None}, None])
def test_what_is_spent_is_not_written_over_less_that_is_yet_to_be_told(both: Both, less: dict[str, Any] | None) -> None:
    budget = both.budget(100)
    expense = f"{EXPENSES}/{both.expense(amount=10, budget_id=budget)['id']}"
    both.line.cuts = ["before"]
    done = both.expenses.put(expense, json=less) if less else both.expenses.delete(expense)
    assert done.status_code in (200, 204)
    assert write(both, budget, 50) == 409
    both.settle()
    assert write(both, budget, 50) == 200
    both.settle()
    assert both.spent(budget) == 50


def test_what_is_spent_is_not_written_while_a_move_is_held(both: Both) -> None:
    dollars, yen = both.budget(100), both.budget(None, currency="JPY")
    expense = both.expense(amount=10, budget_id=dollars)["id"]
    both.line.cuts = ["after"]
    moved = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 1500, "currency": "JPY", "budget_id": yen})
    assert moved.status_code == 503
    assert (write(both, dollars, 50), write(both, yen, 50)) == (409, 409)
    both.settle()
    assert (write(both, dollars, 50), write(both, yen, 50)) == (200, 200)
    both.settle()
    assert (both.spent(dollars), both.spent(yen)) == (50, 50)


def test_an_expense_booked_meanwhile_is_counted_in_what_is_written(both: Both) -> None:
    budget = both.budget(100)
    both.expense(amount=5, budget_id=budget)
    patient = replace(both.budgets.app.extensions["peers"], certainty_deadline=20)
    both.budgets.app.extensions["peers"] = patient
    both.back.meanwhile = lambda: both.expense(amount=7, budget_id=budget)
    assert write(both, budget, 50) == 200
    assert len(both.all_expenses()) == 2
    assert both.spent(budget) == 50


def test_without_the_expense_service_only_a_budget_with_nothing_on_it_is_written(both: Both) -> None:
    budget, empty = both.budget(100), both.budget(100)
    both.expense(amount=5, budget_id=budget)
    both.back.cut = "before"
    answer = both.budgets.put(f"{BUDGETS}/{budget}", json={"spent_amount": 50})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert write(both, empty, 50) == 200
    assert both.budgets.put(f"{BUDGETS}/{budget}", json={"name": "x"}).status_code == 200
    assert (both.spent(budget), both.spent(empty)) == (5, 50)


def test_a_repeat_of_what_was_written_needs_nobody(both: Both) -> None:
    budget, key = both.budget(100), {"Idempotency-Key": "once"}
    both.expense(amount=5, budget_id=budget)
    assert write(both, budget, 50, headers=key) == 200
    both.expense(amount=7, budget_id=budget)
    both.back.cut = "before"
    again = both.budgets.put(f"{BUDGETS}/{budget}", json={"spent_amount": 50}, headers=key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert both.spent(budget) == 57


def test_of_an_unknown_budget_nobody_is_asked(both: Both) -> None:
    both.back.cut = "before"
    key = {"Idempotency-Key": "once"}
    for replayed in (None, "true"):
        unknown = f"{BUDGETS}/11111111-2222-4333-8444-555555555555"
        answer = both.budgets.put(unknown, json={"spent_amount": 50}, headers=key)
        assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (404, replayed)
