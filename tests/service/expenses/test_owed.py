"""What a budget is owed, it gets: a refused change never swallows a message that is still to be delivered."""

from .conftest import BUDGETS, EXPENSES, Both


def test_a_refused_raise_does_not_swallow_the_lowering_before_it(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=80, budget_id=budget)["id"]
    both.line.cut = "before"
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 50}).status_code == 200
    both.line.cut = None
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 500}).status_code == 422
    both.settle()
    assert both.spent(budget) == 50
    assert both.outbox() == []


def test_a_refused_raise_does_not_swallow_the_end_of_the_move_before_it(both: Both) -> None:
    first, second = both.budget(100), both.budget(100)
    expense = both.expense(amount=80, budget_id=first)["id"]
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"budget_id": second}).status_code == 200
    assert (both.spent(first), both.spent(second)) == (0, 80)
    both.line.cuts = [None, "before"]
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"budget_id": first}).status_code == 200
    assert (both.spent(first), both.spent(second)) == (80, 80)
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 500}).status_code == 422
    both.settle()
    assert (both.spent(first), both.spent(second)) == (80, 0)


def test_an_unlinked_expense_that_another_budget_refuses_leaves_the_first(both: Both) -> None:
    first, second = both.budget(100), both.budget(10)
    expense = both.expense(amount=80, budget_id=first)["id"]
    both.line.cut = "before"
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"budget_id": None}).status_code == 200
    both.line.cut = None
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"budget_id": second}).status_code == 422
    both.settle()
    assert (both.spent(first), both.spent(second)) == (0, 0)


def test_a_keyed_refusal_is_kept_while_what_is_owed_is_delivered(both: Both) -> None:
    budget, key = both.budget(100), {"Idempotency-Key": "raise"}
    expense = both.expense(amount=80, budget_id=budget)["id"]
    both.line.cut = "before"
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 50}).status_code == 200
    both.line.cut = None
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 500}, headers=key).status_code == 422
    both.settle()
    assert both.budgets.put(f"{BUDGETS}/{budget}", json={"total_amount": 1000}).status_code == 200
    again = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 500}, headers=key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (422, "true")
    assert both.spent(budget) == 50


def test_an_expense_of_nothing_joins_no_closed_budget(both: Both) -> None:
    budget = both.budget(100, status="completed")
    answer = both.expenses.post(EXPENSES, json={"amount": 0, "budget_id": budget})
    assert (answer.status_code, answer.json) == (422, {"message": "The budget is completed"})
    assert both.all_expenses() == []
