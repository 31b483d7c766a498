"""A service that does not answer is not asked for a while, and of what was not asked nothing is left."""

import time

import pytest

from .conftest import EXPENSES, Both
from .test_holds import TYRES

KEY = {"Idempotency-Key": "again"}


@pytest.fixture
def failures() -> int:
    """After two questions without an answer the next one is not sent."""
    return 2


def fail_twice(both: Both, budget_id: str) -> None:
    """Let two questions have no answer, and what is undone of them be delivered, as far as it can be."""
    both.line.cut = "before"
    for _ in range(2):
        assert both.expenses.post(EXPENSES, json={"amount": 5, "budget_id": budget_id}).status_code == 503
    both.line.cut = None
    assert len(both.outbox()) == 2


def test_what_is_not_asked_is_503_and_leaves_nothing_and_its_key_is_free(both: Both) -> None:
    budget_id = both.budget()
    fail_twice(both, budget_id)
    asked = {"amount": 7, "budget_id": budget_id}
    refused = both.expenses.post(EXPENSES, json=asked, headers=KEY)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert len(both.outbox()) == 2
    assert both.all_expenses() == []
    assert both.spent(budget_id) == 0
    time.sleep(1.1)  # one may try again
    assert both.expenses.post(EXPENSES, json=asked, headers=KEY).status_code == 201
    both.settle()
    assert (both.spent(budget_id), len(both.all_expenses()), both.outbox()) == (7, 1, [])


def test_who_said_yes_before_it_is_told_that_nothing_comes_of_it(both: Both) -> None:
    budget_id, number = both.budget(), both.project_expense(**TYRES)
    before = both.told(number)
    fail_twice(both, budget_id)
    both.invoices.said.clear()
    body = {"amount": 7, "budget_id": budget_id}
    path = f"{EXPENSES}/{both.uuid(number)}"
    assert both.expenses.put(path, json=body, headers=KEY).status_code == 503
    assert [said["held"] for said in both.invoices.said] == [True, False]
    assert both.told(number) == before | {"version": both.told(number)["version"]}
    assert len(both.outbox()) == 2
    time.sleep(1.1)
    assert both.expenses.put(path, json=body, headers=KEY).status_code == 200
    both.settle()
    assert (both.spent(budget_id), both.outbox()) == (7, [])


def test_a_raise_that_is_not_asked_leaves_what_was(both: Both) -> None:
    budget_id = both.budget()
    expense = both.expense(amount=3, budget_id=budget_id)
    fail_twice(both, budget_id)
    assert both.expenses.put(f"{EXPENSES}/{expense['id']}", json={"amount": 9}).status_code == 503
    assert both.all_expenses() == [expense]
    assert both.spent(budget_id) == 3
    time.sleep(1.1)
    both.settle()
    assert (both.spent(budget_id), both.outbox()) == (3, [])
