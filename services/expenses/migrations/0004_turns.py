"""Each workspace has its turn in the outbox, and refused messages say why."""

from shared import outbox_tables

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    outbox_tables.take_turns()
