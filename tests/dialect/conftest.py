"""The whole product, in the workspace that all examples of the documents share."""

import pytest

from tests.product import Product


@pytest.fixture(scope="session")
def product(shared_product: Product) -> Product:
    """The workspace is `demo`."""
    return shared_product
