"""The promise of section 7 between budgets in different currencies: what is held is held in its own."""

import pytest

from .conftest import BUDGETS, EXPENSES, Both

MOVES = [
    pytest.param("USD", 10, "JPY", 1500, id="USD to JPY"),
    pytest.param("USD", 9.99, "JPY", 1, id="cents to a currency without"),
    pytest.param("JPY", 1000, "USD", 1, id="JPY to USD"),
    pytest.param("JPY", 1000, "BHD", 0.001, id="JPY to BHD"),
    pytest.param("BHD", 1.234, "JPY", 7, id="BHD to JPY"),
    pytest.param("BHD", 1.234, "USD", 100.5, id="BHD to USD"),
    pytest.param("USD", 9.99, "BHD", 9.999, id="USD to BHD"),
]


@pytest.mark.parametrize(("left", "amount", "joined", "becomes"), MOVES)
def test_a_move_to_another_currency_holds_all_that_it_leaves_until_it_is_certain(
    both: Both, left: str, amount: float, joined: str, becomes: float
) -> None:
    first, second = both.budget(amount, currency=left), both.budget(becomes, currency=joined)
    expense = both.expense(amount=amount, currency=left, budget_id=first)["id"]
    seen: list[float] = []
    both.line.meanwhile = lambda: seen.extend((both.spent(first), both.spent(second)))
    moved = both.expenses.put(
        f"{EXPENSES}/{expense}", json={"amount": becomes, "currency": joined, "budget_id": second}
    )
    assert moved.status_code == 200, moved.data
    assert seen == [amount, becomes]
    assert (both.spent(first), both.spent(second)) == (0, becomes)
    assert both.outbox() == []


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize(("left", "amount", "joined", "becomes"), MOVES)
def test_a_move_to_another_currency_that_had_no_answer_is_undone_to_the_last_unit(
    both: Both, left: str, amount: float, joined: str, becomes: float, cut: str
) -> None:
    first, second = both.budget(amount, currency=left), both.budget(becomes, currency=joined)
    expense = both.expense(amount=amount, currency=left, budget_id=first)["id"]
    both.line.cuts = [cut]
    moved = both.expenses.put(
        f"{EXPENSES}/{expense}", json={"amount": becomes, "currency": joined, "budget_id": second}
    )
    assert moved.status_code == 503
    assert both.spent(first) == amount
    both.settle()
    assert (both.spent(first), both.spent(second)) == (amount, 0)


def test_a_hard_budget_is_not_overdrawn_beside_a_move_to_another_currency(both: Both) -> None:
    dollars, yen = both.budget(10), both.budget(None, currency="JPY")
    expense = both.expense(amount=10, budget_id=dollars)["id"]
    answers: list[int] = []

    def beside() -> None:
        answers.append(both.expenses.post(EXPENSES, json={"amount": 9.90, "budget_id": dollars}).status_code)
        answers.append(both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 9.95}).status_code)

    both.line.meanwhile = beside
    moved = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 1500, "currency": "JPY", "budget_id": yen})
    assert (moved.status_code, answers) == (409, [422, 200])
    both.settle()
    assert (both.spent(dollars), both.spent(yen)) == (9.95, 0)


def test_what_is_held_without_a_currency_is_in_the_expenses_own(both: Both) -> None:
    first, second = both.budget(100), both.budget(100)
    expense = both.expense(amount=60, budget_id=first)["id"]
    asked = {"version": 2, "budget_id": second, "amount": 60, "currency": "USD", "date": None, "enforce": True}
    path, us = f"/internal/spends/{expense}", both.budgets.inside("expenses")
    assert us.put(path, json=asked | {"held": {"budget_id": first, "amount": 60}}).json["version"] == 2
    assert (both.spent(first), both.spent(second)) == (60, 60)


def test_what_is_held_in_another_currency_than_its_budgets_is_refused(both: Both) -> None:
    first, second = both.budget(100), both.budget(None, currency="JPY")
    expense = both.expense(amount=60, budget_id=first)["id"]
    asked = {"version": 2, "budget_id": second, "amount": 60, "currency": "JPY", "date": None, "enforce": True}
    path, us = f"/internal/spends/{expense}", both.budgets.inside("expenses")
    for held in ({"amount": 60}, {"amount": 60, "currency": "JPY"}, {"amount": 0.001, "currency": "BHD"}):
        answer = us.put(path, json=asked | {"held": {"budget_id": first} | held})
        assert answer.status_code == 422
    assert (both.spent(first), both.spent(second)) == (60, 0)
    assert both.budgets.get(f"{BUDGETS}/{second}/spends").json["data"] == []
