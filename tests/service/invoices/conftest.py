"""The invoice service in this process, as one caller sees it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from services.invoices.app import HISTORY, create_app, create_relay
from services.invoices.settings import Settings
from shared.relay import Relay
from tests.client import LOCK_TIMEOUT, SECRET, Client
from tests.service.invoices.projects import Books, ExpenseService
from tests.wire import Wire


@pytest.fixture
def settings(emptied_database: Callable[[Path], str], tmp_path: Path) -> Settings:
    """The service's settings, on each database we support."""
    return Settings(
        database_url=emptied_database(HISTORY),
        caller_secret=SECRET,
        lock_timeout=LOCK_TIMEOUT,
        mail_folder=str(tmp_path / "mail"),
        mail_from="bills@seller.example",
    )


@pytest.fixture
def expense_service() -> ExpenseService:
    """What the invoice service tells the expense service."""
    return ExpenseService()


@pytest.fixture(scope="session")
def apps() -> Iterator[Callable[[Settings], tuple[Flask, Wire]]]:
    """Makes the app on a database, and what it reaches the expense service by, once a worker."""
    made: dict[str, tuple[Flask, Wire]] = {}

    def app(settings: Settings) -> tuple[Flask, Wire]:
        if settings.database_url not in made:
            wire = Wire(None)
            made[settings.database_url] = create_app(settings, wire=wire), wire
        return made[settings.database_url]

    yield app
    for one, _ in made.values():
        one.extensions["service"].db.close()


@pytest.fixture
def app(settings: Settings, expense_service: ExpenseService, apps: Callable[[Settings], tuple[Flask, Wire]]) -> Flask:
    """The invoice service's app."""
    app, wire = apps(settings)
    wire.app = expense_service.app
    app.extensions["settings"] = settings
    return app


@pytest.fixture
def invoices(app: Flask) -> Client:
    """The invoice service as one caller sees it."""
    return Client(app)


@pytest.fixture
def approver(invoices: Client) -> Client:
    """A key that may decide, and do all the rest."""
    return invoices.seen_by(scopes=("invoices:read", "invoices:write", "invoices:approve"), key_id="key-2")


@pytest.fixture
def relay(settings: Settings, expense_service: ExpenseService) -> Iterator[Relay]:
    """The relay that delivers its mail into a folder, and its messages to the expense service."""
    relay = create_relay(settings, wire=Wire(expense_service.app))
    yield relay
    relay.db.close()


@pytest.fixture
def books(invoices: Client) -> Books:
    """A project of the caller's, at 50.00 an hour."""
    return Books(invoices)
