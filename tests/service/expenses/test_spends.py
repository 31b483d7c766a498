"""The promise of section 7: success means both are booked, refusal means neither is, no answer ends in one of them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.client import Client

from .conftest import BUDGETS, EXPENSES, Both


def put(expenses: Client, expense_id: str, **facts: Any) -> int:
    return expenses.put(f"{EXPENSES}/{expense_id}", json=facts).status_code


def test_a_new_expense_is_booked_at_once(both: Both) -> None:
    budget = both.budget(100)
    both.expense(amount=60.25, budget_id=budget)
    assert both.spent(budget) == 60.25
    assert both.outbox() == []


def test_over_the_remaining_amount_nothing_is_left_behind(both: Both) -> None:
    budget = both.budget(100)
    answer = both.expenses.post(EXPENSES, json={"amount": 100.01, "budget_id": budget})
    assert (answer.status_code, answer.json) == (422, {"message": "Insufficient funds"})
    assert both.spent(budget) == 0
    assert both.all_expenses() == []
    assert both.outbox() == []


def test_an_unknown_budget_is_not_found(both: Both) -> None:
    answer = both.expenses.post(EXPENSES, json={"amount": 1, "budget_id": "11111111-2222-4333-8444-555555555555"})
    assert (answer.status_code, answer.json) == (404, {"message": "Resource not found"})
    assert both.all_expenses() == []


def test_another_workspaces_budget_is_not_found(both: Both) -> None:
    budget = both.budget(100)
    stranger = both.expenses.seen_by(workspace_id="99999999-2222-4333-8444-555555555555")
    assert stranger.post(EXPENSES, json={"amount": 1, "budget_id": budget}).status_code == 404
    assert both.spent(budget) == 0


@pytest.mark.parametrize("facts", [{"status": "completed"}, {"status": "cancelled"}, {"currency": "EUR"}])
def test_a_budget_that_cannot_take_it_refuses(both: Both, facts: dict[str, Any]) -> None:
    budget = both.budget(100, **facts)
    answer = both.expenses.post(EXPENSES, json={"amount": 1, "budget_id": budget})
    assert answer.status_code == 422
    assert both.spent(budget) == 0
    assert both.all_expenses() == []


def test_raising_lowering_moving_unlinking_and_deleting_add_up(both: Both) -> None:
    first, second = both.budget(100), both.budget(50)
    expense = both.expense(amount=40, budget_id=first)["id"]
    assert put(both.expenses, expense, amount=100) == 200
    assert both.spent(first) == 100
    assert put(both.expenses, expense, amount=100.01) == 422
    assert both.spent(first) == 100
    assert put(both.expenses, expense, budget_id=second) == 422
    assert (both.spent(first), both.spent(second)) == (100, 0)
    assert put(both.expenses, expense, amount=50) == 200
    assert both.spent(first) == 50
    assert put(both.expenses, expense, budget_id=second) == 200
    assert (both.spent(first), both.spent(second)) == (0, 50)
    assert put(both.expenses, expense, budget_id=None) == 200
    assert (both.spent(first), both.spent(second)) == (0, 0)
    assert put(both.expenses, expense, budget_id=first, amount=99.99) == 200
    assert both.spent(first) == 99.99
    assert both.expenses.delete(f"{EXPENSES}/{expense}").status_code == 204
    assert both.spent(first) == 0
    assert both.outbox() == []


@pytest.mark.parametrize("cut", ["before", "after"])
def test_no_answer_to_a_new_expense_leaves_neither(both: Both, cut: str) -> None:
    budget = both.budget(100)
    both.line.cut = cut
    answer = both.expenses.post(EXPENSES, json={"amount": 60, "budget_id": budget})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert both.all_expenses() == []
    both.line.cut = None
    both.settle()
    assert both.spent(budget) == 0
    assert both.outbox() == []


@pytest.mark.parametrize("cut", ["before", "after"])
def test_no_answer_to_a_raise_leaves_the_old_amount(both: Both, cut: str) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=10, budget_id=budget)["id"]
    both.line.cut = cut
    assert put(both.expenses, expense, amount=60) == 503
    both.line.cut = None
    both.settle()
    assert both.spent(budget) == 10
    assert both.expenses.get(f"{EXPENSES}/{expense}").json["data"]["amount"] == 10
    assert put(both.expenses, expense, amount=70) == 200
    assert both.spent(budget) == 70


@pytest.mark.parametrize("cut", ["before", "after"])
def test_less_money_never_waits_for_the_budget_service(both: Both, cut: str) -> None:
    budget = both.budget(100)
    lowered, unlinked, deleted = (both.expense(amount=10, budget_id=budget)["id"] for _ in range(3))
    both.line.cut = cut
    assert put(both.expenses, lowered, amount=4) == 200
    assert put(both.expenses, unlinked, budget_id=None) == 200
    assert both.expenses.delete(f"{EXPENSES}/{deleted}").status_code == 204
    both.line.cut = None
    both.settle()
    assert both.spent(budget) == 4


def test_less_money_overtakes_a_raise_that_had_no_answer(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=10, budget_id=budget)["id"]
    both.line.cut = "after"
    assert put(both.expenses, expense, amount=90) == 503
    both.line.cut = None
    assert put(both.expenses, expense, amount=5) == 200
    assert both.spent(budget) == 5
    both.settle()
    assert both.spent(budget) == 5


def test_a_move_never_lets_go_of_money_it_may_need_back(both: Both) -> None:
    first, second = both.budget(100), both.budget(100)
    expense = both.expense(amount=60, budget_id=first)["id"]
    both.line.cut = "after"
    assert put(both.expenses, expense, budget_id=second) == 503
    both.line.cut = None
    answer = both.expenses.post(EXPENSES, json={"amount": 60, "budget_id": first})
    assert answer.status_code == 422
    both.settle()
    assert (both.spent(first), both.spent(second)) == (60, 0)


def test_a_deleted_budget_unlinks_its_expenses(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=60, budget_id=budget)["id"]
    assert both.budgets.delete(f"{BUDGETS}/{budget}").status_code == 204
    both.settle()
    assert both.expenses.get(f"{EXPENSES}/{expense}").json["data"]["budget_id"] is None
    assert put(both.expenses, expense, amount=1000) == 200
    other = both.budget(2000)
    assert put(both.expenses, expense, budget_id=other) == 200
    assert both.spent(other) == 1000


def test_a_keyed_create_that_had_no_answer_is_free_again_once_it_is_undone(both: Both) -> None:
    budget, key = both.budget(100), {"Idempotency-Key": "once"}
    body = {"amount": 60, "budget_id": budget}
    both.line.cut = "after"
    assert both.expenses.post(EXPENSES, json=body, headers=key).status_code == 503
    twin = both.expenses.post(EXPENSES, json=body, headers=key)
    assert (twin.status_code, twin.headers["Retry-After"]) == (409, "1")
    both.line.cut = None
    both.settle()
    first = both.expenses.post(EXPENSES, json=body, headers=key)
    again = both.expenses.post(EXPENSES, json=body, headers=key)
    assert first.status_code == again.status_code == 201
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")
    assert both.spent(budget) == 60
    assert len(both.all_expenses()) == 1


def test_a_keyed_refusal_stays_a_refusal(both: Both) -> None:
    budget, key = both.budget(100), {"Idempotency-Key": "once"}
    body = {"amount": 160, "budget_id": budget}
    assert both.expenses.post(EXPENSES, json=body, headers=key).status_code == 422
    assert both.budgets.put(f"{BUDGETS}/{budget}", json={"total_amount": 1000}).status_code == 200
    again = both.expenses.post(EXPENSES, json=body, headers=key)
    assert (again.status_code, again.json) == (422, {"message": "Insufficient funds"})
    assert again.headers["Idempotency-Replayed"] == "true"
    assert both.spent(budget) == 0
    assert both.expenses.post(EXPENSES, json=body, headers={"Idempotency-Key": "twice"}).status_code == 201


def test_a_hundred_parallel_expenses_fill_a_budget_to_the_cent(both: Both) -> None:
    budget = both.budget(30)
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda _: both.expenses.post(EXPENSES, json={"amount": 1.0, "budget_id": budget}).status_code,
                range(100),
            )
        )
    assert (answers.count(201), answers.count(422)) == (30, 70)
    assert both.spent(budget) == 30
    assert len(both.all_expenses()) == 30


def test_parallel_raises_of_one_expense_lose_nothing(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=1, budget_id=budget)["id"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: put(both.expenses, expense, amount=n), (10, 20, 30, 40)))
    assert set(answers) <= {200, 409}
    assert both.spent(budget) == both.expenses.get(f"{EXPENSES}/{expense}").json["data"]["amount"]
    assert both.outbox() == []
