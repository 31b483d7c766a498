"""An expense says which members have written its amount."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("expenses", sa.Column("writers", sa.JSON))
