"""The history: who changed what, from what to what. Written in the transaction of the change, never changed again."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, insert, inspect
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.caller import Caller
from shared.db import Base, Instant, Serial, connection_of, now, table_of
from shared.logs import request_id

ITSELF = frozenset({"id", "uuid", "workspace_id", "version", "created_at", "updated_at"})
"""Columns whose change says nothing that the entry itself does not say."""

UNTOLD = {"untold": True}
"""The `info` of a column that no entry tells of: it is a secret's, changes with every use, or repeats the entries."""


class Audit(Base):
    """One change of one thing. Triggers refuse UPDATE and DELETE."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(String(36))
    subject_id: Mapped[str] = mapped_column(String(36))
    subject: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(Instant)
    member_id: Mapped[int | None]
    key_id: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(128))
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (
        Index(None, "workspace_id", "subject_id", "id"),
        Index(None, "workspace_id", "at", "id"),
        {"sqlite_autoincrement": True},
    )


_INSERT = insert(Base.metadata.tables[Audit.__tablename__]).inline()  # nobody asks for the entry's id


def record(
    session: Session, caller: Caller, action: str, entity: Any, beside: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Write what happened to `entity` in this transaction: its columns' changes, and what is told `beside` them.

    Call it before the change is flushed: afterwards SQLAlchemy no longer knows the old values.
    """
    entry = {
        "workspace_id": entity.workspace_id,
        "subject_id": entity.uuid,
        "subject": table_of(entity).SUBJECT or table_of(entity).__tablename__.removesuffix("s"),
        "action": action,
        "at": now(),
        "member_id": caller.member_id,
        "key_id": caller.key_id,
        "request_id": request_id.get(),
        "changes": _changes(entity, beside),
    }
    connection_of(session).execute(_INSERT, entry)  # past the unit of work, which costs as much again as the INSERT


def _changes(entity: Any, beside: Mapping[str, Any]) -> dict[str, Any]:
    changed = _columns(entity)
    if (currency := getattr(entity, "currency", None)) and any(name.endswith("_minor") for name in changed):
        changed.setdefault("currency", [currency, currency])  # what the amounts are in, to whoever reads them alone
    return changed | {name: sides for name, sides in beside.items() if name not in changed}


def _columns(entity: Any) -> dict[str, Any]:
    """`{column: [old, new]}` of what this transaction has assigned so far; of a plain row, which is new, all of it."""
    columns = told_columns(table_of(entity))
    state = inspect(entity, raiseerr=False)
    if state is None:
        begun = vars(entity)
        return {name: [None, plain(begun[name])] for name in columns if begun[name] is not None}
    changed: dict[str, Any] = {}
    for name in columns:
        added, _, deleted = state.attrs[name].history
        old, new = deleted[0] if deleted else None, added[0] if added else None
        if added and old != new:
            changed[name] = [plain(old), plain(new)]
    return changed


@cache
def told_columns(entity: type[Base]) -> tuple[str, ...]:
    """The columns that are told of; of bytes there is a digest beside them."""
    columns = entity.__mapper__.column_attrs
    told = {
        each.key
        for each in columns
        if not isinstance(each.columns[0].type, LargeBinary) and not each.columns[0].info.get("untold")
    }
    return tuple(sorted(told - ITSELF))


def plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value
