"""Databases that outlast a test, for tests that each bring a workspace of their own."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

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
