"""The invoice service begins: invoices, items, payments, the series of numbers, and the settings."""

import sqlalchemy as sa
from alembic import op

from shared import first_tables
from shared.db import Instant, Serial

revision = "0001"
down_revision = None


def upgrade() -> None:
    first_tables.create()
    op.create_table(
        "invoices",
        sa.Column("id", Serial, primary_key=True),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("transaction_id", sa.String(32), nullable=False),
        sa.Column("number", sa.String(255)),
        sa.Column("series", sa.Boolean, nullable=False),
        sa.Column("lifecycle", sa.String(16), nullable=False),
        sa.Column("completed", sa.Boolean, nullable=False),
        sa.Column("approval", sa.String(16), nullable=False),
        sa.Column("client_name", sa.String(255)),
        sa.Column("client_email", sa.String(255)),
        sa.Column("client_address", sa.String(2000)),
        sa.Column("issue_on", sa.Date, nullable=False),
        sa.Column("due_on", sa.Date),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("subtotal_minor", sa.BigInteger, nullable=False),
        sa.Column("tax_minor", sa.BigInteger, nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("paid_minor", sa.BigInteger, nullable=False),
        sa.Column("notes", sa.String(10000)),
        sa.Column("sent_at", Instant),
        sa.Column("delivery_state", sa.String(16)),
        sa.Column("delivery_message_id", sa.String(255)),
        sa.Column("delivery_to", sa.String(255)),
        sa.Column("delivery_error", sa.String(2000)),
        sa.Column("created_by", sa.Integer),
        sa.Column("updated_by", sa.Integer),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sqlite_autoincrement=True,
    )
    for column in ("uuid", "transaction_id", "number"):
        op.create_index(f"ix_invoices_workspace_id_{column}", "invoices", ["workspace_id", column], unique=True)
    op.create_index("ix_invoices_workspace_id_created_at_id", "invoices", ["workspace_id", "created_at", "id"])
    op.create_table(
        "items",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("invoice_id", Serial, sa.ForeignKey("invoices.id", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("description", sa.String(2000), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("price_micros", sa.BigInteger, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_items_invoice_id_position", "items", ["invoice_id", "position"])
    op.create_table(
        "payments",
        sa.Column("id", Serial, primary_key=True),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("invoice_id", Serial, sa.ForeignKey("invoices.id"), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("paid_on", sa.Date, nullable=False),
        sa.Column("method", sa.String(255)),
        sa.Column("reference", sa.String(255)),
        sa.Column("note", sa.String(2000)),
        sa.Column("created_by", sa.Integer),
        sa.Column("created_at", Instant, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_payments_workspace_id_uuid", "payments", ["workspace_id", "uuid"], unique=True)
    op.create_index("ix_payments_invoice_id", "payments", ["invoice_id"])
    op.create_table(
        "series",
        sa.Column("workspace_id", sa.String(36), primary_key=True),
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer, nullable=False),
    )
    op.create_table(
        "settings",
        sa.Column("workspace_id", sa.String(36), primary_key=True),
        sa.Column("seller_name", sa.String(255)),
        sa.Column("seller_address", sa.String(2000)),
        sa.Column("seller_tax_id", sa.String(255)),
        sa.Column("bank_details", sa.String(2000)),
        sa.Column("number_format", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
