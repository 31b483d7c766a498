"""The outbox's later columns and indexes, for a revision of every service's. Frozen: a change is a new revision."""

import sqlalchemy as sa
from alembic import op


def take_turns() -> None:
    """Let each workspace have its turn, and keep what a receiver said when it refused a message."""
    op.add_column("outbox", sa.Column("refused", sa.String(500)))
    op.drop_index("ix_outbox_due_at", "outbox")
    op.create_index("ix_outbox_workspace_id_due_at", "outbox", ["workspace_id", "due_at"])
