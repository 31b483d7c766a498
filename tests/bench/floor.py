"""The floor: the same answers from as little as there can be: Flask, gunicorn, a connection a thread, written SQL.

It knows no callers, checks nothing, and writes no history; but its commits are as real as ours. It runs as ours does,
with as many workers and threads. `python -m tests.bench.floor PORT URL` serves it.
"""

import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from flask import Flask, Response, request
from gunicorn.app.base import BaseApplication
from psycopg.rows import dict_row

FINANCE = "/v1/dev/finance"

SCHEMA = """
CREATE TABLE invoices (
    seq {serial}, id TEXT UNIQUE, invoice_number TEXT, client_name TEXT, client_email TEXT, client_address TEXT,
    issue_date {date}, due_date {date}, status TEXT, currency TEXT, subtotal BIGINT, tax BIGINT, total BIGINT,
    amount_paid BIGINT, notes TEXT, sent_at {instant}, created_at {instant}, updated_at {instant});
CREATE INDEX invoices_by_time ON invoices (created_at, seq);
CREATE TABLE items (
    id TEXT PRIMARY KEY, invoice_seq BIGINT REFERENCES invoices (seq), position INTEGER, description TEXT,
    quantity BIGINT, unit_price BIGINT, amount BIGINT);
CREATE INDEX items_by_invoice ON items (invoice_seq, position);
CREATE TABLE budgets (id TEXT PRIMARY KEY, spent BIGINT);
CREATE TABLE expenses (
    seq {serial}, id TEXT UNIQUE, description TEXT, amount BIGINT, currency TEXT, date {date}, category TEXT,
    receipt_url TEXT, budget_id TEXT REFERENCES budgets (id), created_at {instant}, updated_at {instant});
"""

WORDS = {
    "postgresql": {"serial": "BIGSERIAL PRIMARY KEY", "date": "DATE", "instant": "TIMESTAMPTZ"},
    "sqlite": {"serial": "INTEGER PRIMARY KEY", "date": "TEXT", "instant": "TEXT"},
}

INVOICE = """INSERT INTO invoices (id, invoice_number, client_name, client_email, client_address, issue_date, due_date,
    status, currency, subtotal, tax, total, amount_paid, notes, sent_at, created_at, updated_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING seq"""
ITEMS = """INSERT INTO items (id, invoice_seq, position, description, quantity, unit_price, amount)
    VALUES (%s, %s, %s, %s, %s, %s, %s), (%s, %s, %s, %s, %s, %s, %s)"""
ONE = "SELECT * FROM invoices WHERE id = %s"
LATEST = "SELECT * FROM invoices ORDER BY created_at DESC, seq DESC LIMIT %s"
ITEMS_OF = "SELECT * FROM items WHERE invoice_seq = %s ORDER BY position"
ITEMS_OF_MANY = "SELECT * FROM items WHERE invoice_seq IN ({}) ORDER BY invoice_seq, position"
SPEND = "UPDATE budgets SET spent = spent + %s WHERE id = %s"
EXPENSE = """INSERT INTO expenses (id, description, amount, currency, date, category, receipt_url, budget_id,
    created_at, updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""

HEAD = (
    *("id", "invoice_number", "client_name", "client_email", "client_address"),
    *("issue_date", "due_date", "status", "currency"),
)
FIGURES = ("subtotal", "tax", "total", "amount_paid")
TAIL = ("notes", "sent_at", "created_at", "updated_at")

Row = dict[str, Any]


class Store:
    """A connection a thread. SQLite's writers wait in line here, where they need not poll."""

    def __init__(self, url: str) -> None:
        self.postgresql = url.startswith("postgresql")
        self._url = url.replace("postgresql+psycopg", "postgresql").removeprefix("sqlite:///")
        self._local = threading.local()
        self._line = threading.Lock()

    def set_up(self) -> None:
        """Make the tables, in an empty database."""
        schema = SCHEMA.format(**WORDS["postgresql" if self.postgresql else "sqlite"])
        for statement in schema.split(";")[:-1]:
            self.run(statement)

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """What a query finds."""
        return list(self.run(statement, *values).fetchall())

    def run(self, statement: str, *values: Any) -> Any:
        """A cursor that has run the statement."""
        return self._connection().execute(statement if self.postgresql else _with_question_marks(statement), values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """The block is one transaction."""
        if self.postgresql:
            with self._connection().transaction():
                yield
            return
        with self._line:
            self.run("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.run("ROLLBACK")
                raise
            self.run("COMMIT")

    def close(self) -> None:
        """Give this thread's connection back."""
        self._connection().close()

    def _connection(self) -> Any:
        known = getattr(self._local, "connection", None)
        if known is None:
            known = self._local.connection = self._postgresql() if self.postgresql else self._sqlite()
        return known

    def _postgresql(self) -> Any:
        return psycopg.connect(self._url, autocommit=True, row_factory=dict_row, options="-c TimeZone=UTC")

    def _sqlite(self) -> Any:
        connection = sqlite3.connect(self._url, isolation_level=None, timeout=10)
        connection.row_factory = lambda cursor, row: dict(
            zip([name for name, *_ in cursor.description], row, strict=True)
        )
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection


def create_app(store: Store) -> Flask:
    """The app."""
    app = Flask("floor", static_folder=None)

    @app.get(f"{FINANCE}/invoices/<invoice_id>")
    def get_invoice(invoice_id: str) -> Response:
        row = store.rows(ONE, invoice_id)[0]
        return _answer({"data": _invoice(row, store.rows(ITEMS_OF, row["seq"]))})

    @app.get(f"{FINANCE}/invoices")
    def list_invoices() -> Response:
        limit = int(request.args["limit"])
        found = store.rows(LATEST, limit + 1)
        rows, more = found[:limit], len(found) > limit
        keys = [row["seq"] for row in rows]
        items: dict[int, list[Row]] = {key: [] for key in keys}
        for item in store.rows(ITEMS_OF_MANY.format(",".join(["%s"] * len(keys))), *keys):
            items[item["invoice_seq"]].append(item)
        data = [_invoice(row, items[row["seq"]]) for row in rows]
        return _answer({"data": data, "has_more": more, "next_cursor": str(keys[-1]) if more else None})

    @app.post(f"{FINANCE}/invoices")
    def create_invoice() -> Response:
        made = _drafted(orjson.loads(request.get_data()))
        with store.transaction():
            put_invoice(store, made)
        return _answer({"data": made}, 201)

    @app.post(f"{FINANCE}/expenses")
    def create_expense() -> Response:
        facts = orjson.loads(request.get_data())
        at, budget_id = _now(store), facts.get("budget_id")
        made = {
            "id": str(uuid4()),
            "description": facts["description"],
            "amount": facts["amount"],
            "currency": "USD",
            "date": facts["date"],
            "category": facts["category"],
            "receipt_url": None,
            "budget_id": budget_id,
            "created_at": at,
            "updated_at": at,
        }
        values = [*made.values()]
        values[2] = _minor(facts["amount"])
        with store.transaction():
            if budget_id:
                store.run(SPEND, values[2], budget_id)
            store.run(EXPENSE, *values)
        return _answer({"data": made}, 201)

    return app


def put_invoice(store: Store, made: Row) -> None:
    """Write an invoice that has two lines, in the transaction there is."""
    figures = [_minor(made[name]) for name in FIGURES]
    found = store.run(INVOICE, *(made[name] for name in HEAD), *figures, *(made[name] for name in TAIL))
    key = found.fetchone()["seq"]
    values: list[Any] = []
    for position, item in enumerate(made["items"]):
        values += [item["id"], key, position, item["description"], item["quantity"]]
        values += [_minor(item["unit_price"]), _minor(item["amount"])]
    store.run(ITEMS, *values)


def _drafted(facts: Row) -> Row:
    """A draft with what these facts add up to."""
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    items = [
        {"id": str(uuid4()), **item, "amount": round(item["quantity"] * item["unit_price"], 2)}
        for item in facts["items"]
    ]
    return {
        "id": str(uuid4()),
        "invoice_number": None,
        **{name: facts[name] for name in ("client_name", "client_email", "client_address")},
        "issue_date": date.today().isoformat(),  # noqa: DTZ011 - nobody reads it
        "due_date": facts["due_date"],
        "status": "draft",
        "currency": "USD",
        "items": items,
        "subtotal": sum(item["amount"] for item in items),
        "tax": facts["tax"],
        "total": facts["total"],
        "amount_paid": 0,
        "amount_due": facts["total"],
        "is_overdue": False,
        "approval": "pending",
        "notes": facts["notes"],
        "delivery": None,
        "sent_at": None,
        "created_at": at,
        "updated_at": at,
    }


def _invoice(row: Row, items: list[Row]) -> Row:
    return {
        **{name: row[name] for name in HEAD},
        "items": [
            {
                "id": item["id"],
                "description": item["description"],
                "quantity": item["quantity"],
                "unit_price": item["unit_price"] / 100,
                "amount": item["amount"] / 100,
            }
            for item in items
        ],
        **{name: row[name] / 100 for name in FIGURES},
        "amount_due": (row["total"] - row["amount_paid"]) / 100,
        "is_overdue": False,
        "approval": "pending",
        "delivery": None,
        **{name: row[name] for name in TAIL},
    }


@cache
def _with_question_marks(statement: str) -> str:
    """The statement as SQLite's driver takes it."""
    return statement.replace("%s", "?")


def _now(store: Store) -> Any:
    at = datetime.now(UTC)
    return at if store.postgresql else at.isoformat().replace("+00:00", "Z")


def _minor(amount: float) -> int:
    return round(amount * 100)


def _answer(body: Row, status: int = 200) -> Response:
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), status, content_type="application/json")


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn as `deploy.run` starts it."""

    def __init__(self, port: int, url: str) -> None:
        self._port, self._url = port, url
        super().__init__()

    def load_config(self) -> None:
        options: Row = {
            "bind": f"127.0.0.1:{self._port}",
            "workers": int(os.environ.get("WORKERS", "1")),
            "worker_class": "gthread",
            "threads": int(os.environ.get("THREADS", "8")),
            "keepalive": 30,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "control_socket_disable": True,
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(Store(self._url))


if __name__ == "__main__":
    _Server(int(sys.argv[1]), sys.argv[2]).run()
