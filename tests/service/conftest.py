"""Databases that outlast a test, for tests that each bring a workspace of their own."""

import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine, TextClause, create_engine, inspect, make_url, text

from tests.conftest import copied

LastingDatabase = Callable[[str, Path], str]
"""A backend and a history of migrations -> the URL of a migrated database, the same one for a worker's whole run."""


@pytest.fixture(scope="session")
def lasting_database(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_url: str,
    sqlite_template: Callable[[Path], Path],
    postgres_template: Callable[[Path], str],
) -> Iterator[LastingDatabase]:
    """Makes a database once for each backend and history."""
    made: dict[tuple[str, Path], str] = {}
    names: list[str] = []
    administer = create_engine(postgres_url, isolation_level="AUTOCOMMIT")

    def database(backend: str, history: Path) -> str:
        if (backend, history) not in made:
            made[backend, history] = on_sqlite(history) if backend == "sqlite" else on_postgresql(history)
        return made[backend, history]

    def on_sqlite(history: Path) -> str:
        copy = tmp_path_factory.mktemp("lasting") / "lasting.db"
        shutil.copyfile(sqlite_template(history), copy)
        return f"sqlite:///{copy}"

    def on_postgresql(history: Path) -> str:
        names.append(f"ch_test_{uuid.uuid4().hex}")
        with administer.connect() as connection:
            connection.execute(text(copied(names[-1], postgres_template(history))))
        return make_url(postgres_url).set(database=names[-1]).render_as_string(hide_password=False)

    yield database
    with administer.connect() as connection:
        for name in names:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    administer.dispose()


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


def _copy_sqlite(template: Path, into: Path) -> None:
    with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(into)) as target:
        source.backup(target)  # whoever has it open goes on with what is in it now


def _empty_postgresql(url: str) -> None:
    with _owner(url).connect() as connection:
        connection.execute(_emptying(url))


@cache
def _owner(url: str) -> Engine:
    return create_engine(url, isolation_level="AUTOCOMMIT", pool_size=1)


@cache
def _emptying(url: str) -> TextClause:
    """All that empties its tables, in one go. Triggers are told to look away: they protect the history."""
    with _owner(url).connect() as connection:
        tables = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
        counters = inspect(connection).get_sequence_names()
    deletes = "".join(f'DELETE FROM "{name}"; ' for name in tables)  # noqa: S608
    begins = "".join(f"PERFORM setval('{name}', 1, false); " for name in counters)
    return text(f"DO $$ BEGIN SET LOCAL session_replication_role = replica; {deletes}{begins}END $$")
