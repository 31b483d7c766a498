"""The common part of the migrations that give a version 64 bits."""

import sqlalchemy as sa
from alembic import op


def widen(table: str) -> None:
    """Let the versions of a table's rows go past 2**31, which SQLite's can. PostgreSQL writes the table anew."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(table, "version", type_=sa.BigInteger)
