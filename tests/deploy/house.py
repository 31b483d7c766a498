"""All the services in this process, wired to one another, with the gateway's database and a workspace of its own."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter
from sqlalchemy import text, update

import services.budgets.app
import services.expenses.app
import services.invoices.app
from gateway import app as gateway
from gateway.keys import actions
from gateway.keys.scopes import SCOPES
from gateway.settings import Settings as GatewaySettings
from services.budgets.settings import Settings as BudgetSettings
from services.expenses.settings import Settings as ExpenseSettings
from services.invoices.settings import Settings as InvoiceSettings
from shared import chain
from shared.db import Database, now
from shared.outbox import Outbox
from shared.relay import Relay
from tests.client import CALLER, SECRET, Client
from tests.wire import Wire

FINANCE = "/v1/dev/finance"
PDF = b"%PDF-1.4 a receipt"
NAMES = ("gateway", "invoices", "budgets", "expenses")


class Town(BaseAdapter):
    """Carries requests to the app of the host that they name."""

    def __init__(self) -> None:
        super().__init__()
        self.apps: dict[str, Any] = {}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        host = (request.url or "").split("/")[2]
        return Wire(self.apps[host]).send(request, *args, **kwargs)

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class House:
    """Where everything is, the services as one member of the workspace sees them, and their relays."""

    urls: dict[str, str]
    folder: Path
    workspace: str
    clients: dict[str, Client]
    relays: dict[str, Relay]
    dbs: dict[str, Database] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What the commands are told."""
        told = {f"{name.upper()}_DATABASE_URL": url for name, url in self.urls.items()}
        return told | {"VAR": str(self.folder), "RECEIPTS_URL": (self.folder / "receipts").as_uri()}

    def call(self, service: str, method: str, path: str, **kwargs: Any) -> Any:
        """One request that is not refused; what it answers, be it in `data` or not."""
        answer = self.clients[service].open(method, path, **kwargs)
        assert answer.status_code in (200, 201, 204), answer.data
        said = answer.json if answer.data else {}
        return said.get("data", said)

    def made(self, service: str, what: str, **facts: Any) -> Any:
        """A new thing of the `finance` dialect."""
        return self.call(service, "POST", f"{FINANCE}/{what}", json=facts)

    def sql(self, name: str, statement: str, **values: Any) -> None:
        """Write to a database past the product."""
        with self.dbs[name].write() as session:
            session.execute(text(statement), values)

    def one(self, name: str, query: str, **values: Any) -> Any:
        """The only value that a query finds."""
        with self.dbs[name].read() as session:
            return session.execute(text(query), values).scalar_one()

    def settle(self) -> None:
        """Let all relays deliver what is due, whatever the time."""
        for relay in self.relays.values():
            with relay.db.write() as session:
                session.execute(update(Outbox).values(due_at=now() - timedelta(seconds=1), leased_until=None))
            while relay.run_once():
                pass

    def close(self) -> None:
        for db in (*self.dbs.values(), *(relay.db for relay in self.relays.values())):
            db.close()
        for client in self.clients.values():
            client.app.extensions["service"].db.close()


def opened(urls: dict[str, str], folder: Path, workspace: str = "") -> House:
    """The services on these databases, for a new workspace, or for one that is there."""
    town, receipts = Town(), (folder / "receipts").as_uri()
    hosts = {f"{name}_url": f"http://{name}" for name in NAMES[1:]}
    told: dict[str, Any] = {
        "gateway": GatewaySettings(database_url=urls["gateway"], caller_secret=SECRET, key_secret="k" * 32, **hosts),
        "invoices": InvoiceSettings(
            database_url=urls["invoices"],
            caller_secret=SECRET,
            mail_folder=str(folder / "mail"),
            expenses_url=hosts["expenses_url"],
        ),
        "budgets": BudgetSettings(
            database_url=urls["budgets"], caller_secret=SECRET, expenses_url=hosts["expenses_url"]
        ),
        "expenses": ExpenseSettings(
            database_url=urls["expenses"],
            caller_secret=SECRET,
            receipts_url=receipts,
            budgets_url=hosts["budgets_url"],
            invoices_url=hosts["invoices_url"],
        ),
    }
    wires = {"budgets": town, "invoices": town}
    town.apps = {
        "invoices": services.invoices.app.create_app(told["invoices"], wire=town),
        "budgets": services.budgets.app.create_app(told["budgets"]),
        "expenses": services.expenses.app.create_app(told["expenses"], wires=wires),
    }
    relays = {
        "gateway": gateway.create_relay(told["gateway"], wire=town),
        "invoices": services.invoices.app.create_relay(told["invoices"], wire=town),
        "budgets": services.budgets.app.create_relay(told["budgets"], wire=town),
        "expenses": services.expenses.app.create_relay(told["expenses"], wires=wires),
    }
    dbs = {name: Database(url, threads=2) for name, url in urls.items()}
    if not workspace:
        workspace = actions.issue(dbs["gateway"], "k" * 32, "demo", scopes=SCOPES).workspace_id
    member = _first_member(dbs["gateway"])
    caller = replace(
        CALLER, workspace_id=workspace, account_id=workspace, accounts=(workspace,), member_id=member, scopes=SCOPES
    )
    clients = {name: Client(app, caller) for name, app in town.apps.items()}
    house = House(urls, folder, workspace, clients, relays, dbs)
    house.settle()
    return house


def _first_member(db: Database) -> int:
    with db.read() as session:
        return int(session.execute(text("SELECT min(id) FROM members")).scalar_one())


@dataclass(frozen=True)
class Furnished:
    """What there is in a house that somebody lives in."""

    budget: Any
    expense: Any
    invoice: Any
    project: int
    billed: int
    bill: int


def furnish(house: House) -> Furnished:
    """Some of everything: an expense with a receipt on a budget, a paid invoice, an invoice of time and an expense."""
    budget = house.made("budgets", "budgets", name="B", total_amount=100)
    expense = house.call(
        "expenses",
        "POST",
        f"{FINANCE}/expenses",
        data={"amount": "12.50", "budget_id": budget["id"], "receipt": (BytesIO(PDF), "r.pdf")},
    )
    line = {"description": "Paint", "quantity": 2, "unit_price": 10.5}
    invoice = house.made("invoices", "invoices", client_email="a@example.com", items=[line])
    house.call("invoices", "POST", f"{FINANCE}/invoices/{invoice['id']}/send")
    house.call("invoices", "POST", f"{FINANCE}/invoices/{invoice['id']}/payments", json={"amount": 21})
    project = house.call("invoices", "POST", "/projects.json", json={"project": {"name": "P"}})["id"]
    billed = house.call(
        "expenses", "POST", f"/projects/{project}/expenses.json", json={"expense": {"name": "E", "cost": "5.00"}}
    )["id"]
    entry = {"time-entry": {"date": "20260105", "time": "10:00", "hours": 2, "isbillable": "1"}}
    house.call("invoices", "PUT", f"/projects/{project}/rates.json", json={"rates": {"project-default": "50"}})
    time = house.call("invoices", "POST", f"/projects/{project}/time_entries.json", json=entry)
    bill = house.call("invoices", "POST", f"/projects/{project}/invoices.json", json={"invoice": {}})["id"]
    lines = {"add": {"expenses": str(billed), "timelogs": str(time.get("id") or time["timeLogId"])}}
    house.call("invoices", "PUT", f"/invoices/{bill}/lineitems.json", json={"lineitems": lines})
    house.settle()
    for db in house.dbs.values():
        chain.seal(db)
    return Furnished(budget, expense, invoice, project, billed, bill)
