"""Settings say who may decide on an invoice; a denial is remembered until the invoice is approved."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("settings", sa.Column("approval_policy", sa.String(16), nullable=False, server_default="open"))
    op.add_column("invoices", sa.Column("denied_before", sa.Boolean, nullable=False, server_default=sa.false()))
