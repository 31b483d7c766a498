"""What is older than its history begins one, as it is now; else `verify` would take it for put in by somebody else."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.audit import plain
from shared.db import Instant

revision = "0007"
down_revision = "0006"

THINGS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "workspaces",
        "workspace",
        {"company_id": sa.Integer, "name": sa.String, "currency": sa.String, "time_zone": sa.String},
    ),
    ("accounts", "account", {}),
    (
        "members",
        "member",
        {"first_name": sa.String, "last_name": sa.String, "email": sa.String, "role": sa.String, "deleted": sa.Boolean},
    ),
    (
        "api_keys",
        "key",
        {
            "member_id": sa.Integer,
            "prefix": sa.String,
            "older_until": Instant,
            "scopes": sa.JSON,
            "account_ids": sa.JSON,
            "expires_at": Instant,
            "revoked_at": Instant,
        },
    ),
)
"""Table, what the history calls a row, and the columns that it tells of."""

AUDIT = sa.table(
    "audit",
    *(
        sa.column(name, sa.String)
        for name in ("workspace_id", "subject_id", "subject", "action", "key_id", "request_id")
    ),
    sa.column("at", Instant),
    sa.column("changes", sa.JSON),
)

BEGUN = {"action": "taken over", "key_id": "service:gateway", "request_id": "-"}


def upgrade() -> None:
    connection = op.get_bind()
    for name, subject, told in THINGS:
        of_it = sa.select(AUDIT.c.workspace_id, AUDIT.c.subject_id).where(AUDIT.c.subject == subject)
        known = {tuple(row) for row in connection.execute(of_it)}
        home = sa.column("id" if name == "workspaces" else "workspace_id", sa.String).label("home")
        columns = [sa.column(column, kind) for column, kind in told.items()]
        rows = connection.execute(sa.select(sa.column("id"), home, *columns).select_from(sa.table(name))).all()
        for row in rows:
            if (row.home, str(row.id)) in known:
                continue
            changes = {each: [None, plain(getattr(row, each))] for each in told if getattr(row, each) is not None}
            entry = {"workspace_id": row.home, "subject_id": str(row.id), "subject": subject, "changes": changes}
            connection.execute(sa.insert(AUDIT).values(entry | BEGUN | {"at": datetime.now(UTC)}))
