"""The version of an expense goes past 2**31."""

from shared import counters

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    counters.widen("expenses")
