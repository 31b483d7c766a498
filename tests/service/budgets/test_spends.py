"""Spends: any order and any copies of the messages end the same, a refusal changes nothing, a hard cap holds."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from services.budgets import actions, queries
from services.budgets.actions import SpendState
from services.budgets.models import Budget
from shared.errors import ApiError, InsufficientFunds, NotFound, Refused
from shared.money import Money
from tests.client import Client

BUDGETS = "/v1/dev/finance/budgets"


def db_of(budgets: Client) -> Any:
    return budgets.app.extensions["service"].db


def make(budgets: Client, **facts: Any) -> str:
    return actions.create(db_of(budgets), budgets.caller, facts).uuid


def spent(budgets: Client, budget_id: str) -> int:
    return queries.find(db_of(budgets), budgets.caller, budget_id).spent.minor


def state(version: int, budget_id: str | None, minor: int = 0, **facts: Any) -> SpendState:
    return SpendState(
        **{"version": version, "budget_id": budget_id, "amount": Money(minor), "spent_on": None, "enforce": False}
        | facts
    )


def accept(budgets: Client, expense_id: str, told: SpendState) -> int:
    return actions.accept_spend(db_of(budgets), budgets.caller.workspace_id, expense_id, told)


told = st.tuples(
    st.integers(0, 2),  # which expense
    st.integers(0, 2),  # on which budget; 2: none
    st.integers(0, 500),
    st.one_of(st.none(), st.tuples(st.integers(0, 1), st.integers(0, 500))),  # held where, and how much
)


def test_any_order_and_any_copies_end_the_same(budgets: Client) -> None:
    @settings(max_examples=20, deadline=None)
    @given(st.lists(told, min_size=1, max_size=8), st.randoms(use_true_random=False))
    def law(facts: list[Any], rng: random.Random) -> None:
        mine = budgets.seen_by(workspace_id=str(uuid4()))
        pair = [make(mine, spent_amount=n) for n in (1, 2)]
        names = [str(uuid4()) for _ in range(3)]
        sent = [
            (
                names[which],
                state(
                    version,
                    (*pair, None)[where],
                    minor,
                    held=(pair[held[0]], Money(held[1])) if held and held[0] != where else None,
                ),
            )
            for version, (which, where, minor, held) in enumerate(facts, start=1)
        ]
        newest = dict(sent)
        shuffled = sent + rng.sample(sent, rng.randint(0, len(sent)))
        rng.shuffle(shuffled)
        for expense_id, message in shuffled:
            assert accept(mine, expense_id, message) >= message.version
        for opening, budget_id in zip((100, 200), pair, strict=True):
            booked = sum(one.amount.minor for one in newest.values() if one.budget_id == budget_id)
            held = sum(one.held[1].minor for one in newest.values() if one.held and one.held[0] == budget_id)
            assert spent(mine, budget_id) == opening + booked + held

    law()


def test_a_copy_changes_nothing_and_says_so(budgets: Client) -> None:
    budget, path = make(budgets, total_amount=100), f"/internal/spends/{uuid4()}"
    body = {"version": 1, "budget_id": budget, "amount": 60, "currency": "USD", "date": None, "enforce": True}
    answers = [budgets.inside("expenses").put(path, json=body) for _ in range(2)]
    assert [answer.json for answer in answers] == [{"version": 1, "fresh": True}] * 2
    older = budgets.inside("expenses").put(path, json=body | {"version": 3})
    assert older.json == {"version": 3, "fresh": True}
    late = budgets.inside("expenses").put(path, json=body | {"version": 2, "amount": 10})
    assert late.json == {"version": 3, "fresh": False}
    assert spent(budgets, budget) == 6000


def test_a_tombstone_stays_so_that_a_late_message_books_nothing(budgets: Client) -> None:
    budget, expense = make(budgets), str(uuid4())
    assert accept(budgets, expense, state(2, None)) == 2
    assert accept(budgets, expense, state(1, budget, 500, enforce=True)) == 2
    assert spent(budgets, budget) == 0
    assert accept(budgets, expense, state(3, budget, 500, enforce=True)) == 3
    assert spent(budgets, budget) == 500


def test_held_money_stays_booked_until_the_move_is_certain(budgets: Client) -> None:
    first, second, expense = make(budgets, total_amount=10), make(budgets, total_amount=10), str(uuid4())
    accept(budgets, expense, state(1, first, 1000, enforce=True))
    accept(budgets, expense, state(2, second, 1000, enforce=True, held=(first, Money(1000))))
    assert (spent(budgets, first), spent(budgets, second)) == (1000, 1000)
    with pytest.raises(InsufficientFunds):
        accept(budgets, str(uuid4()), state(1, first, 1, enforce=True))
    accept(budgets, expense, state(3, second, 1000))
    assert (spent(budgets, first), spent(budgets, second)) == (0, 1000)


@pytest.mark.parametrize(
    ("facts", "asked", "why"),
    [
        ({"total_amount": 10}, {"minor": 1001}, InsufficientFunds),
        ({"total_amount": 10, "spent_amount": 10}, {"minor": 1}, InsufficientFunds),
        ({"status": "completed"}, {"minor": 1}, Refused),
        ({"status": "cancelled"}, {"minor": 0}, Refused),
        ({"currency": "EUR"}, {"minor": 1}, Refused),
        ({"enforce_period": True}, {"minor": 1}, Refused),
    ],
)
def test_a_refusal_changes_nothing(budgets: Client, facts: dict[str, Any], asked: Any, why: type[ApiError]) -> None:
    budget, expense = make(budgets, **facts), str(uuid4())
    before = queries.find(db_of(budgets), budgets.caller, budget)
    with pytest.raises(why):
        accept(budgets, expense, state(5, budget, asked["minor"], enforce=True))
    after = queries.find(db_of(budgets), budgets.caller, budget)
    assert (after.spent, after.version, after.updated_at) == (before.spent, before.version, before.updated_at)
    assert accept(budgets, expense, state(1, None)) == 1


def test_an_unknown_budget_is_not_found_and_leaves_no_spend(budgets: Client) -> None:
    expense = str(uuid4())
    with pytest.raises(NotFound):
        accept(budgets, expense, state(5, str(uuid4()), 1, enforce=True))
    assert accept(budgets, expense, state(1, None)) == 1


def test_what_is_told_rather_than_asked_is_never_refused(budgets: Client) -> None:
    budget = make(budgets, total_amount=10, status="active")
    accept(budgets, str(uuid4()), state(1, budget, 5000))
    changed = budgets.put(f"{BUDGETS}/{budget}", json={"total_amount": 100, "status": "completed"})
    assert changed.status_code == 200
    accept(budgets, str(uuid4()), state(1, budget, 9000))
    assert spent(budgets, budget) == 14000


def test_less_money_is_taken_by_a_closed_and_overspent_budget(budgets: Client) -> None:
    budget, expense = make(budgets, total_amount=100), str(uuid4())
    accept(budgets, expense, state(1, budget, 9000, enforce=True))
    assert budgets.put(f"{BUDGETS}/{budget}", json={"status": "cancelled"}).status_code == 200
    accept(budgets, expense, state(2, budget, 100, enforce=True))
    assert spent(budgets, budget) == 100


def test_a_soft_budget_and_one_without_a_cap_take_any_amount(budgets: Client) -> None:
    soft, endless = make(budgets, total_amount=1, enforcement="soft"), make(budgets)
    for budget in (soft, endless):
        accept(budgets, str(uuid4()), state(1, budget, 10**12, enforce=True))
        assert spent(budgets, budget) == 10**12


def test_parallel_asks_fill_a_hard_budget_exactly(budgets: Client) -> None:
    budget = make(budgets, total_amount=Decimal("0.30"))

    def ask(_: int) -> bool:
        with suppress(InsufficientFunds):
            return accept(budgets, str(uuid4()), state(1, budget, 1, enforce=True)) == 1
        return False

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(60)))
    assert answers.count(True) == 30
    assert spent(budgets, budget) == 30


def test_parallel_messages_about_one_expense_are_booked_once(budgets: Client) -> None:
    pair = [make(budgets), make(budgets)]
    expense = str(uuid4())

    def tell(version: int) -> None:
        for _ in range(50):
            with suppress(IntegrityError):
                accept(budgets, expense, state(version, pair[version % 2], version))
                return

    versions = list(range(1, 41))
    random.Random(7).shuffle(versions)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, versions))
    assert (spent(budgets, pair[0]), spent(budgets, pair[1])) == (40, 0)


def test_parallel_moves_between_two_budgets_end_where_the_newest_says(budgets: Client) -> None:
    pair = [make(budgets), make(budgets)]
    expenses = [str(uuid4()) for _ in range(6)]
    for expense in expenses:
        accept(budgets, expense, state(1, pair[0], 100))

    def move(expense: str) -> None:
        for version in range(2, 8):
            accept(budgets, expense, state(version, pair[version % 2], 100, enforce=True))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(move, expenses))
    assert (spent(budgets, pair[0]), spent(budgets, pair[1])) == (0, 600)


def test_deleting_a_budget_beside_messages_about_it_leaves_none_of_its_spends(budgets: Client) -> None:
    budget, other = make(budgets), make(budgets)
    expenses = [str(uuid4()) for _ in range(20)]
    for expense in expenses:
        accept(budgets, expense, state(1, budget, 1))

    def leave(expense: str) -> None:
        accept(budgets, expense, state(2, other, 1))

    with ThreadPoolExecutor(4) as pool:
        moved = [pool.submit(leave, expense) for expense in expenses]
        assert pool.submit(budgets.delete, f"{BUDGETS}/{budget}").result().status_code == 204
        for one in moved:
            one.result()
    assert spent(budgets, other) == 20
    assert budgets.get(f"{BUDGETS}/{budget}").status_code == 404


def test_the_spends_of_a_budget_can_be_listed(budgets: Client) -> None:
    budget = make(budgets)
    names = [str(uuid4()) for _ in range(3)]
    for number, name in enumerate(names, start=1):
        accept(budgets, name, state(1, budget, number))
    accept(budgets, names[0], state(2, None, 1))
    listed = budgets.get(f"{BUDGETS}/{budget}/spends?sort=amount").json
    assert [row["expense_id"] for row in listed["data"]] == names[1:]
    assert listed["data"][0].keys() == {"expense_id", "amount", "currency", "date", "updated_at"}
    first = budgets.get(f"{BUDGETS}/{budget}/spends?sort=-amount&limit=1").json
    second = budgets.get(f"{BUDGETS}/{budget}/spends?sort=-amount&limit=1&cursor={first['next_cursor']}").json
    assert [page["data"][0]["expense_id"] for page in (first, second)] == [names[2], names[1]]
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    assert budgets.get(f"{BUDGETS}/{budget}/spends?q=x").status_code == 400


def test_a_budget_counts_its_spends_past_32_bits(budgets: Client) -> None:
    budget = make(budgets)
    with db_of(budgets).write() as session:
        session.execute(update(Budget).where(Budget.uuid == budget).values(version=2**31 - 1))
    for expense in (str(uuid4()), str(uuid4())):
        accept(budgets, expense, state(2**31 + 1, budget, 100, enforce=True))
    read = budgets.get(f"{BUDGETS}/{budget}")
    assert (read.json["data"]["spent_amount"], read.headers["ETag"]) == (2, f'"{2**31 + 1}"')
    changed = budgets.put(f"{BUDGETS}/{budget}", json={"name": "x"}, headers={"If-Match": f'"{2**31 + 1}"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, f'"{2**31 + 2}"')


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 0},
        {"version": "1"},
        {"version": None},
        {"budget_id": "x"},
        {"amount": -1},
        {"amount": 1.005},
        {"amount": "1"},
        {"currency": "XXX"},
        {"date": "20240401"},
        {"enforce": None},
        {"held": {"budget_id": None, "amount": 1}},
        {"held": {"budget_id": "11111111-1111-4111-8111-111111111111", "amount": 0.001}},
        {"more": 1},
    ],
)
def test_a_message_of_another_shape_is_refused(budgets: Client, wrong: dict[str, Any]) -> None:
    budget = make(budgets)
    body = {"version": 1, "budget_id": budget, "amount": 1, "currency": "USD", "date": None, "enforce": True}
    assert budgets.inside("expenses").put(f"/internal/spends/{uuid4()}", json=body | wrong).status_code == 400
    assert spent(budgets, budget) == 0
