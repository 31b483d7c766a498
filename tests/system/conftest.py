"""The whole product, on each database we support."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.product import Product


@pytest.fixture
def product(backend: str, tmp_path: Path, postgres_url: str) -> Iterator[Product]:
    """Five processes, a fresh data folder, and on PostgreSQL four fresh databases."""
    name = f"ch_test_{uuid.uuid4().hex}"
    server = make_url(postgres_url)
    url = server.set(database=name).render_as_string(hide_password=False) if backend == "postgresql" else None
    running = Product(tmp_path / "var", url)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        if url:
            engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                for suffix in ("", "_invoices", "_budgets", "_expenses"):
                    connection.execute(text(f'DROP DATABASE IF EXISTS "{name}{suffix}" WITH (FORCE)'))
            engine.dispose()
