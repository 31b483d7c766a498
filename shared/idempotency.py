"""Writes that can be repeated safely: the answer to a keyed request is kept in the transaction of its write.

A repeat gets the same answer. A key is acquired by inserting its row; a twin that runs at the same moment waits for
that transaction, and then finds either the answer or a free key. Work that needs several transactions acquires in its
first and answers in its last; in between a twin is told to come back.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, LargeBinary, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.db import Base, Instant, now, upsert
from shared.errors import Conflict, Refused

KEPT_FOR = timedelta(hours=48)
"""How long an answer is repeated. api.md, section 1, promises at least 24 hours."""


class IdempotencyRecord(Base):
    """A keyed request and, once there is one, its answer."""

    __tablename__ = "idempotency"
    workspace_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]  # none while the work goes on
    headers: Mapped[dict[str, str] | None] = mapped_column(JSON)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Instant, index=True)


@dataclass(frozen=True)
class IdempotencyKey:
    """A keyed request: whose, under which key, and what it asks."""

    workspace_id: str
    value: str
    fingerprint: str


class Replay(Exception):
    """The request was answered before: this is that answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


def fingerprint(method: str, path: str, *parts: bytes) -> str:
    """What a repeat must have in common with the first request."""
    digest = hashlib.blake2b(digest_size=32)
    for part in (method.encode(), path.encode(), *parts):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def acquire(session: Session, key: IdempotencyKey) -> None:
    """Make the key ours.

    Raises:
        Replay: it has its answer already.
        Refused: the key was used for another request.
        Conflict: the first request is still at work.
    """
    row = {"workspace_id": key.workspace_id, "key": key.value, "fingerprint": key.fingerprint}
    insert = upsert(session, IdempotencyRecord).values(**row, created_at=now()).on_conflict_do_nothing()
    if session.execute(insert.returning(IdempotencyRecord.key)).first():
        return
    check(session, key)
    raise Conflict  # it was given back between the two statements


def check(session: Session, key: IdempotencyKey) -> None:
    """Raise what `acquire` would raise, and leave a free key free: for what must not be judged before the key is."""
    known = session.get(IdempotencyRecord, (key.workspace_id, key.value), populate_existing=True)
    if known is None:
        return
    if known.fingerprint != key.fingerprint:
        raise Refused("This Idempotency-Key was used for another request")
    if known.status is None:
        raise Conflict("The first request with this Idempotency-Key is still at work")
    raise Replay(known.status, known.headers or {}, known.body or b"")


def store_response(session: Session, key: IdempotencyKey, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Keep the answer to an acquired key.

    Raises:
        Conflict: the key was taken from us, and may have another's answer.
    """
    mine = update(IdempotencyRecord).where(*_is(key), IdempotencyRecord.status.is_(None))
    kept = session.execute(
        mine.values(status=status, headers=dict(headers), body=body).returning(IdempotencyRecord.key),
        execution_options={"synchronize_session": False},
    )
    if not kept.first():
        raise Conflict


def lock(session: Session, workspace_id: str, key: str) -> None:
    """Wait until nobody else is deciding about the key, and then decide alone, for this transaction."""
    mine = (IdempotencyRecord.workspace_id == workspace_id, IdempotencyRecord.key == key)
    session.execute(select(IdempotencyRecord.key).where(*mine).with_for_update())


def release(session: Session, workspace_id: str, key: str) -> None:
    """Give a key back whose work was undone. One that has its answer keeps it."""
    session.execute(
        delete(IdempotencyRecord).where(
            IdempotencyRecord.workspace_id == workspace_id,
            IdempotencyRecord.key == key,
            IdempotencyRecord.status.is_(None),
        )
    )


def purge(session: Session) -> int:
    """Delete what is older than `KEPT_FOR`; the number of keys forgotten."""
    return session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.created_at < now() - KEPT_FOR)).rowcount  # type: ignore[attr-defined,no-any-return]


def _is(key: IdempotencyKey) -> tuple[Any, Any]:
    return IdempotencyRecord.workspace_id == key.workspace_id, IdempotencyRecord.key == key.value
