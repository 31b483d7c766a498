"""An invoice may carry the customer's id in the client's own books."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("invoices", sa.Column("customer_id", sa.JSON))
