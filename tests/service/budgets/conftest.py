"""The budget service in this process, as one caller sees it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.budgets.app import HISTORY, create_app
from services.budgets.settings import Settings
from tests.client import SECRET, Client


@pytest.fixture
def budgets(fresh_database: Callable[[Path], str]) -> Iterator[Client]:
    """The budget service, on each database we support."""
    app = create_app(Settings(database_url=fresh_database(HISTORY), caller_secret=SECRET))
    yield Client(app)
    app.extensions["service"].db.close()
