"""The whole product, on each database we support."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import Product, running


@pytest.fixture
def product(backend: str, tmp_path: Path, postgres_url: str) -> Iterator[Product]:
    """Five processes, fresh for each test."""
    with running(backend, tmp_path, postgres_url) as product:
        yield product
