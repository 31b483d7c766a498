"""Which addresses a process listens on."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client import SECRET
from tests.product import PATIENCE, ROOT, free_ports, wait_until

OURS, ANOTHER = "127.0.0.1", "127.0.0.2"
"""Two addresses of this machine; only what listens on all of them is heard on the second."""


@contextmanager
def served(folder: Path, **told: str) -> Iterator[int]:
    """The budget service at work; its port."""
    port = free_ports(1)
    said = {"DATABASE_URL": f"sqlite:///{folder}/books.db", "CALLER_SECRET": SECRET, "PORT": str(port), **told}
    command = [sys.executable, "-m", "deploy.run", "serve", "budgets"]
    process = subprocess.Popen(
        command, env={"PATH": os.environ["PATH"], **said}, cwd=ROOT, stdout=subprocess.DEVNULL, umask=0o022
    )
    try:
        wait_until(lambda: hears(OURS, port))
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


def hears(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), 5):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    ("told", "open_to_others"),
    [
        ({}, False),
        ({"HOST": ""}, False),
        ({"HOST": "0.0.0.0"}, True),  # noqa: S104
        ({"BUDGETS_HOST": "0.0.0.0"}, True),  # noqa: S104
        ({"GATEWAY_HOST": "0.0.0.0"}, False),  # noqa: S104
    ],
    ids=str,
)
def test_a_process_listens_on_this_machine_alone_unless_told_otherwise(
    tmp_path: Path, told: dict[str, str], open_to_others: bool
) -> None:
    with served(tmp_path, **told) as port:
        assert hears(ANOTHER, port) is open_to_others
