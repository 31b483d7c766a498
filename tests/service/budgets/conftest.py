"""The budget service in this process, as the only caller of a workspace of its own sees it."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.wrappers import Response

from services.budgets.app import HISTORY, create_app
from services.budgets.settings import Settings
from shared.db import new_id
from tests.client import LOCK_TIMEOUT, SECRET, Client
from tests.wire import Wire


def nothing_under_way(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A stand-in for the expense service, which keeps to `tests/contract/under_way.json`."""
    return Response('{"expenses": []}', content_type="application/json")(environ, start_response)


@pytest.fixture(scope="session")
def apps(lasting_database: Callable[[str, Path], str]) -> Iterator[Callable[[str], Flask]]:
    """The app on a backend, made once a worker."""
    made: dict[str, Flask] = {}

    def app(backend: str) -> Flask:
        if backend not in made:
            url = lasting_database(backend, HISTORY)
            settings = Settings(database_url=url, caller_secret=SECRET, lock_timeout=LOCK_TIMEOUT)
            made[backend] = create_app(settings, wire=Wire(nothing_under_way))
        return made[backend]

    yield app
    for one in made.values():
        one.extensions["service"].db.close()


@pytest.fixture
def budgets(backend: str, apps: Callable[[str], Flask]) -> Client:
    """The budget service, on each database we support, in a workspace that nobody else has."""
    return Client(apps(backend)).seen_by(workspace_id=new_id())
