"""What somebody else has locked costs those who want it a 503 within seconds, and nobody else anything."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from services.budgets.app import HISTORY, create_app
from services.budgets.models import Budget
from services.budgets.settings import Settings
from shared.bulkhead import Full
from shared.db import Database, Limits
from tests.client import SECRET, Client

BUDGETS = "/v1/dev/finance/budgets"


@pytest.fixture
def url(fresh_database: Callable[[Path], str]) -> str:
    return fresh_database(HISTORY)


@pytest.fixture
def app(url: str) -> Iterator[Flask]:
    """The budget service with four connections, and half a second for a lock."""
    made = create_app(Settings(database_url=url, caller_secret=SECRET, threads=4, lock_timeout=0.5))
    yield made
    made.extensions["service"].db.close()


@contextmanager
def locked(url: str, budget_id: str) -> Iterator[None]:
    """A row that somebody holds; on SQLite, the file."""
    db = Database(url)
    with db.write() as session:
        session.execute(select(Budget).where(Budget.uuid == budget_id).with_for_update())
        yield
        session.rollback()
    db.close()


def made(app: Flask) -> str:
    budget_id: str = Client(app).post(BUDGETS, json={"total_amount": 1}).json["data"]["id"]
    return budget_id


def test_one_locked_row_is_503_for_its_own_requests_and_all_else_goes_on(app: Flask, url: str) -> None:
    budget_id = made(app)
    with locked(url, budget_id), ThreadPoolExecutor(10) as pool:
        waiting = [pool.submit(Client(app).put, f"{BUDGETS}/{budget_id}", json={"name": "x"}) for _ in range(10)]
        answered = 0
        while not all(each.done() for each in waiting):
            assert app.test_client().get("/readyz").status_code == 200
            assert Client(app).get(f"{BUDGETS}/{budget_id}").status_code == 200
            answered += 1
        assert answered > 0
    for each in waiting:
        refused = each.result()
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert Client(app).get(f"{BUDGETS}/{budget_id}").json["data"]["name"] is None
    changed = Client(app).put(f"{BUDGETS}/{budget_id}", json={"name": "y"})
    assert (changed.status_code, changed.json["data"]["name"]) == (200, "y")


def test_who_writes_elsewhere_goes_on_beside_a_locked_row(app: Flask, url: str, backend: str) -> None:
    if backend == "sqlite":
        pytest.skip("who writes to SQLite has locked all of it")
    budget_id, other = made(app), made(app)
    with locked(url, budget_id):
        waiting = threading.Thread(target=lambda: Client(app).put(f"{BUDGETS}/{budget_id}", json={"name": "x"}))
        waiting.start()
        assert Client(app).put(f"{BUDGETS}/{other}", json={"name": "y"}).status_code == 200
        waiting.join()


def test_it_is_ready_while_all_connections_are_at_work(app: Flask) -> None:
    db: Database = app.extensions["service"].db
    there, go = threading.Barrier(5), threading.Event()

    def read() -> None:
        with db.read() as session:
            session.execute(text("SELECT 1"))
            there.wait(60)
            go.wait(60)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(read)
        there.wait(60)
        assert app.test_client().get("/readyz").status_code == 200
        full = Client(app).get(BUDGETS)
        go.set()
    assert (full.status_code, full.headers["Retry-After"]) == (503, "1")
    assert Client(app).get(BUDGETS).status_code == 200


def test_writers_leave_a_connection_to_those_who_read(url: str) -> None:
    db = Database(url, threads=4, limits=Limits(lock=0.2, statement=10, idle_in_transaction=10))
    places = 1 if db.url.get_backend_name() == "sqlite" else 3
    there, go = threading.Barrier(places + 1), threading.Event()

    def write() -> None:
        with db.write():
            there.wait(60)
            go.wait(60)

    with ThreadPoolExecutor(places) as pool:
        for _ in range(places):
            pool.submit(write)
        there.wait(60)
        with pytest.raises(Full), db.write():
            pass
        with pytest.raises(Full), db.autocommit():
            pass
        with db.read() as session:
            assert session.scalar(text("SELECT 1")) == 1
        go.set()
    db.close()


def test_postgresql_ends_what_takes_too_long(url: str, backend: str) -> None:
    if backend == "sqlite":
        pytest.skip("SQLite's statements are ours")
    db = Database(url, limits=Limits(lock=5, statement=0.2, idle_in_transaction=0.2))
    with pytest.raises(DBAPIError, match="statement timeout"), db.write() as session:
        session.execute(text("SELECT pg_sleep(60)"))
    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        _go_on_after(1, db)
    db.close()


@pytest.mark.parametrize(
    ("limits", "said"), [({}, "0"), ({"limits": Limits(lock=3, statement=10, idle_in_transaction=30)}, "3s")]
)
def test_commands_take_as_long_as_they_take(url: str, backend: str, limits: dict[str, Any], said: str) -> None:
    if backend == "sqlite":
        pytest.skip("it has no such settings")
    db = Database(url, **limits)
    with db.write() as session:
        assert session.scalar(text("SHOW lock_timeout")) == said
        assert session.scalar(text("SHOW statement_timeout")) == ("10s" if limits else "0")
        assert session.scalar(text("SHOW idle_in_transaction_session_timeout")) == ("30s" if limits else "0")
    db.close()


def _go_on_after(seconds: float, db: Database) -> None:
    with db.write() as session:
        session.execute(text("SELECT 1"))
        threading.Event().wait(seconds)
        session.execute(text("SELECT 1"))
