"""Migrations: one alembic history a service, forward only, safe when several processes start at once.

A history is a folder of revisions, without an environment of its own: the engine and the lock come from here. The
whole upgrade is one transaction under a lock, so a process either finds it done or does all of it.
"""

from pathlib import Path
from zlib import crc32

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from shared.db import Base, Database


def upgrade(db: Database, history: Path, to: str = "head") -> None:
    """Bring the database to a revision of `history`: the newest, unless another one is asked for."""
    script = _script(history)
    with db.engine.begin() as connection:  # on SQLite this is BEGIN IMMEDIATE: the lock
        if connection.dialect.name == "postgresql":
            key = crc32(str(history.parent.name).encode())
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
        with EnvironmentContext(
            Config(), script, fn=lambda revision, _context: script._upgrade_revs(to, revision)
        ) as environment:
            environment.configure(connection=connection, target_metadata=Base.metadata)
            environment.run_migrations()


def _script(history: Path) -> ScriptDirectory:
    return ScriptDirectory(str(history), version_locations=[str(history)])
