"""An invoice may carry what an approval needs to know of it, and who decided; the settings know who is asked."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NAME, DESCRIPTION = 255, 2_000


def upgrade() -> None:
    for column in (
        sa.Column("description", sa.String(DESCRIPTION)),
        sa.Column("service_on", sa.Date),
        sa.Column("provider_name", sa.String(NAME)),
        sa.Column("requested_minor", sa.BigInteger),
        sa.Column("category_name", sa.String(NAME)),
        sa.Column("subcategory_name", sa.String(NAME)),
        sa.Column("payment_method", sa.String(NAME)),
        sa.Column("user_email", sa.String(NAME)),
        sa.Column("finance_approver_email", sa.String(NAME)),
        sa.Column("approved_by_manager_email", sa.String(NAME)),
        sa.Column("comment", sa.String(DESCRIPTION)),
    ):
        op.add_column("invoices", column)
    for name in ("relationship_manager_email", "finance_approver_email"):
        op.add_column("settings", sa.Column(name, sa.String(NAME)))
