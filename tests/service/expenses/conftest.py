"""The expense service in this process, wired to a real budget service and to a stand-in for the invoice service."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import select, update

import services.budgets.app
import services.expenses.app
from services.budgets.settings import Settings as BudgetSettings
from services.expenses.models import Expense
from services.expenses.peers import Peers
from services.expenses.receipts import Receipts
from services.expenses.settings import Settings as ExpenseSettings
from shared import http
from shared.db import Database, now
from shared.outbox import Outbox
from shared.relay import Relay
from tests.client import LOCK_TIMEOUT, SECRET, Client
from tests.wire import Via, Wire

from .standin import FIRST, Invoices, Told

MANY = 1_000_000
BUDGETS, EXPENSES = "/v1/dev/finance/budgets", "/v1/dev/finance/expenses"


class Line(Wire):
    """The wire to a service, which a test can cut: before the request arrives there, or before its answer is back.

    A request may also be `late`, when whoever sent it has given up; or there is a `copy` of it, which comes late.
    """

    cut: str | None = None
    cuts: Sequence[str | None] = ()
    """What happens to the next requests, one after the other; `cut` is for all that follow."""
    meanwhile: Callable[[], object] | None = None
    """What happens elsewhere, once, while the next answer is on its way back."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.late: list[requests.PreparedRequest] = []
        """What is still under way."""

    def arrive(self) -> None:
        """Let what is late arrive; nobody hears the answers."""
        while self.late:
            super().send(self.late.pop(0))

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        cut, self.cuts = (self.cuts[0], self.cuts[1:]) if self.cuts else (self.cut, ())
        if cut == "before":
            raise requests.ConnectTimeout("cut")
        if cut in ("late", "copy"):
            self.late.append(request)
        if cut == "late":
            raise requests.ConnectionError("lost")
        answer = super().send(request, *args, **kwargs)
        if cut == "after":
            raise requests.ReadTimeout("cut")
        if self.meanwhile:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        return answer


@dataclass
class Both:
    """Two services, what runs between them, the stand-in for a third, and where the receipts are."""

    budgets: Client
    expenses: Client
    line: Line
    folder: Path
    invoices: Invoices
    invoice_line: Line
    back: Line
    """From the budget service to the expense service."""
    relays: dict[str, Relay] = field(default_factory=dict)

    @property
    def db(self) -> Database:
        """The expense service's database."""
        db: Database = self.expenses.app.extensions["service"].db
        return db

    def budget(self, total: float | None = 100, **facts: Any) -> str:
        """A new budget's id."""
        answer = self.budgets.post(BUDGETS, json={"total_amount": total} | facts)
        assert answer.status_code == 201, answer.data
        return str(answer.json["data"]["id"])

    def spent(self, budget_id: str) -> float:
        """What a budget says is spent."""
        return float(self.budgets.get(f"{BUDGETS}/{budget_id}").json["data"]["spent_amount"])

    def remaining(self, budget_id: str) -> float | None:
        """What a budget says is left; None when it has no cap."""
        left: float | None = self.budgets.get(f"{BUDGETS}/{budget_id}").json["data"]["remaining_amount"]
        return left

    def expense(self, **facts: Any) -> dict[str, Any]:
        """A new expense."""
        answer = self.expenses.post(EXPENSES, json=facts)
        assert answer.status_code == 201, answer.data
        data: dict[str, Any] = answer.json["data"]
        return data

    def project_expense(self, project_id: int = FIRST, **facts: Any) -> int:
        """A new expense of a project, by its integer id."""
        answer = self.expenses.post(f"/projects/{project_id}/expenses.json", json={"expense": facts})
        assert answer.status_code == 201, answer.data
        number: int = answer.json["id"]
        return number

    def shown(self, number: int) -> dict[str, str]:
        """An expense as `projects` shows it."""
        answer = self.expenses.get(f"/expenses/{number}.json")
        assert answer.status_code == 200, answer.data
        expense: dict[str, str] = answer.json["expense"]
        return expense

    def uuid(self, number: int) -> str:
        """The id by which `finance` and the messages know an expense."""
        with self.db.read() as session:
            return str(session.scalar(select(Expense.uuid).where(Expense.id == number)))

    def number(self, uuid: str) -> int:
        """The id by which `projects` knows an expense."""
        with self.db.read() as session:
            return int(session.scalars(select(Expense.id).where(Expense.uuid == uuid)).one())

    def billed(self, number: int, standing: str, *, version: int = 1, invoice_id: int = 50) -> str:
        """Put an expense on an invoice of that standing. The expense's uuid."""
        uuid = self.uuid(number)
        told = {"version": version, "invoice_id": invoice_id}
        answer = self.expenses.inside("invoices").put(f"/internal/billings/{uuid}", json=told)
        assert (answer.status_code, answer.json) == (200, {"version": version, "fresh": True})
        self.invoices.standing[uuid] = standing
        return uuid

    def told(self, number: int) -> Told:
        """What the invoice service knows of an expense; who has told it that is no part of it."""
        known = self.invoices.known[self.uuid(number)]
        return {name: value for name, value in known.items() if name != "changed_by"}

    def all_expenses(self) -> list[dict[str, Any]]:
        """Every expense there is."""
        data: list[dict[str, Any]] = self.expenses.get(f"{EXPENSES}?limit=1000").json["data"]
        return data

    def outbox(self) -> list[Outbox]:
        """What the expense service still has to deliver."""
        with self.db.read() as session:
            return list(session.scalars(select(Outbox)))

    def settle(self) -> None:
        """Let both relays deliver what is due, whatever the time."""
        for relay in self.relays.values():
            _make_all_due(relay)
            while relay.run_once():
                pass

    def settle_once(self) -> None:
        """Let the relay of the expense service try each message, once."""
        _make_all_due(self.relays["expenses"])
        self.relays["expenses"].run_once()

    def objects(self) -> list[Path]:
        """The receipts in the folder."""
        return [path for path in self.folder.rglob("*") if path.is_file()]


def _make_all_due(relay: Relay) -> None:
    with relay.db.write() as session:
        session.execute(update(Outbox).values(due_at=now() - timedelta(seconds=1), leased_until=None))


@pytest.fixture
def failures() -> int:
    """How many failures in a row end the asking; by itself, a line may be cut as often as a test likes."""
    return MANY


@dataclass(frozen=True)
class Apps:
    """Two services, and what they reach each other and the invoice service by."""

    budgets: Flask
    expenses: Flask
    line: Via
    invoice_line: Via
    back: Via
    peers: Peers
    """What the expense service was made with."""
    answering: Any
    """What the budget service was made with."""

    @classmethod
    def of(cls, budget_settings: BudgetSettings, expense_settings: ExpenseSettings) -> "Apps":
        """New ones."""
        line, invoice_line, back = Via(), Via(), Via()
        budgets = services.budgets.app.create_app(budget_settings, wire=back)
        wires = {"budgets": line, "invoices": invoice_line}
        expenses = services.expenses.app.create_app(expense_settings, wires=wires)
        return cls(
            *(budgets, expenses, line, invoice_line, back),
            *(expenses.extensions["peers"], budgets.extensions["peers"]),
        )

    def wired(self, invoices: Invoices, receipts_url: str) -> tuple[Line, Line, Line]:
        """New lines between them, and another place for receipts."""
        self.line.wire, self.invoice_line.wire, self.back.wire = lines = (
            *(Line(self.budgets), Line(invoices)),
            Line(self.expenses),
        )
        self.expenses.extensions["peers"] = replace(self.peers, receipts=Receipts(receipts_url))
        self.budgets.extensions["peers"] = self.answering
        return lines

    def close(self) -> None:
        """Give their connections back."""
        for app in (self.budgets, self.expenses):
            app.extensions["service"].db.close()


@pytest.fixture(scope="session")
def lasting_apps() -> Iterator[dict[str, Apps]]:
    """What is used by one test after the other, by the database of expenses."""
    made: dict[str, Apps] = {}
    yield made
    for apps in made.values():
        apps.close()


@pytest.fixture
def both(
    emptied_database: Callable[[Path], str],
    lasting_apps: dict[str, Apps],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failures: int,
) -> Iterator[Both]:
    """Both services, on each database we support."""
    monkeypatch.setattr(http, "FAILURES", failures)
    budget_settings = BudgetSettings(
        database_url=emptied_database(services.budgets.app.HISTORY),
        caller_secret=SECRET,
        lock_timeout=LOCK_TIMEOUT,
        expenses_url="http://expenses",
        certainty_deadline=0.2,
    )
    expense_settings = ExpenseSettings(
        database_url=emptied_database(services.expenses.app.HISTORY),
        caller_secret=SECRET,
        lock_timeout=LOCK_TIMEOUT,
        budgets_url="http://budgets",
        receipts_url=(tmp_path / "receipts").as_uri(),
        invoices_url="http://invoices",
        spend_deadline=0.5,
        hold_deadline=0.5,
    )
    with ExitStack() as closing:
        if failures == MANY:
            apps = lasting_apps.get(expense_settings.database_url) or Apps.of(budget_settings, expense_settings)
            lasting_apps[expense_settings.database_url] = apps
        else:  # what they remember of failures is of this test alone
            apps = Apps.of(budget_settings, expense_settings)
            closing.callback(apps.close)
        invoices = Invoices()
        line, invoice_line, back = apps.wired(invoices, expense_settings.receipts_url)
        wires = {"budgets": line, "invoices": invoice_line}
        relays = {
            "expenses": services.expenses.app.create_relay(expense_settings, wires=wires),
            "budgets": services.budgets.app.create_relay(budget_settings, wire=Wire(apps.expenses)),
        }
        for relay in relays.values():
            closing.callback(relay.db.close)
        clients = Client(apps.budgets), Client(apps.expenses)
        yield Both(*clients, line, tmp_path / "receipts", invoices, invoice_line, back, relays)
