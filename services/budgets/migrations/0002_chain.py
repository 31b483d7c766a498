"""The history is chained."""

from shared import chain_tables

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    chain_tables.create()
