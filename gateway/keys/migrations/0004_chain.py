"""The history is chained."""

from shared import chain_tables

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    chain_tables.create()
