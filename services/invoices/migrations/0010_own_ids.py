"""Each workspace counts up its own invoices, payments, companies, projects and time entries."""

from shared.own_ids import Table, give

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    give(
        [
            Table("companies"),
            Table(
                "projects",
                refers={"company_id": ("companies", None)},
                reindexed={("workspace_id", "id"): (), ("company_id",): ("workspace_id", "company_id")},
            ),
            Table("invoices"),
            Table(
                "items",
                key=("id",),
                counts=False,
                refers={"invoice_id": ("invoices", "CASCADE")},
                reindexed={("invoice_id", "position"): ("workspace_id", "invoice_id", "position")},
            ),
            Table(
                "payments",
                refers={"invoice_id": ("invoices", None)},
                reindexed={("invoice_id",): ("workspace_id", "invoice_id")},
            ),
            Table(
                "rates",
                key=("workspace_id", "project_id", "person_id"),
                counts=False,
                refers={"project_id": ("projects", "CASCADE")},
            ),
            Table(
                "time_entries",
                refers={"project_id": ("projects", None), "invoice_id": ("invoices", None)},
                reindexed={("invoice_id",): ("workspace_id", "invoice_id")},
            ),
            Table(
                "project_expenses",
                key=("uuid", "workspace_id"),
                counts=False,
                refers={
                    "project_id": ("projects", None),
                    "asked_project_id": ("projects", None),
                    "invoice_id": ("invoices", None),
                },
                reindexed={
                    ("project_id",): ("workspace_id", "project_id"),
                    ("invoice_id",): ("workspace_id", "invoice_id"),
                },
            ),
            Table("people", counts=False, reindexed={("workspace_id", "id"): ()}),
        ],
        known="people",
    )
