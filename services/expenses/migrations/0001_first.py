"""The expense service begins: expenses."""

import sqlalchemy as sa
from alembic import op

from shared import first_tables
from shared.db import Instant, Serial

revision = "0001"
down_revision = None


def upgrade() -> None:
    first_tables.create()
    op.create_table(
        "expenses",
        sa.Column("id", Serial, primary_key=True),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("description", sa.String(2000)),
        sa.Column("category", sa.String(255)),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("spent_on", sa.Date),
        sa.Column("budget_id", sa.String(36)),
        sa.Column("spend_version", sa.BigInteger, nullable=False),
        sa.Column("receipt_url", sa.String(2000)),
        sa.Column("receipt_key", sa.String(128)),
        sa.Column("receipt_type", sa.String(64)),
        sa.Column("receipt_digest", sa.String(64)),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_expenses_workspace_id_uuid", "expenses", ["workspace_id", "uuid"], unique=True)
    op.create_index("ix_expenses_workspace_id_created_at_id", "expenses", ["workspace_id", "created_at", "id"])
    op.create_index("ix_expenses_workspace_id_budget_id", "expenses", ["workspace_id", "budget_id"])
    op.create_index("ix_expenses_receipt_key", "expenses", ["receipt_key"])
