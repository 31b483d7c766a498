"""The promise of section 7 under random programs: whatever is cut, and in whatever order, at rest all adds up."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.wire import Wire

from .conftest import BUDGETS, EXPENSES, Both, Line
from .standin import FIRST, SECOND

Step = Callable[["World"], None]

UNITS = {"USD": 100, "JPY": 1, "BHD": 1000}
"""The currencies, and the smallest units that one of each has."""


@dataclass
class World:
    """What a client knows after its requests: what must be so, and what may be so because no answer came."""

    both: Both
    rng: random.Random
    budgets: dict[str, str] = field(default_factory=dict)
    """The currency of each."""
    openings: dict[str, Decimal] = field(default_factory=dict)
    expenses: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    """Every acknowledged expense as it was last acknowledged; None when it is deleted."""

    def some_budget(self) -> str | None:
        return self.rng.choice([*self.budgets, None])

    def some_currency(self, budget: str | None) -> str:
        """Mostly the budget's."""
        return self.budgets[budget] if budget and self.rng.random() < 0.9 else self.rng.choice([*UNITS])

    def some_expense(self) -> str | None:
        live = [expense_id for expense_id, state in self.expenses.items() if state]
        return self.rng.choice(live) if live else None

    def amount(self, currency: str) -> float:
        """Half of the time one that another currency can say as well."""
        minor = self.rng.randint(0, 6) * 1000 if self.rng.random() < 0.5 else self.rng.randint(0, 6000)
        return minor / UNITS[currency]

    def anew(self) -> dict[str, Any]:
        """What an expense costs, in which currency, and on which budget."""
        budget = self.some_budget()
        currency = self.some_currency(budget)
        return {"amount": self.amount(currency), "currency": currency, "budget_id": budget}

    def cut(self) -> None:
        """The next requests meet a cut line, before or after, or none; or come late, or twice."""
        for line in (self.both.line, self.both.invoice_line):
            line.cuts = [self.rng.choice([None, None, None, "before", "after", "late", "copy"]) for _ in range(3)]

    def whole(self) -> None:
        self.both.line.cuts = self.both.invoice_line.cuts = ()

    def new_budget(self) -> None:
        currency = self.rng.choice([*UNITS])
        opening, cap = self.rng.randint(0, 1000), self.rng.choice([6000, 10000, None])
        facts = {"currency": currency, "spent_amount": opening / UNITS[currency]}
        budget = self.both.budget(cap and cap / UNITS[currency], **facts)
        self.budgets[budget] = currency
        self.openings[budget] = Decimal(str(opening / UNITS[currency]))

    def gone_budget(self) -> None:
        if len(self.budgets) < 2:
            return
        budget = self.rng.choice([*self.budgets])
        del self.budgets[budget]
        assert self.both.budgets.delete(f"{BUDGETS}/{budget}").status_code == 204
        for state in self.expenses.values():
            if state and state["budget_id"] == budget:
                state["budget_id"] = None  # what it will be once the message has arrived

    def create(self) -> None:
        facts = self.anew()
        self.cut()
        answer = self.both.expenses.post(EXPENSES, json=facts)
        self.whole()
        assert answer.status_code in (201, 422, 503), answer.data
        if answer.status_code == 201:
            self.expenses[answer.json["data"]["id"]] = facts

    def change(self) -> None:
        expense = self.some_expense()
        if expense is None:
            return
        currency = (self.expenses[expense] or {})["currency"]
        facts = self.rng.choice(
            [
                {"amount": self.amount(currency)},
                {"budget_id": self.some_budget()},
                self.anew(),
                self.anew(),
                {"date": f"2024-04-{self.rng.randint(10, 30)}"},
                {"description": "changed"},
            ]
        )
        self.cut()
        answer = self.both.expenses.put(f"{EXPENSES}/{expense}", json=facts)
        self.whole()
        assert answer.status_code in (200, 404, 422, 503, 409), answer.data
        if answer.status_code == 200:
            self.expenses[expense] = (self.expenses[expense] or {}) | {
                name: value for name, value in facts.items() if name in ("amount", "currency", "budget_id")
            }

    def remove(self) -> None:
        expense = self.some_expense()
        if expense is None:
            return
        self.cut()
        answer = self.both.expenses.delete(f"{EXPENSES}/{expense}")
        self.whole()
        in_project = (self.expenses[expense] or {}).get("project_id")
        assert answer.status_code in ((204, 503) if in_project else (204,)), answer.data
        if answer.status_code == 204:
            self.expenses[expense] = None

    def join(self) -> None:
        """Put an expense in a project, in another, or in none, perhaps at another cost."""
        expense = self.some_expense()
        if expense is None:
            return
        facts = {"project_id": self.rng.choice([FIRST, SECOND, None])}
        if self.rng.random() < 0.5:
            facts["amount"] = self.amount((self.expenses[expense] or {})["currency"])
        spelled = {"project-id": facts["project_id"] or "", **({"cost": facts["amount"]} if "amount" in facts else {})}
        self.cut()
        answer = self.both.expenses.put(f"/expenses/{self.both.number(expense)}.json", json={"expense": spelled})
        self.whole()
        assert answer.status_code in (200, 404, 422, 503, 409), answer.data  # 404: its budget is gone
        if answer.status_code == 200:
            self.expenses[expense] = (self.expenses[expense] or {}) | facts

    def rewrite(self) -> None:
        """Write what is spent of a budget: acknowledged, that is so until an expense on it changes."""
        budget = self.rng.choice([*self.budgets])
        currency = self.budgets[budget]
        spent = self.amount(currency)
        answer = self.both.budgets.put(f"{BUDGETS}/{budget}", json={"spent_amount": spent})
        assert answer.status_code in (200, 409, 422), answer.data
        if answer.status_code == 200:
            assert float(answer.json["data"]["spent_amount"]) == spent
            live = sum(row["amount"] for row in self.both.all_expenses() if row["budget_id"] == budget)
            self.openings[budget] = Decimal(str(spent)) - live

    def relay(self) -> None:
        self.cut()
        self.both.relays[self.rng.choice(["expenses", "budgets"])].run_once()
        self.whole()

    def arrive(self) -> None:
        self.both.line.arrive()
        self.both.invoice_line.arrive()

    def settled_relay(self) -> None:
        self.both.settle()

    def covers(self) -> None:
        """At any moment each budget has booked at least what is on it, and a hard one no more than it has."""
        there = self.both.all_expenses()
        for budget in self.budgets:
            live = sum(row["amount"] for row in there if row["budget_id"] == budget)
            assert Decimal(str(self.both.spent(budget))) >= self.openings[budget] + live
            assert (self.both.remaining(budget) or 0) >= 0

    def holds(self) -> None:
        """At rest everything that was acknowledged is there, nothing that was refused, and every budget adds up.

        What is late arrives before the rest has settled, or after.
        """
        if self.rng.random() < 0.5:
            self.arrive()
        self.both.settle()
        self.arrive()
        assert self.both.outbox() == []
        there = {row["id"]: row for row in self.both.all_expenses()}
        assert there.keys() == {expense_id for expense_id, state in self.expenses.items() if state}
        for expense_id, row in there.items():
            known = self.expenses[expense_id] or {}
            assert {"amount": float(row["amount"]), "currency": row["currency"], "budget_id": row["budget_id"]} == {
                name: known[name] for name in ("amount", "currency", "budget_id")
            }
        for budget in self.budgets:
            live = sum(row["amount"] for row in there.values() if row["budget_id"] == budget)
            assert Decimal(str(self.both.spent(budget))) == self.openings[budget] + live
            shown = self.both.budgets.get(f"{BUDGETS}/{budget}/spends?limit=1000").json["data"]
            assert {row["expense_id"] for row in shown} == {i for i, row in there.items() if row["budget_id"] == budget}
        for expense_id, state in self.expenses.items():
            told = self.both.invoices.known.get(expense_id, {"held": False, "project_id": None})
            assert (told["held"], told["project_id"]) == (False, state and state.get("project_id"))
            if state and state.get("project_id"):
                assert told["amount"] == Decimal(str(state["amount"]))


STEPS: dict[str, tuple[Step, int]] = {
    "new budget": (World.new_budget, 1),
    "gone budget": (World.gone_budget, 1),
    "create": (World.create, 6),
    "change": (World.change, 10),
    "remove": (World.remove, 2),
    "join": (World.join, 5),
    "rewrite": (World.rewrite, 2),
    "relay": (World.relay, 3),
    "arrive": (World.arrive, 2),
    "settle": (World.settled_relay, 1),
}
NAMES = [name for name, (_, weight) in STEPS.items() for _ in range(weight)]


def test_whatever_is_cut_everything_adds_up_at_rest(both: Both) -> None:
    @settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(st.lists(st.sampled_from(NAMES), min_size=10, max_size=30), st.integers(0, 2**32))
    def law(program: list[str], seed: int) -> None:
        workspace = f"{random.Random(seed).getrandbits(48):012x}"
        mine = {"workspace_id": f"11111111-1111-4111-8111-{workspace}"}
        world = World(_in(both, mine), random.Random(seed))
        for row in world.both.all_expenses():  # hypothesis repeats an example: begin with nothing
            assert world.both.expenses.delete(f"{EXPENSES}/{row['id']}").status_code == 204
        for _ in range(3):
            world.new_budget()
        for name in program:
            STEPS[name][0](world)
            world.covers()
        world.holds()

    law()


def _in(both: Both, caller: dict[str, Any]) -> Both:
    return Both(
        both.budgets.seen_by(**caller),
        both.expenses.seen_by(**caller),
        both.line,
        both.folder,
        both.invoices,
        both.invoice_line,
        both.back,
        dict(both.relays),
    )


# Races


def at_once(*works: Callable[[], TestResponse]) -> list[int]:
    with ThreadPoolExecutor(len(works)) as pool:
        return [one.status_code for one in [made.result() for made in [pool.submit(work) for work in works]]]


def put(both: Both, expense: str, **facts: Any) -> Callable[[], TestResponse]:
    return lambda: both.expenses.put(f"{EXPENSES}/{expense}", json=facts)


def delete(both: Both, expense: str) -> Callable[[], TestResponse]:
    return lambda: both.expenses.delete(f"{EXPENSES}/{expense}")


def adds_up(both: Both, *budgets: str) -> None:
    both.settle()
    assert both.outbox() == []
    there = both.all_expenses()
    for budget in budgets:
        assert both.spent(budget) == sum(row["amount"] for row in there if row["budget_id"] == budget)


def test_deleting_beside_raising_leaves_nothing_booked(both: Both) -> None:
    budget = both.budget(1000)
    for amount in range(20, 26):
        expense = both.expense(amount=10, budget_id=budget)["id"]
        deleted, raised = at_once(delete(both, expense), put(both, expense, amount=amount))
        assert deleted == 204
        assert raised in (200, 404, 409, 503)
    adds_up(both, budget)
    assert both.spent(budget) == 0


def test_lowering_beside_raising_ends_in_one_of_the_two(both: Both) -> None:
    budget = both.budget(1000)
    for _ in range(6):
        expense = both.expense(amount=10, budget_id=budget)["id"]
        lowered, raised = at_once(put(both, expense, amount=4), put(both, expense, amount=30))
        assert lowered == 200
        assert {lowered, raised} <= {200, 409, 503}
        assert both.expenses.get(f"{EXPENSES}/{expense}").json["data"]["amount"] in (4, 30)
    adds_up(both, budget)


def test_two_moves_end_on_one_budget(both: Both) -> None:
    first, second, third = (both.budget(1000) for _ in range(3))
    for _ in range(6):
        expense = both.expense(amount=10, budget_id=first)["id"]
        answers = at_once(put(both, expense, budget_id=second), put(both, expense, budget_id=third))
        assert set(answers) <= {200, 409, 503}
        assert 200 in answers
    adds_up(both, first, second, third)
    assert both.spent(first) == 0


def test_deleting_a_budget_beside_creating_on_it_leaves_no_expense_on_it(both: Both) -> None:
    for _ in range(4):
        budget = both.budget(1000)
        gone, *made = at_once(
            lambda budget=budget: both.budgets.delete(f"{BUDGETS}/{budget}"),  # type: ignore[misc]
            *[lambda budget=budget: both.expenses.post(EXPENSES, json={"amount": 1, "budget_id": budget})] * 4,  # type: ignore[misc]
        )
        assert gone == 204
        assert set(made) <= {201, 404, 409, 503}
        both.settle()
        assert not [row for row in both.all_expenses() if row["budget_id"] == budget]
    assert both.outbox() == []


def test_the_relay_beside_the_request_never_undoes_what_was_acknowledged(both: Both) -> None:
    """The undo is due at once here, so the relay takes up as many as it can while their requests are at work."""
    budget = both.budget(1000)
    stop: list[bool] = []

    def relay() -> None:
        while not stop:
            both.settle()

    with ThreadPoolExecutor(1) as pool:
        relaying = pool.submit(relay)
        answers = [both.expenses.post(EXPENSES, json={"amount": 1, "budget_id": budget}).status_code for _ in range(15)]
        stop.append(True)
        relaying.result()
    assert set(answers) <= {201, 409, 503}
    assert len(both.all_expenses()) == answers.count(201)
    adds_up(both, budget)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_process_that_dies_between_question_and_commit_leaves_neither(both: Both, cut: str, tmp_path: Path) -> None:
    budget = both.budget(100)

    class Dying(Line):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            if cut == "after":
                Wire(both.budgets.app).send(request)
            raise SystemExit("killed")

    budgets = both.expenses.app.extensions["peers"].budgets
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budgets, "_adapter", Dying(both.budgets.app))
        with pytest.raises(SystemExit):
            both.expenses.post(EXPENSES, json={"amount": 60, "budget_id": budget})
    assert both.all_expenses() == []
    assert [message.armed for message in both.outbox()] == [True]
    adds_up(both, budget)
    assert both.spent(budget) == 0
