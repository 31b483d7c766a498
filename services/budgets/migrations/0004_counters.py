"""The version of a budget goes past 2**31."""

from shared import counters

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    counters.widen("budgets")
