"""The table that chains the history, and what refuses a mistake, as a migration makes them. Frozen, as `first_tables`.

SQLite's INSERT OR REPLACE deletes without asking the triggers that refuse DELETE, so an id that exists is refused, too.
"""

import sqlalchemy as sa
from alembic import op

from shared.first_tables import IMMUTABLE

NO_REPLACE = (
    "CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
    "BEGIN SELECT RAISE(ABORT, 'the history cannot be changed'); END"
)
SAME = {
    "audit": "id = NEW.id",
    "audit_chain": "(workspace_id = NEW.workspace_id AND position = NEW.position) OR audit_id = NEW.audit_id",
}
"""Which row an INSERT OR REPLACE would delete."""


def create() -> None:
    """Create `audit_chain`, and let nothing of the history be replaced."""
    op.create_table(
        "audit_chain",
        sa.Column("workspace_id", sa.String(36), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("audit_id", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_audit_chain_audit_id", "audit_chain", ["audit_id"], unique=True)
    op.create_index("ix_audit_workspace_id_at_id", "audit", ["workspace_id", "at", "id"])
    if op.get_bind().dialect.name == "sqlite":
        _refuse_on_sqlite()
    else:
        _refuse_on_postgresql()


def _refuse_on_sqlite() -> None:
    for verb in ("update", "delete"):
        op.execute(IMMUTABLE["sqlite"].replace("audit", "audit_chain").format(verb=verb))
    for table, same in SAME.items():
        op.execute(NO_REPLACE.format(table=table, same=same))


def _refuse_on_postgresql() -> None:
    for table, verbs in {"audit": ("truncate",), "audit_chain": ("update", "delete", "truncate")}.items():
        for verb in verbs:
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_immutable()"
            )
