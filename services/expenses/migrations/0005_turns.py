"""Each workspace has its turn in the outbox, and refused messages say why."""

from shared import outbox_tables

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    outbox_tables.take_turns()
