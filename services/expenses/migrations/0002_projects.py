"""Expenses of projects: what is shown of them, the invoice they are on, and the names of the people who made them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NAME = 255


def upgrade() -> None:
    for column in (
        sa.Column("name", sa.String(NAME)),
        sa.Column("project_id", sa.BigInteger),
        sa.Column("created_by", sa.Integer),
        sa.Column("invoice_id", sa.BigInteger),
        sa.Column("billing_version", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("billable_version", sa.BigInteger, nullable=False, server_default="0"),
    ):
        op.add_column("expenses", column)
    op.create_index("ix_expenses_workspace_id_project_id", "expenses", ["workspace_id", "project_id"])
    op.create_table(
        "people",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("first_name", sa.String(NAME), nullable=False),
        sa.Column("last_name", sa.String(NAME), nullable=False),
        sa.Column("email", sa.String(NAME), nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
    )
    op.create_index("ix_people_workspace_id_id", "people", ["workspace_id", "id"])
