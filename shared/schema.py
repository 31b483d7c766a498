"""Whether a database has its newest migration. Asked at every readiness check, and without alembic in memory for it.

A history is a folder of revisions `0001_first.py`, `0002_...py`, one after the other; the number is the revision.
"""

from pathlib import Path

from sqlalchemy import inspect, text

from shared.db import Database


def newest(history: Path) -> str:
    """The newest revision of a history."""
    return max(file.name.partition("_")[0] for file in history.glob("[0-9]*_*.py"))


def current(db: Database, history: Path) -> bool:
    """Whether the database is at the newest revision of `history`."""
    with db.aside() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return bool(connection.scalar(text("SELECT version_num FROM alembic_version")) == newest(history))
