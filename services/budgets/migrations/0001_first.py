"""The budget service begins: budgets and spends."""

import sqlalchemy as sa
from alembic import op

from shared import first_tables
from shared.db import Instant, Serial

revision = "0001"
down_revision = None


def upgrade() -> None:
    first_tables.create()
    op.create_table(
        "budgets",
        sa.Column("id", Serial, primary_key=True),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("start_on", sa.Date),
        sa.Column("end_on", sa.Date),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total_minor", sa.BigInteger),
        sa.Column("opening_minor", sa.BigInteger, nullable=False),
        sa.Column("live_minor", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("enforcement", sa.String(8), nullable=False),
        sa.Column("enforce_period", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_budgets_workspace_id_uuid", "budgets", ["workspace_id", "uuid"], unique=True)
    op.create_index("ix_budgets_workspace_id_created_at_id", "budgets", ["workspace_id", "created_at", "id"])
    op.create_table(
        "spends",
        sa.Column("id", Serial, primary_key=True),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("expense_id", sa.String(36), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("budget_id", Serial, sa.ForeignKey("budgets.id", ondelete="SET NULL")),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("held_budget_id", Serial, sa.ForeignKey("budgets.id", ondelete="SET NULL")),
        sa.Column("held_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("spent_on", sa.Date),
        sa.Column("updated_at", Instant, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_spends_workspace_id_expense_id", "spends", ["workspace_id", "expense_id"], unique=True)
    op.create_index("ix_spends_budget_id", "spends", ["budget_id"])
    op.create_index("ix_spends_held_budget_id", "spends", ["held_budget_id"])
