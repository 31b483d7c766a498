"""The product as real processes, with all around it that can go wrong: databases, disk, network, mail, clocks."""

import random
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from tests.chaos.desk import Office
from tests.chaos.postbox import Letter, Postbox, filed
from tests.chaos.postgres import Postgres
from tests.chaos.proxy import Proxy
from tests.chaos.record import Ledger
from tests.product import Product

INSIDE = Path(__file__).parent / "inside"
SERVICES = ("invoices", "budgets", "expenses")
PROCESSES = ("gateway", *SERVICES, "relay")
DISK_MB = 96
PATIENCE = 300.0
"""Seconds that a start may take on a machine that is busy with much else."""


class World:
    """One product and its surroundings, in a folder of its own."""

    def __init__(self, folder: Path, backend: str, chance: random.Random, *, mail: str = "smtp", **told: str) -> None:
        self.folder, self.backend, self.mail = folder, backend, mail
        self.disk = Disk(folder / "disk")
        self.postgres = Postgres(folder) if backend == "postgresql" else None
        self.postbox = Postbox(random.Random(chance.random()))
        self.clocks = Clocks(folder / "clocks")
        self.fired = folder / "fired"  # what requests have killed, see `points`
        self.fired.mkdir()
        self.product = Product(
            self.disk.folder / "var",
            self.postgres.url("chaos") if self.postgres else None,
            log=folder / "product.log",  # not on the disk that is filled
            **self._told(),
            **told,
        )
        self.product.patience = PATIENCE
        ports = {name: self.product.port + number for number, name in enumerate(SERVICES, start=1)}
        self.proxies = {name: Proxy(name, port, random.Random(chance.random())) for name, port in ports.items()}
        self.product.tell(**{f"{name.upper()}_URL": proxy.url for name, proxy in self.proxies.items()})

    def _told(self) -> dict[str, str]:
        smtp = {"MAIL_CHANNEL": "smtp", "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(self.postbox.port)}
        inside = {"PYTHONPATH": str(INSIDE), "CHAOS_CLOCKS": str(self.clocks.folder)}
        inside |= {"CHAOS_FIRED": str(self.fired), "LOG_LEVEL": "WARNING"}
        return inside | (smtp if self.mail == "smtp" else {"MAIL_CHANNEL": "file"})

    def office(self, workspace: str, currency: str) -> Office:
        """A workspace, as its clients know it."""
        made = self.product.new_key(workspace, "--currency", currency, "--member", "Ada Byron <ada@example.com>")
        return Office(self.product.url, made["key"], made["account_id"], made["company_id"], currency, Ledger())

    def letters(self) -> list[Letter]:
        """All the mail that has arrived."""
        return self.postbox.letters() if self.mail == "smtp" else filed(self.product.var / "mail")

    def rows(self, service: str, statement: str) -> list[Any]:
        """What a query of a service's database finds. Nobody is disturbed."""
        engine = create_engine(self._database(service))
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(statement))]
        finally:
            engine.dispose()

    def write(self, service: str, *statements: str) -> None:
        """Change a service's database behind its back: for tests of the checker alone."""
        engine = create_engine(self._database(service))
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def close(self) -> None:
        """End everything."""
        with suppress(AssertionError, subprocess.TimeoutExpired):
            self.product.stop()
        for proxy in self.proxies.values():
            proxy.close()
        self.postbox.close()
        if self.postgres:
            self.postgres.close()
        self.disk.close()

    def _database(self, service: str) -> str:
        if self.postgres:
            return self.postgres.url("chaos" if service == "gateway" else f"chaos_{service}")
        return f"sqlite:///{self.product.var / f'{service}.db'}"


class Disk:
    """A small disk for the data folder, where mounting one is permitted; else a plain folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "chaos", str(folder)]
        self.small = sys.platform == "linux" and subprocess.run(mount, capture_output=True).returncode == 0
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Until nothing more goes onto it."""
        with suppress(OSError), self._ballast.open("wb", buffering=0) as ballast:
            for size in (1 << 20, 4096):
                with suppress(OSError):
                    while ballast.write(b"\0" * size):
                        pass

    def free(self) -> None:
        """Give the space back."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Take it away."""
        if self.small:
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)


class Clocks:
    """By how many seconds the wall clock of each process is wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in PROCESSES:
            self.set(name, 0.0)

    def set(self, name: str, seconds: float) -> None:
        """From now on; in place, as the process has the file in its memory."""
        file = self.folder / name
        with file.open("r+b" if file.exists() else "wb") as clock:
            clock.write(struct.pack("d", seconds))


@contextmanager
def world(backend: str, chance: random.Random, **told: Any) -> Iterator[World]:
    """A world that is running; its folder goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="ch_chaos_"))
    made = World(folder, backend, chance, **told)
    try:
        made.product.start()
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
