"""The version of an invoice goes past 2**31, and an integer id names one expense of its workspace.

Where it names several, as an expense service that was restored from an older copy gives ids again, none of them keeps
it: the next word of one of them gives it back to that one.
"""

from alembic import op

from shared import counters

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    counters.widen("invoices")
    op.execute(
        "UPDATE project_expenses SET id = NULL WHERE (workspace_id, id) IN"
        " (SELECT workspace_id, id FROM project_expenses GROUP BY workspace_id, id HAVING COUNT(*) > 1)"
    )
    op.drop_index("ix_project_expenses_workspace_id_id", "project_expenses")
    op.create_index("ix_project_expenses_workspace_id_id", "project_expenses", ["workspace_id", "id"], unique=True)
