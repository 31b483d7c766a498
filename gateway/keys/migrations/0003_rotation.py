"""Keys can be rotated, and show when they were used. What runs from before knows nothing of an older secret."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for column in (
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("older_digest", sa.String(64)),
        sa.Column("older_until", Instant),
        sa.Column("last_used_at", Instant),
    ):
        op.add_column("api_keys", column)
