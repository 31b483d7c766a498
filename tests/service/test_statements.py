"""How many statements each call costs. One more is a round trip more for everybody, so the numbers are exact.

BEGIN, COMMIT and SAVEPOINT are not counted: they come with the transaction.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

import services.budgets.app
import services.expenses.app
import services.invoices.app
from services.budgets.settings import Settings as BudgetSettings
from services.expenses.settings import Settings as ExpenseSettings
from services.invoices.settings import Settings as InvoiceSettings
from shared.db import Database
from tests.client import SECRET, WORKSPACE, Client
from tests.wire import Wire

BUDGETS, EXPENSES, INVOICES = (f"/v1/dev/finance/{name}" for name in ("budgets", "expenses", "invoices"))

TWO_LINES = {"items": [{"description": each, "quantity": 2, "unit_price": 50.0} for each in ("design", "build")]}
ON_BUDGET = {"amount": 10, "date": "2024-01-15"}


class Services:
    """The three services in this process, and a count of the statements that each one's database is given."""

    def __init__(self, **apps: Flask) -> None:
        self.clients = {name: Client(app) for name, app in apps.items()}
        self.seen: Counter[str] = Counter()
        for name, db in self.databases.items():
            for pool in db.pools:
                event.listen(pool, "before_cursor_execute", self._noted(name))

    @property
    def databases(self) -> dict[str, Database]:
        """Each service's database."""
        return {name: client.app.extensions["service"].db for name, client in self.clients.items()}

    def cost(self, call: Callable[[], TestResponse], status: int = 200) -> dict[str, int]:
        """Statements that a call costs, by service."""
        self.seen.clear()
        answer = call()
        assert answer.status_code == status, answer.data
        return dict(self.seen)

    def made(self, name: str, path: str, **facts: Any) -> str:
        """The path of a new thing."""
        answer = self.clients[name].post(path, json=facts)
        assert answer.status_code == 201, answer.data
        return f"{path}/{answer.json['data']['id']}"

    def _noted(self, name: str) -> Callable[..., None]:
        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            self.seen[name] += not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK"))

        return note


@pytest.fixture
def services_counted(fresh_database: Callable[[Path], str], tmp_path: Path) -> Iterator[Services]:
    """The services, on each database we support."""

    def told(history: Path) -> dict[str, str]:
        return {"database_url": fresh_database(history), "caller_secret": SECRET}

    invoices = services.invoices.app.create_app(
        InvoiceSettings(**told(services.invoices.app.HISTORY), mail_folder=str(tmp_path / "mail"))
    )
    back = Wire(None)
    budgets = services.budgets.app.create_app(
        BudgetSettings(**told(services.budgets.app.HISTORY), expenses_url="http://expenses"), wire=back
    )
    settings = ExpenseSettings(
        **told(services.expenses.app.HISTORY),
        budgets_url="http://budgets",
        invoices_url="http://invoices",
        receipts_url=(tmp_path / "receipts").as_uri(),
    )
    wires = {"budgets": Wire(budgets), "invoices": Wire(invoices)}
    back.app = expenses = services.expenses.app.create_app(settings, wires=wires)
    counted = Services(invoices=invoices, budgets=budgets, expenses=expenses)
    yield counted
    for db in counted.databases.values():
        db.close()


@pytest.fixture
def invoices(services_counted: Services) -> Client:
    """The invoice service as one caller sees it."""
    return services_counted.clients["invoices"]


@pytest.fixture
def budgets(services_counted: Services) -> Client:
    """The budget service as one caller sees it."""
    return services_counted.clients["budgets"]


@pytest.fixture
def expenses(services_counted: Services) -> Client:
    """The expense service as one caller sees it."""
    return services_counted.clients["expenses"]


def test_an_invoice_is_read_with_its_lines(services_counted: Services, invoices: Client) -> None:
    path = services_counted.made("invoices", INVOICES, **TWO_LINES)
    assert services_counted.cost(lambda: invoices.get(path)) == {"invoices": 1}


@pytest.mark.parametrize("rows", [1, 3])
def test_a_list_costs_the_same_however_long(services_counted: Services, invoices: Client, rows: int) -> None:
    for _ in range(rows):
        services_counted.made("invoices", INVOICES, **TWO_LINES)
    assert services_counted.cost(lambda: invoices.get(INVOICES)) == {"invoices": 2}


def test_an_empty_list_asks_for_no_lines(services_counted: Services, invoices: Client) -> None:
    assert services_counted.cost(lambda: invoices.get(INVOICES)) == {"invoices": 1}


def test_a_new_invoice_is_written_with_its_lines_and_its_history(services_counted: Services, invoices: Client) -> None:
    cost = services_counted.cost(lambda: invoices.post(INVOICES, json=TWO_LINES), 201)
    assert cost == {"invoices": 4}


def test_an_invoice_is_changed(services_counted: Services, invoices: Client) -> None:
    path = services_counted.made("invoices", INVOICES, **TWO_LINES)
    assert services_counted.cost(lambda: invoices.put(path, json={"notes": "new"})) == {"invoices": 4}


CHANGES: dict[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]] = {
    "finance": lambda its: (f"{INVOICES}/{its['uuid']}", {"notes": "new"}),
    "accounts": lambda its: (f"/api/v1/invoices/{its['id']}", {"accountId": WORKSPACE, "notes": "new"}),
    "projects": lambda its: (f"/invoices/{its['id']}.json", {"invoice": {"description": "new"}}),
    "approvals": lambda its: (f"/api/invoices/{its['transaction_id']}", {"description": "new"}),
}
OF_THE_SETTINGS = {"approvals": 1}
"""`approvals` shows the manager, who is in the settings."""


@pytest.mark.parametrize("dialect", CHANGES)
def test_a_change_costs_the_same_in_every_dialect(services_counted: Services, invoices: Client, dialect: str) -> None:
    made = invoices.post("/api/invoices", json={"description": "old", "total_amount": 5}).json["invoice"]
    its = {**made, "uuid": invoices.get(INVOICES).json["data"][0]["id"]}
    path, change = CHANGES[dialect](its)
    cost = services_counted.cost(lambda: invoices.put(path, json=change))
    assert cost == {"invoices": 4 + OF_THE_SETTINGS.get(dialect, 0)}


def test_an_invoice_is_given_other_lines(services_counted: Services, invoices: Client) -> None:
    path = services_counted.made("invoices", INVOICES, **TWO_LINES)
    other = {"items": TWO_LINES["items"][:1]}
    assert services_counted.cost(lambda: invoices.put(path, json=other)) == {"invoices": 6}


def test_an_invoice_is_deleted(services_counted: Services, invoices: Client) -> None:
    path = services_counted.made("invoices", INVOICES, **TWO_LINES)
    assert services_counted.cost(lambda: invoices.delete(path), 204) == {"invoices": 4}


def test_an_expense_on_no_budget_asks_nobody(services_counted: Services, expenses: Client) -> None:
    cost = services_counted.cost(lambda: expenses.post(EXPENSES, json=ON_BUDGET), 201)
    assert cost == {"expenses": 3}


def test_an_expense_on_a_budget_asks_once(services_counted: Services, expenses: Client) -> None:
    budget = services_counted.made("budgets", BUDGETS).rpartition("/")[2]
    facts = {**ON_BUDGET, "budget_id": budget}
    cost = services_counted.cost(lambda: expenses.post(EXPENSES, json=facts), 201)
    assert cost == {"expenses": 5, "budgets": 3}


def test_what_is_spent_is_written_once_the_expense_service_was_asked(
    services_counted: Services, budgets: Client
) -> None:
    path = services_counted.made("budgets", BUDGETS)
    cost = services_counted.cost(lambda: budgets.put(path, json={"spent_amount": 5}))
    assert cost == {"budgets": 5}
    services_counted.made("expenses", EXPENSES, **ON_BUDGET, budget_id=path.rpartition("/")[2])
    cost = services_counted.cost(lambda: budgets.put(path, json={"spent_amount": 50}))
    assert cost == {"budgets": 5, "expenses": 1}
    assert services_counted.cost(lambda: budgets.put(path, json={"name": "new"})) == {"budgets": 3}


def test_an_expense_is_changed_without_its_budget(services_counted: Services, expenses: Client) -> None:
    path = services_counted.made("expenses", EXPENSES, **ON_BUDGET)
    assert services_counted.cost(lambda: expenses.put(path, json={"category": "travel"})) == {"expenses": 3}


def test_an_expense_takes_more_of_its_budget(services_counted: Services, expenses: Client) -> None:
    budget = services_counted.made("budgets", BUDGETS).rpartition("/")[2]
    path = services_counted.made("expenses", EXPENSES, **ON_BUDGET, budget_id=budget)
    cost = services_counted.cost(lambda: expenses.put(path, json={"amount": 20}))
    assert cost == {"expenses": 8, "budgets": 5}


def test_an_expense_takes_less_of_its_budget(services_counted: Services, expenses: Client) -> None:
    budget = services_counted.made("budgets", BUDGETS).rpartition("/")[2]
    path = services_counted.made("expenses", EXPENSES, **ON_BUDGET, budget_id=budget)
    cost = services_counted.cost(lambda: expenses.put(path, json={"amount": 5}))
    assert cost == {"expenses": 7, "budgets": 5}


def test_an_expense_off_any_budget_is_deleted(services_counted: Services, expenses: Client) -> None:
    path = services_counted.made("expenses", EXPENSES, **ON_BUDGET)
    assert services_counted.cost(lambda: expenses.delete(path), 204) == {"expenses": 3}


def test_an_expense_on_a_budget_is_deleted(services_counted: Services, expenses: Client) -> None:
    budget = services_counted.made("budgets", BUDGETS).rpartition("/")[2]
    path = services_counted.made("expenses", EXPENSES, **ON_BUDGET, budget_id=budget)
    cost = services_counted.cost(lambda: expenses.delete(path), 204)
    assert cost == {"expenses": 6, "budgets": 5}


def of_project(expenses: Client, invoices: Client) -> str:
    """A new expense of a new project, by its path in `projects`."""
    project = invoices.post("/projects.json", json={"project": {"name": "p"}}).json["id"]
    number = expenses.post(f"/projects/{project}/expenses.json", json={"expense": {"cost": 10}}).json["id"]
    return f"/expenses/{number}.json"


def test_an_expense_of_a_project_is_held_and_told(
    services_counted: Services, expenses: Client, invoices: Client
) -> None:
    path = of_project(expenses, invoices)
    cost = services_counted.cost(lambda: expenses.put(path, json={"expense": {"cost": 20}}))
    assert cost == {"expenses": 9, "invoices": 9}


def test_expenses_of_projects_are_listed_with_the_names_of_their_makers(
    services_counted: Services, expenses: Client, invoices: Client
) -> None:
    of_project(expenses, invoices)
    assert services_counted.cost(lambda: expenses.get("/expenses.json")) == {"expenses": 3}
    assert services_counted.cost(lambda: expenses.get("/projects/9/expenses.json")) == {"expenses": 2}
