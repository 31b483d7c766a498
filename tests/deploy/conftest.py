"""A house for each database we support, and an empty place for a copy of it."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from deploy.parts import PARTS
from tests.databases import FreshDatabase, administer

from .house import House, opened

Empty = Callable[[str], dict[str, str]]
"""`sqlite` or `postgresql` -> URLs of databases that are not there yet."""


@pytest.fixture
def house(fresh_database: FreshDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """All services, and the environment of the commands that look at them."""
    made = opened({name: fresh_database(part.migrations) for name, part in PARTS.items()}, tmp_path / "var")
    live_in(made, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def empty(tmp_path: Path, postgres_url: str) -> Iterator[Empty]:
    """Databases that are not there yet."""
    made: list[str] = []

    def urls(backend: str) -> dict[str, str]:
        stem = f"ch_test_{uuid.uuid4().hex}"
        if backend == "sqlite":
            return {name: f"sqlite:///{tmp_path / stem}_{name}.db" for name in PARTS}
        made.extend(f"{stem}_{name}" for name in PARTS)
        base = make_url(postgres_url)
        return {name: base.set(database=f"{stem}_{name}").render_as_string(hide_password=False) for name in PARTS}

    yield urls
    for name in made:
        administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def live_in(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands see this house's databases and receipts."""
    for name in os.environ.keys() & {"KEY_SECRET", "DATABASE_URL"}:
        monkeypatch.delenv(name)
    for name, value in house.environment.items():
        monkeypatch.setenv(name, value)
