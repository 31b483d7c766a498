"""The people of a workspace, who are named by what they spent."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NAME = 255


def upgrade() -> None:
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
