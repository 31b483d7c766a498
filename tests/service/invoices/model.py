"""A workspace that is written to through all dialects, and what must be there after each write.

Where the model cannot say what must come of a write, it asserts all that holds for every write, and takes over what is
then shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from shared.audit import Audit
from tests.client import Client
from tests.service.invoices.dialects import SINGLES, Faces, agree, cost, faces, in_lists, listed
from tests.service.invoices.operations import Things
from tests.service.invoices.projects import Books
from tests.service.invoices.steps import Facts

GONE, REFUSED, WAIT = 404, 422, 409

Call = Callable[[], TestResponse]
Method = TypeVar("Method", bound=Callable[..., None])


@dataclass
class Expected:
    """What an invoice must be, whoever shows it. `shown`: facts in the words of `finance` or `approvals`."""

    names: Things
    shown: Facts
    lifecycle: str = "draft"
    completed: bool = False
    denied: bool = False  # and not approved since
    gone: bool = False
    carried: dict[int, Decimal] = field(default_factory=dict)  # its time entries, and what an hour of each costs
    spent: set[int] = field(default_factory=set)


@dataclass
class Spent:
    """An expense as the expense service has it."""

    uuid: str
    amount: Decimal
    version: int = 1
    held: bool = False


@dataclass
class Logged:
    """A time entry."""

    minutes: int
    billable: bool


class Workspace(RuleBasedStateMachine):
    """A workspace of its own with one project, looked at after each step."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        own = str(uuid4())
        self.client = client.seen_by(workspace_id=own, account_id=own, accounts=(own,), scopes=("admin",))
        self.books = Books(self.client)
        self.invoices: list[Expected] = []
        self.entries: dict[int, Logged] = {}
        self.expenses: dict[int, Spent] = {}
        self.seen: dict[int, Faces] = {}
        self.told = self._history()

    def write(self, told: Expected, dialect: str, said: Facts, shown: Facts | None = None, **how: Any) -> TestResponse:
        """Update an invoice in a dialect's own words; `shown`: what is then seen everywhere."""
        account = {"accountId": told.names.account} if dialect == "accounts" else {}
        body = {"invoice": said} if dialect == "projects" else said | account
        path = told.names.path(SINGLES[dialect][0])
        return self.call(told, lambda: self.client.put(path, json=body), shown=shown, **how)

    def call(
        self,
        told: Expected,
        call: Call,
        *,
        shown: Facts | None = None,
        amounts: bool | None = False,
        refused: bool = False,
        waits: bool = False,
        unsure: bool = False,
    ) -> TestResponse:
        """Call, and assert that it was refused as it must be and changed nothing, or else changed what it must.

        `amounts`: it changes an amount; None: perhaps. `waits`: an expense is being changed. `unsure`: it may also be
        refused for reasons that the model does not have.
        """
        answer = call()
        bad = {400, 403, REFUSED} if unsure else set()
        if told.gone:
            expected = {GONE}
        elif told.completed or refused or (amounts and told.lifecycle != "draft"):
            expected = {REFUSED} | bad | ({WAIT} if waits else set())
        else:
            expected = ({WAIT} if waits else {200, 201, 204}) | bad
        assert answer.status_code in expected, (answer.status_code, answer.data, expected)
        if answer.status_code >= 400:
            self.nothing_changed()
            return answer
        if amounts is not False:
            told.shown = reckoned_anew(told.shown, certainly=bool(amounts))
        told.shown |= shown or {}
        self.changed(told)
        return answer

    def lock(self, told: Expected, path: str, *, completed: bool) -> TestResponse:
        """Complete an invoice, or uncomplete it; the lock itself can be turned twice."""
        was, told.completed = told.completed, completed
        answer = self.client.put(path)
        waits = completed and not was and self.is_held(told)
        assert answer.status_code == (GONE if told.gone else WAIT if waits else 200), answer.data
        if answer.status_code == 200:
            self.changed(told)
        else:
            told.completed = was
            self.nothing_changed()
        return answer

    def is_held(self, told: Expected) -> bool:
        """Whether an expense on it is being changed."""
        return any(self.expenses[number].held for number in told.spent)

    def now(self, told: Expected) -> Faces:
        """An invoice as it was last seen."""
        return self.seen[told.names.id]

    def nothing_changed(self) -> None:
        """Assert that every invoice and every history is what it was."""
        before, was = self._look_again()
        assert (self.seen, self.told) == (before, was)

    def changed(self, told: Expected) -> None:
        """Assert that no other invoice changed, and that the history has one entry of it where this one did."""
        before, was = self._look_again(told)
        uuid, number = told.names.uuid, told.names.id
        assert _without(uuid, self.told) == _without(uuid, was)
        entries = self.told[uuid] - was.get(uuid, 0)
        differs = before.get(number) != self.seen.get(number)
        assert entries == 1 if differs else entries in (0, 1), (entries, differs)
        if number in self.seen:
            self._as_expected(told)

    def carries_what_it_should(self, told: Expected, before: Faces) -> None:
        """Assert that each line costs what it must, and that a total that is not fixed, and only that, follows."""
        now = self.now(told)
        like = Decimal(now.projects["total-cost"])
        time = Fraction(0)
        for line in now.projects["line-items"]:
            logged, rate = self.entries[int(line["id"])], told.carried[int(line["id"])]
            assert (line["minutes"], line["billable"]) == (str(logged.minutes), str(int(logged.billable)))
            assert Fraction(line["cost"]) == cost(logged.minutes, rate, like)
            time += Fraction(line["cost"]) if logged.billable else 0
        spent = sum(Fraction(self.expenses[number].amount) for number in told.spent)
        assert (Fraction(now.projects["time-cost"]), Fraction(now.projects["expenses-cost"])) == (time, spent)
        if not before.finance["tax"]:
            fixed = before.projects["fixed-cost"]
            assert like == Decimal(fixed) if fixed else Fraction(like) == time + spent

    def _look_again(self, told: Expected | None = None) -> tuple[dict[int, Faces], dict[str, int]]:
        """Look at everything; the one that was written to, with care. What was seen and told before."""
        before, was, self.seen = self.seen, self.told, {}
        for number, seen in listed(self.client).items():
            if told is not None and number == told.names.id:
                self.seen[number] = faces(self.client, told.names)
                agree(self.seen[number])
            else:
                self.seen[number] = before[number]
            assert in_lists(self.seen[number]) == seen, number
        self.told = self._history()
        return before, was

    def _as_expected(self, told: Expected) -> None:
        seen = self.now(told)
        for name, value in told.shown.items():
            shown = seen.finance[name] if name in seen.finance else seen.approvals[name]
            assert (Decimal(shown) if isinstance(value, Decimal) else shown) == value, name
        told.shown["approval_status"] = seen.approvals["approval_status"]
        assert seen.projects["status"] == ("completed" if told.completed else "active")

    def _history(self) -> dict[str, int]:
        """How many entries the history has of each invoice."""
        mine = (Audit.workspace_id == self.client.caller.workspace_id, Audit.subject == "invoice")
        query = select(Audit.subject_id, func.count()).where(*mine).group_by(Audit.subject_id)
        with self.client.app.extensions["service"].db.read() as session:
            return {row[0]: row[1] for row in session.execute(query)}


def step(*, often: int = 1, **drawn: st.SearchStrategy[Any]) -> Callable[[Method], Method]:
    """Mark a method as a step of random programs, with what is drawn for it; `often`: as often as so many others."""

    def mark(method: Method) -> Method:
        method.drawn = [st.tuples(st.just(method.__name__), st.fixed_dictionaries(drawn))] * often  # type: ignore[attr-defined]
        return method

    return mark


def steps(machine: type[Workspace]) -> st.SearchStrategy[tuple[str, Facts]]:
    """The steps of a machine, one of them at a time."""
    every = [drawn for method in vars(machine).values() for drawn in getattr(method, "drawn", ())]
    return st.integers(0, len(every) - 1).flatmap(every.__getitem__)


def reckoned_anew(shown: Facts, *, certainly: bool = True) -> Facts:
    """What is still known of an invoice when its amounts are others; a decision about them is none any more."""
    forgotten = {"total", "amount_requested"}
    if shown["approval_status"] != "pending":
        if certainly:
            shown = shown | {"approval_status": "pending"}
        else:
            forgotten.add("approval_status")
    return {name: value for name, value in shown.items() if name not in forgotten}


def _without(uuid: str, told: dict[str, int]) -> dict[str, int]:
    return {each: count for each, count in told.items() if each != uuid}
