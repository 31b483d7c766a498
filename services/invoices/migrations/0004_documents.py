"""The settings know how an invoice looks as a document: its layout, its paper, and the seller's logo."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for column in (
        sa.Column("paper_size", sa.String(8), nullable=False, server_default="a4"),
        sa.Column("layout", sa.String(16), nullable=False, server_default="classic"),
    ):
        op.add_column("settings", column)
    op.create_table(
        "logos",
        sa.Column("workspace_id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
