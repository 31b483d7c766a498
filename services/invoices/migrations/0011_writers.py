"""Which members have written the amount of an expense is known to the invoice that it is on."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("project_expenses", sa.Column("writers", sa.JSON))
