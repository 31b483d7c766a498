"""The history is chained."""

from shared import chain_tables

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    chain_tables.create()
