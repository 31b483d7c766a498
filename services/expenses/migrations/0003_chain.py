"""The history is chained."""

from shared import chain_tables

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    chain_tables.create()
