"""The whole product, as strangers and clients of every kind try to break it."""

from collections.abc import Iterator

import pytest

from tests.product import Product, running


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def product(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Iterator[Product]:
    """Five processes, started once for the file."""
    with running(request.param, tmp_path_factory.mktemp("product"), postgres_url) as product:
        yield product
