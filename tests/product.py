"""The whole product, started as `make run` starts it, and seen from outside: HTTP, signals, files."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, make_url, text

from gateway.keys.scopes import SCOPES

ROOT = Path(__file__).parent.parent
FINANCE = "/v1/dev/finance"
ON_BOTH = ON_SQLITE, _ = [pytest.param(kind, id=f"shared-{kind}") for kind in ("sqlite", "postgresql")]
"""For tests that share one product: one worker has them all, as they stop it, and a start is dear."""
PATIENCE = 180.0
"""Seconds that something may take on a busy machine before it counts as never happening."""


class Product:
    """Five real processes under their supervisor, with a key for the workspace `demo`."""

    def __init__(self, var: Path, database_url: str | None = None, *, log: Path | None = None, **settings: str) -> None:
        self.var, self.port = var, free_ports(4)
        self._key = ""
        self.patience = PATIENCE
        self.log = log or var.with_suffix(".log")  # what all processes have printed
        self.url = f"http://127.0.0.1:{self.port}"
        told = {"VAR": str(var), "PORT": str(self.port), "RATE_LIMIT": "0"} | settings
        self._environment = {**os.environ, **told} | ({"DATABASE_URL": database_url} if database_url else {})
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it is ready."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start, and wait for nothing."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "deploy.laptop"]
            self._supervisor = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)

    def tell(self, **settings: str) -> None:
        """Settings for its next start."""
        self._environment |= settings

    def wait_until_ready(self) -> None:
        """Wait until every process answers."""
        wait_until(self.ready, self.patience)

    def ready(self) -> bool:
        """Whether every process answers."""
        return _status(f"{self.url}/readyz") == 200

    def running(self) -> bool:
        """Whether its supervisor is there."""
        return self._supervisor is not None and self._supervisor.poll() is None

    def stop(self) -> int:
        """Press Ctrl-C; the exit code."""
        assert self._supervisor
        self._supervisor.send_signal(signal.SIGINT)
        return self._supervisor.wait(self.patience)

    def kill(self) -> None:
        """Kill the supervisor alone."""
        assert self._supervisor
        self._supervisor.kill()
        self._supervisor.wait(PATIENCE)

    def pids(self, command: str) -> list[int]:
        """The processes of one line of the Procfile, the master before its workers: `pids("serve budgets")`."""
        assert self._supervisor
        masters = [pid for pid in _children(self._supervisor.pid) if command in _command(pid)]
        return [pid for master in masters for pid in (master, *_children(master))]

    def signal(self, command: str, number: signal.Signals) -> None:
        """Send a signal to the processes of one line of the Procfile."""
        for pid in self.pids(command):
            os.kill(pid, number)

    @property
    def key(self) -> str:
        """The demo key, or that of another workspace."""
        return self._key or (self.var / "demo-key").read_text().strip()

    def seen_by(self, workspace: str) -> "Product":
        """The same product, with a key for another workspace."""
        seen = copy(self)
        seen._key = self.new_key(workspace)["key"]
        return seen

    def new_key(self, workspace: str = "demo", *arguments: str) -> dict[str, Any]:
        """What `python -m gateway.keys create --json` says of a new key: for all, unless `--scopes` says less."""
        if "--scopes" not in arguments:
            arguments += ("--scopes", ",".join(SCOPES))
        command = [sys.executable, "-m", "gateway.keys", "create", "--workspace", workspace, "--json", *arguments]
        made: dict[str, Any] = json.loads(subprocess.check_output(command, cwd=ROOT, env=self._environment))
        return made

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What `python -m deploy.run ...` says, told where everything is."""
        command = [sys.executable, "-m", "deploy.run", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False)

    def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> requests.Response:
        """One request with the demo key; `path` is below the finance API."""
        signed = {"Authorization": f"Bearer {self.key}"} | (headers or {})
        return requests.request(method, f"{self.url}{FINANCE}{path}", headers=signed, timeout=PATIENCE, **kwargs)

    def made(self, path: str, **facts: Any) -> dict[str, Any]:
        """A new thing."""
        answer = self.call("POST", path, json=facts)
        assert answer.status_code == 201, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def all(self, path: str) -> list[dict[str, Any]]:
        """Every row of a list, page by page."""
        rows: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.call("GET", path, params={"limit": "1000"} | cursor).json()
            rows += page["data"]
            if not page["has_more"]:
                return rows
            cursor = {"cursor": page["next_cursor"]}


@contextmanager
def running(
    backend: str, folder: Path, postgres_url: str, before: Callable[["Product"], object] = lambda _product: None
) -> Iterator[Product]:
    """The product at work, with a fresh data folder, and on PostgreSQL with four fresh databases.

    `before`: what is done with it before it starts.
    """
    name = f"ch_test_{uuid.uuid4().hex}"
    own = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    product = Product(folder / "var", own if backend == "postgresql" else None)
    try:
        before(product)
        product.start()
        try:
            yield product
        finally:
            product.stop()
    finally:
        if backend == "postgresql":
            _drop(postgres_url, name)


def _drop(postgres_url: str, name: str) -> None:
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for suffix in ("", "_invoices", "_budgets", "_expenses"):
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}{suffix}" WITH (FORCE)'))
    engine.dispose()


def wait_until(holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait for something that must come about; how long is no part of any promise."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.05)


def _status(url: str) -> int:
    try:
        return requests.get(url, timeout=5).status_code
    except requests.RequestException:
        return 0


def free_ports(number: int) -> int:
    """The first of so many free ports in a row: below those that connections take, and no other worker's."""
    lowest = 16_000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 16 * 1000
    while True:
        first = random.randrange(lowest, lowest + 1000, number)
        try:
            for port in range(first, first + number):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except FileNotFoundError:
        return ""
