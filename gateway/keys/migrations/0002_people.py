"""Members can be changed, and the services hear of them: of those that there are, too."""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from shared import first_tables
from shared.db import Instant

revision = "0002"
down_revision = "0001"

RECEIVERS = ("invoices", "expenses")

LONG_AGO = "1970-01-01 00:00:00"
"""SQLite adds no column without a value for the rows that there are; they get a true one right after."""


def upgrade() -> None:
    first_tables.create()
    for column in (
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("created_at", Instant, nullable=False, server_default=LONG_AGO),
        sa.Column("updated_at", Instant, nullable=False, server_default=LONG_AGO),
        sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("members", column)
    for name in ("created_at", "updated_at"):  # every member was made with a key
        op.execute(
            f"UPDATE members SET {name} = (SELECT min(created_at) FROM api_keys WHERE member_id = members.id)"  # noqa: S608
            " WHERE EXISTS (SELECT 1 FROM api_keys WHERE member_id = members.id)"
        )
    for member in op.get_bind().execute(sa.text("SELECT * FROM members ORDER BY id")).mappings().all():
        _tell(member)


def _tell(member: sa.RowMapping) -> None:
    state = {name: member[name] for name in ("first_name", "last_name", "email")} | {"deleted": False}
    for service in RECEIVERS:
        op.get_bind().execute(
            sa.text(
                "INSERT INTO outbox (workspace_id, topic, key, version, body, armed, due_at, attempts, request_id)"
                " VALUES (:workspace_id, :topic, :key, 1, :body, :armed, :due_at, 0, '')"
            ).bindparams(sa.bindparam("due_at", type_=Instant), sa.bindparam("armed", type_=sa.Boolean)),
            {
                "workspace_id": member["workspace_id"],
                "topic": f"person.{service}",
                "key": str(member["id"]),
                "body": json.dumps(state),
                "armed": False,
                "due_at": datetime.now(UTC),
            },
        )
