"""Projects of companies, the time and the expenses spent on them, and what of it an invoice bills."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.db import Instant, Serial

revision = "0005"
down_revision = "0004"

NAME, DESCRIPTION = 255, 2_000


def _thing(name: str, *columns: sa.Column[Any]) -> None:
    """A table whose rows have an integer id for clients and a UUID for the history."""
    op.create_table(
        name,
        sa.Column("id", Serial, primary_key=True),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        *columns,
        sa.Column("created_by", sa.Integer),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sqlite_autoincrement=True,
    )


def upgrade() -> None:
    _thing(
        "companies",
        sa.Column("name", sa.String(NAME), nullable=False),
        *(
            sa.Column(name, sa.String(NAME))
            for name in (
                "address_one",
                "address_two",
                "city",
                "state",
                "zip",
                "country_code",
                "phone",
                "website",
                "email",
            )
        ),
    )
    op.create_index("ix_companies_workspace_id_name", "companies", ["workspace_id", "name"])
    _thing(
        "projects",
        sa.Column("name", sa.String(NAME), nullable=False),
        sa.Column("description", sa.String(DESCRIPTION)),
        sa.Column("company_id", Serial, sa.ForeignKey("companies.id")),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("starts_on", sa.Date),
        sa.Column("ends_on", sa.Date),
        sa.Column("rate_micros", sa.BigInteger),
    )
    op.create_index("ix_projects_workspace_id_id", "projects", ["workspace_id", "id"])
    op.create_index("ix_projects_company_id", "projects", ["company_id"])
    op.create_table(
        "rates",
        sa.Column("project_id", Serial, sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("person_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("rate_micros", sa.BigInteger, nullable=False),
    )
    _thing(
        "time_entries",
        sa.Column("project_id", Serial, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("logged_at", Instant, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("description", sa.String(DESCRIPTION)),
        sa.Column("billable", sa.Boolean, nullable=False),
        sa.Column("invoice_id", Serial, sa.ForeignKey("invoices.id")),
        sa.Column("rate_micros", sa.BigInteger),
        sa.Column("cost_minor", sa.BigInteger),
    )
    op.create_index("ix_time_entries_workspace_id_project_id", "time_entries", ["workspace_id", "project_id"])
    op.create_index("ix_time_entries_invoice_id", "time_entries", ["invoice_id"])
    op.create_table(
        "project_expenses",
        sa.Column("uuid", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), primary_key=True),
        sa.Column("id", sa.BigInteger),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("project_id", Serial, sa.ForeignKey("projects.id")),
        sa.Column("asked_project_id", Serial, sa.ForeignKey("projects.id")),
        sa.Column("name", sa.String(NAME)),
        sa.Column("description", sa.String(DESCRIPTION)),
        sa.Column("spent_on", sa.Date),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("created_by", sa.Integer),
        sa.Column("invoice_id", Serial, sa.ForeignKey("invoices.id")),
        sa.Column("billing_version", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_project_expenses_workspace_id_id", "project_expenses", ["workspace_id", "id"])
    op.create_index("ix_project_expenses_project_id", "project_expenses", ["project_id"])
    op.create_index("ix_project_expenses_invoice_id", "project_expenses", ["invoice_id"])
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
    for column in (
        # Not a foreign key: SQLite cannot add one to a table that is there. `actions` sees to it that the project is.
        sa.Column("project_id", Serial),
        sa.Column("po_number", sa.String(NAME)),
        sa.Column("fixed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("billed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("time_minor", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("expenses_minor", sa.BigInteger, nullable=False, server_default="0"),
    ):
        op.add_column("invoices", column)
    op.execute("UPDATE invoices SET fixed = (1 = 1) WHERE total_minor <> 0 OR id IN (SELECT invoice_id FROM items)")
    op.create_index("ix_invoices_workspace_id_project_id", "invoices", ["workspace_id", "project_id"])
