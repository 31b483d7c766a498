"""An expense that is on an invoice knows the account of that invoice. Of those that are on one by now, nobody knows it:
a key for some accounts does not see where they are billed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("expenses", sa.Column("invoice_account_id", sa.String(36)))
