"""A service whose logs go nowhere answers as ever."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from services.budgets.app import HISTORY
from shared import caller
from tests.client import CALLER, SECRET
from tests.product import PATIENCE, ROOT, free_ports, wait_until


def full_disk() -> int:
    """A disk with no room."""
    return os.open("/dev/full", os.O_WRONLY)


def nobody() -> int:
    """A pipe whose reader has gone."""
    read, write = os.pipe()
    os.close(read)
    return write


def not_reading() -> int:
    """A pipe that is full, whose reader does not read."""
    _, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write, True)
    return write


@contextmanager
def budgets(database_url: str, output: int) -> Iterator[str]:
    """The budget service as a process, all that it says going to `output`; its address."""
    port = free_ports(1)
    told = {"DATABASE_URL": database_url, "CALLER_SECRET": SECRET, "HOST": "127.0.0.1", "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.run", "serve", "budgets"],
        cwd=ROOT,
        env=os.environ | told,
        stdout=output,
        stderr=output,
    )
    try:
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/healthz"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


@pytest.mark.parametrize("output", [full_disk, nobody, not_reading])
def test_a_write_is_answered_whatever_becomes_of_the_logs(
    output: Callable[[], int], tmp_path: Path, sqlite_template: Callable[[Path], Path]
) -> None:
    file = tmp_path / "budgets.db"
    file.write_bytes(sqlite_template(HISTORY).read_bytes())
    with budgets(f"sqlite:///{file}", output()) as url:
        signed = {caller.HEADER: caller.sign(CALLER, SECRET, "budgets")}
        for _ in range(20):
            made = requests.post(
                f"{url}/v1/dev/finance/budgets", json={"total_amount": 1}, headers=signed, timeout=PATIENCE
            )
            assert (made.status_code, made.json()["data"]["total_amount"]) == (201, 1)
        assert len(requests.get(f"{url}/v1/dev/finance/budgets", headers=signed, timeout=PATIENCE).json()["data"]) == 20
