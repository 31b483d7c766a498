"""Databases for tests, each at its history's newest revision: fresh ones, and ones that outlast a test.

A fresh database takes some 25 ms of PostgreSQL's time, and all that an app has compiled for another one is compiled
anew. So tests that change no table share one, and an app on it.
"""

import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine, TextClause, create_engine, inspect, make_url, text

from services.budgets.app import HISTORY
from shared import migrate
from shared.db import Database

URL = "TEST_POSTGRES_URL"
"""The variable that names the PostgreSQL server."""

FreshDatabase = Callable[[Path], str]
"""A history of migrations -> the URL of an empty database that is at its newest revision."""

LastingDatabase = Callable[[str, Path], str]
"""A backend and a history of migrations -> the URL of a migrated database, the same one for a worker's whole run."""


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The URL of a PostgreSQL server's maintenance database."""
    return os.environ[URL]


@pytest.fixture
def fresh_database(
    backend: str, tmp_path: Path, sqlite_template: Callable[[Path], Path], postgres_template: Callable[[Path], str]
) -> Iterator[FreshDatabase]:
    """Makes a fresh database for a history, on the test's backend."""
    made: list[str] = []
    if backend == "sqlite":
        yield lambda history: _on_sqlite(sqlite_template(history), tmp_path)
    else:
        yield lambda history: _on_postgresql(postgres_template(history), made)
    _drop(made)


@pytest.fixture
def db(fresh_database: FreshDatabase) -> Iterator[Database]:
    """A fresh database of the budget service's, for what each service's has: history, messages, keys that repeat."""
    made = Database(fresh_database(HISTORY))
    yield made
    made.close()


@pytest.fixture(scope="session")
def lasting_database(
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_template: Callable[[Path], Path],
    postgres_template: Callable[[Path], str],
) -> Iterator[LastingDatabase]:
    """Makes a database once for each backend and history."""
    folder, made = tmp_path_factory.mktemp("lasting"), list[str]()

    @cache
    def database(backend: str, history: Path) -> str:
        if backend == "sqlite":
            return _on_sqlite(sqlite_template(history), folder)
        return _on_postgresql(postgres_template(history), made)

    yield database
    _drop(made)


@pytest.fixture
def emptied_database(
    backend: str, lasting_database: LastingDatabase, sqlite_template: Callable[[Path], Path]
) -> Callable[[Path], str]:
    """The lasting database for a history, on the test's backend: as it was when it was new."""

    def emptied(history: Path) -> str:
        url = lasting_database(backend, history)
        if backend == "sqlite":
            _copy_sqlite(sqlite_template(history), Path(url.removeprefix("sqlite:///")))
        else:
            _empty_postgresql(url)
        return url

    return emptied


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """A migrated SQLite file for a history, made once a worker."""

    @cache
    def template(history: Path) -> Path:
        file = tmp_path_factory.mktemp("template") / "template.db"
        _migrate(f"sqlite:///{file}", history)
        return file

    return template


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[Callable[[Path], str]]:
    """The name of a migrated PostgreSQL database for a history, made once a worker."""
    made: list[str] = []

    @cache
    def template(history: Path) -> str:
        made.append(f"ch_test_template_{uuid.uuid4().hex}")
        administer(f'CREATE DATABASE "{made[-1]}"')
        _migrate(_named(made[-1]), history)
        return made[-1]

    yield template
    _drop(made)


def _on_sqlite(template: Path, folder: Path) -> str:
    copy = folder / f"{uuid.uuid4().hex}.db"
    shutil.copyfile(template, copy)
    return f"sqlite:///{copy}"


def _on_postgresql(template: str, made: list[str]) -> str:
    made.append(f"ch_test_{uuid.uuid4().hex}")
    administer(f'CREATE DATABASE "{made[-1]}" TEMPLATE "{template}" STRATEGY FILE_COPY')  # not through the log
    return _named(made[-1])


def _drop(databases: list[str]) -> None:
    for name in databases:
        administer(f'DROP DATABASE "{name}" WITH (FORCE)')


def _migrate(url: str, history: Path) -> None:
    db = Database(url)
    migrate.upgrade(db, history)
    db.close()


def _named(database: str) -> str:
    return make_url(os.environ[URL]).set(database=database).render_as_string(hide_password=False)


def administer(statement: str) -> None:
    """Do it to the server."""
    with administrator(os.environ[URL]).connect() as connection:
        connection.execute(text(statement))


@cache
def administrator(url: str) -> Engine:
    """Who does one statement after the other, each for itself."""
    return create_engine(url, isolation_level="AUTOCOMMIT", pool_size=1)


def _copy_sqlite(template: Path, into: Path) -> None:
    with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(into)) as target:
        source.backup(target)  # whoever has it open goes on with what is in it now


def _empty_postgresql(url: str) -> None:
    with administrator(url).connect() as connection:
        connection.execute(_emptying(url))


@cache
def _emptying(url: str) -> TextClause:
    """All that empties its tables, in one go. Triggers are told to look away: they protect the history."""
    with administrator(url).connect() as connection:
        tables = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
        counters = inspect(connection).get_sequence_names()
    deletes = "".join(f'DELETE FROM "{name}"; ' for name in tables)  # noqa: S608
    begins = "".join(f"PERFORM setval('{name}', 1, false); " for name in counters)
    return text(f"DO $$ BEGIN SET LOCAL session_replication_role = replica; {deletes}{begins}END $$")
