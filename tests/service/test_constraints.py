"""What the database refuses: two who want one value meet a conflict; all else is our own fault, told without data."""

import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from flask import Flask, Response
from sqlalchemy import func, select
from structlog.testing import LogCapture

from services.budgets.app import create_app
from services.budgets.models import Spend
from services.budgets.settings import Settings
from shared import web
from shared.db import Database, insert
from shared.rows import Rows
from tests.client import SECRET, Client

PATH = "/v1/dev/finance/budgets/broken"
SECRET_ID = "what only the customer knows"
SPENDS = Rows(Spend)


@pytest.fixture
def app(db: Database) -> Iterator[Flask]:
    """A budget service with a route that writes the same spend as often as it is told, without a look."""
    made = create_app(Settings(database_url=db.url.render_as_string(hide_password=False), caller_secret=SECRET))

    def write(times: int, **facts: Any) -> Response:
        with web.db().write() as session:
            for _ in range(times):
                insert(session, SPENDS.new(**spend() | facts))
        return web.nothing()

    made.add_url_rule(f"{PATH}/unique", "unique", lambda: write(2))
    made.add_url_rule(f"{PATH}/null", "null", lambda: write(1, currency=None))
    made.add_url_rule(f"{PATH}/type", "type", lambda: write(1, amount_minor=object()))
    made.add_url_rule(f"{PATH}/reference", "reference", lambda: write(1, budget_id=5))
    yield made
    made.extensions["service"].db.close()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is logged of requests."""
    captured = LogCapture()
    logger = structlog.wrap_logger(None, [captured], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    monkeypatch.setattr(web, "log", logger)
    entries: list[Any] = captured.entries
    return entries


def spend() -> dict[str, Any]:
    return {
        "workspace_id": "w",
        "expense_id": SECRET_ID,
        "version": 1,
        "amount_minor": 1,
        "held_minor": 0,
        "currency": "USD",
    }


@pytest.mark.parametrize(
    ("kind", "status", "event", "on_sqlite", "on_postgresql"),
    [
        (
            "unique",
            409,
            "request.conflict",
            "UNIQUE constraint failed: spends.workspace_id, spends.expense_id",
            "ix_spends_workspace_id_expense_id",
        ),
        (
            "null",
            500,
            "request.failed",
            "NOT NULL constraint failed: spends.currency",
            'null value in column "currency" of relation "spends" violates not-null constraint',
        ),
        ("reference", 500, "request.failed", "FOREIGN KEY constraint failed", "fk_spends_budget_id_budgets"),
    ],
)
def test_only_a_value_that_must_be_unique_is_a_conflict_and_no_value_is_logged(
    app: Flask,
    db: Database,
    lines: list[Any],
    backend: str,
    kind: str,
    status: int,
    event: str,
    on_sqlite: str,
    on_postgresql: str,
) -> None:
    assert Client(app).get(f"{PATH}/{kind}").status_code == status
    told = next(line for line in lines if line["event"] == event)
    assert told["constraint"] == (on_sqlite if backend == "sqlite" else on_postgresql)
    assert SECRET_ID not in str(lines)
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Spend)) == 0


def test_a_fault_of_our_own_is_logged_without_what_was_to_be_written(app: Flask, lines: list[Any]) -> None:
    assert Client(app).get(f"{PATH}/type").status_code == 500
    fault = next(line["exc_info"] for line in lines if line["event"] == "request.failed")
    assert SECRET_ID not in "".join(traceback.format_exception(fault))
