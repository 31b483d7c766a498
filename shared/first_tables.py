"""The tables every service starts with, as its first migration makes them. Frozen: a change is a new revision."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant, Serial

IMMUTABLE = {
    "sqlite": (
        "CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the history cannot be changed'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_immutable()"
    ),
}


def create() -> None:
    """Create `outbox`, `idempotency` and `audit`."""
    op.create_table(
        "outbox",
        sa.Column("id", Serial, primary_key=True),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("armed", sa.Boolean, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("leased_until", Instant),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_topic_key", "outbox", ["topic", "key"], unique=True)
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"])
    op.create_table(
        "idempotency",
        sa.Column("workspace_id", sa.String(36), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.JSON),
        sa.Column("body", sa.LargeBinary),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
    op.create_table(
        "audit",
        sa.Column("id", Serial, primary_key=True),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("member_id", sa.Integer),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_workspace_id_subject_id_id", "audit", ["workspace_id", "subject_id", "id"])
    _make_immutable(op.get_bind().dialect.name)


def _make_immutable(database: str) -> None:
    if database == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_immutable() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the history cannot be changed'; END $$"
        )
    for verb in ("update", "delete"):
        op.execute(IMMUTABLE[database].format(verb=verb))
