"""One moment of all databases: what is read of one belongs to what is read of another, while clients write.

Every database is kept from being written to, in one order, until each has a transaction that sees it as it is then:
some milliseconds. What is read afterwards, for however long, is read from those.
"""

import random
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

from shared.db import Database

TRIES = 50

WAIT = 0.3
"""Seconds to wait for who writes: less than PostgreSQL waits before it looks for a deadlock, and ends somebody else."""

Look = Mapping[str, Connection]
"""Each database, as it was at the moment."""


@contextmanager
def one_moment(urls: Mapping[str, str]) -> Iterator[Look]:
    """Transactions that read, all of one moment, by the databases' names.

    Raises:
        SystemExit: a database is missing, is empty, or is written to without an end.
    """
    with ExitStack() as closing:
        databases = {name: opened(name, url) for name, url in urls.items()}
        for database in databases.values():
            closing.callback(database.close)
        for _ in range(TRIES):
            with ExitStack() as looks:
                if look := _pinned(databases, looks):
                    yield look
                    return
            time.sleep(random.uniform(0.05, 0.5))
    raise SystemExit("The databases are written to without a pause; try again when there is less to do")


def opened(name: str, url: str) -> Database:
    """A database that is there. Raises SystemExit when it is not."""
    database = Database(url, threads=2)
    file = database.url.database or ""
    if database.url.get_backend_name() == "sqlite" and not Path(file).is_file():
        raise SystemExit(f"{name}: there is no database {file}")
    try:
        with database.connection() as connection:
            there = inspect(connection).has_table("alembic_version")
    except OperationalError as why:
        raise SystemExit(f"{name}: the database does not answer: {why.orig}") from None
    if not there:
        raise SystemExit(f"{name}: the database is empty")
    return database


def _pinned(databases: Mapping[str, Database], looks: ExitStack) -> Look | None:
    """The transactions, begun while nobody writes; None when somebody does all the time."""
    look = {name: looks.enter_context(database.connection(transaction=True)) for name, database in databases.items()}
    with ExitStack() as locks:
        try:
            for database in databases.values():
                locks.enter_context(_still(database))
            for connection in look.values():  # what it sees first is what it sees later
                connection.execute(text("SELECT version_num FROM alembic_version")).all()
            return look
        except (OperationalError, sqlite3.OperationalError):
            return None


@contextmanager
def _still(database: Database) -> Iterator[None]:
    """Nobody writes to it for as long as the block runs."""
    if database.url.get_backend_name() == "sqlite":
        held = sqlite3.connect(database.url.database or "", timeout=WAIT, isolation_level=None)
        try:
            held.execute("BEGIN IMMEDIATE")
            yield
        finally:
            held.close()
        return
    with database.engine.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{int(WAIT * 1000)}ms'"))
        quote = connection.dialect.identifier_preparer.quote
        tables = ", ".join(map(quote, sorted(inspect(connection).get_table_names())))
        connection.execute(text(f"LOCK TABLE {tables} IN SHARE MODE"))
        yield
