"""A gateway on a real socket, with three stand-in services behind it."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import services.budgets.app
import services.expenses.app
import services.invoices.app
from gateway.app import create_app, create_relay
from gateway.components import Components
from gateway.keys import HISTORY, actions
from gateway.keys.actions import Issued
from gateway.keys.scopes import SCOPES
from gateway.routes import SERVICES
from gateway.settings import Settings
from services.budgets.settings import Settings as BudgetSettings
from services.expenses.settings import Settings as ExpenseSettings
from services.invoices.settings import Settings as InvoiceSettings
from shared.db import Database
from tests.gateway.office import KEY_SECRET, Office, Wires
from tests.gateway.peers import Peer, served

CALLER_SECRET = "the secret that callers are signed with"


@dataclass
class Reply:
    """An answer of the gateway."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass
class Gateway:
    """A running gateway, its services, and a key that it knows."""

    app: Flask
    port: int
    issued: Issued
    peers: dict[str, Peer] = field(default_factory=dict)

    @property
    def components(self) -> Components:
        """What it is made of."""
        known: Components = self.app.extensions["gateway"]
        return known

    @property
    def invoices(self) -> Peer:
        """The stand-in for the invoice service."""
        return self.peers["invoices"]

    def call(
        self, method: str, target: str, *, key: str | None = "", headers: dict[str, str] | None = None, body: Any = None
    ) -> Reply:
        """One request over a connection of its own, its target sent as it is. `key`: None for a stranger."""
        sent = {} if key is None else {"Authorization": f"Bearer {key or self.issued.key}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, target, body=body, headers={**sent, **(headers or {})})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, target: str, **kwargs: Any) -> Reply:
        """GET."""
        return self.call("GET", target, **kwargs)

    @property
    def asked(self) -> int:
        """How many requests have reached any service."""
        return sum(len(peer.requests) for peer in self.peers.values())


Start = Callable[..., Gateway]


@pytest.fixture
def keys_url(tmp_path: Path, sqlite_template: Callable[[Path], Path]) -> str:
    """An empty gateway database."""
    file = tmp_path / "gateway.db"
    file.write_bytes(sqlite_template(HISTORY).read_bytes())
    return f"sqlite:///{file}"


@pytest.fixture
def settings(keys_url: str) -> Settings:
    """What the gateway is told, but for its services' addresses."""
    return Settings(database_url=keys_url, caller_secret=CALLER_SECRET, key_secret=KEY_SECRET, rate_limit=0)


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Starts gateways. Keywords are settings; `invoices_url` and the like replace a stand-in."""
    with ExitStack() as stack:

        def started(**said: Any) -> Gateway:
            peers = {name: stack.enter_context(Peer().serving()) for name in SERVICES if f"{name}_url" not in said}
            addresses: dict[str, Any] = {f"{name}_url": peer.url for name, peer in peers.items()}
            app = create_app(replace(settings, **addresses, **said))
            stack.callback(app.extensions["gateway"].close)
            issued = actions.issue(app.extensions["gateway"].db, KEY_SECRET, "Acme", scopes=SCOPES)
            return Gateway(app, stack.enter_context(served(app)), issued, peers)

        yield started


@pytest.fixture
def gateway(start: Start) -> Gateway:
    """A gateway with its three services."""
    return start()


@pytest.fixture
def db(fresh_database: Callable[[Path], str]) -> Iterator[Database]:
    """The gateway's database, on each backend."""
    database = Database(fresh_database(HISTORY))
    yield database
    database.close()


@pytest.fixture(scope="session")
def lasting_apps() -> Iterator[dict[str, dict[str, Flask]]]:
    """The services that one test after the other has behind its gateway, by the backend."""
    made: dict[str, dict[str, Flask]] = {}
    yield made
    for apps in made.values():
        for app in apps.values():
            app.extensions["service"].db.close()


@pytest.fixture
def office(
    backend: str,
    emptied_database: Callable[[Path], str],
    lasting_apps: dict[str, dict[str, Flask]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Office]:
    """A gateway with the services that it tells of people, on each backend. The messages of its key are delivered."""
    budgets, invoices, expenses = (
        {"database_url": emptied_database(service.HISTORY), "caller_secret": CALLER_SECRET}
        for service in (services.budgets.app, services.invoices.app, services.expenses.app)
    )
    if backend not in lasting_apps:
        receipts = tmp_path_factory.mktemp("receipts").as_uri()
        lasting_apps[backend] = {
            "budgets": services.budgets.app.create_app(BudgetSettings(**budgets)),
            "invoices": services.invoices.app.create_app(InvoiceSettings(**invoices)),
            "expenses": services.expenses.app.create_app(ExpenseSettings(**expenses, receipts_url=receipts)),
        }
    apps = lasting_apps[backend]
    wires = Wires(apps)
    told = Settings(
        database_url=emptied_database(HISTORY), caller_secret=CALLER_SECRET, key_secret=KEY_SECRET, rate_limit=0
    )
    made = Office(create_app(told, wire=wires), told, apps, wires)
    issued = actions.issue(made.db, KEY_SECRET, "Acme", scopes=SCOPES)
    made.key, made.workspace_id = issued.key, issued.workspace_id
    relay = create_relay(told, wire=wires)
    assert relay.run_once() == 2
    yield made
    relay.db.close()
    made.app.extensions["gateway"].close()


class Clock:
    """What time it is, for who counts requests."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that requests and guesses are counted by."""
    clock = Clock()
    for module in ("gateway.guesses", "gateway.limits"):
        monkeypatch.setattr(f"{module}.time", clock)
    return clock
