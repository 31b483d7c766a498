"""The history, chained: each entry's link holds a hash over the link before and the entry, one chain a workspace.

So an entry that was changed, removed or slipped in between others is found, unless every later link is made anew; and
that is found with a head that was kept elsewhere. Entries are chained moments after they are committed, in any order
and each once, so that no write waits for another's: by every relay, and whenever a head is asked for.
"""

import hashlib
import json
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from types import MappingProxyType
from typing import Any

import structlog
from sqlalchemy import BigInteger, Connection, Index, Select, String, bindparam, exists, func, insert, select, union
from sqlalchemy.orm import Mapped, mapped_column

from shared.audit import Audit
from shared.clock import CLOCKS
from shared.db import Base, Database, advisory_lock, connection_of, now
from shared.rows import UNREADABLE, Rows, reason

START = "0" * 64
"""What stands before the first link."""

PATIENCE = timedelta(minutes=1)
"""How old an entry may become before it must be in the chain."""

NEAR, MARGIN = 500, 10_000
"""How far, in ids, an entry may be committed behind others and still be found within a second, and within ten.

All are found within an hour.
"""

BATCH = 500

EVERY, HOUR = 1.0, 3600.0
"""Seconds from one look at the newest entries to the next, and at all of them."""

log = structlog.get_logger()


class Link(Base):
    """One entry's place in its workspace's chain, counted from 1. Triggers refuse UPDATE and DELETE."""

    __tablename__ = "audit_chain"
    workspace_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    audit_id: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (Index(None, "audit_id", unique=True),)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: its last link, and the instant of that link's entry. An empty chain ends at position 0."""

    position: int = 0
    hash: str = START
    at: datetime | None = None


KeptHeads = Mapping[str, Collection[Head]]
"""Heads that were kept elsewhere, by workspace."""

ENTRIES = Rows(Audit)
COLUMNS = tuple(sorted(column.key for column in Audit.__mapper__.column_attrs))
IN_CHAIN = exists().where(Link.audit_id == Audit.id)
NEWEST = select(func.max(Link.audit_id))
WAITING = select(Audit.id).where(Audit.id > bindparam("floor"), ~IN_CHAIN).order_by(Audit.id).limit(bindparam("rows"))
NUMBERED = select(*ENTRIES.columns).where(Audit.id.in_(bindparam("ids", expanding=True))).order_by(Audit.id)
LAST = (
    select(Link.position, Link.hash, Audit.at)
    .join_from(Link, Audit, Audit.id == Link.audit_id, isouter=True)
    .where(Link.workspace_id == bindparam("workspace_id"))
    .order_by(Link.position.desc())
    .limit(1)
)


def canonical(entry: Audit) -> bytes:
    """An entry as it is hashed: a JSON object of all its columns, sorted by name, in ASCII and without spaces.

    `at` has six decimals and ends in Z. The same bytes come of the row in either database.
    """
    told = {name: getattr(entry, name) for name in COLUMNS}
    told["at"] = f"{entry.at:%Y-%m-%dT%H:%M:%S.%f}Z"
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def linked(previous: str, entry: Audit) -> str:
    """The hash of an entry's link: SHA-256 over the hash before (32 bytes) and the entry as it is hashed."""
    return hashlib.sha256(bytes.fromhex(previous) + canonical(entry)).hexdigest()


# Chaining


def seal(db: Database, *, whole: bool = False, margin: int = MARGIN) -> int:
    """Chain what is committed and in no chain yet; how many entries that were. Several may do it at once.

    It looks at the newest entries, from `margin` ids before the newest that is chained, or at the `whole` history.
    What cannot be read stays out, as it has no hash, and keeps nobody else waiting.
    """
    with db.connection() as connection:
        floor = 0 if whole else max(0, (connection.scalar(NEWEST) or 0) - margin)
    sealed = 0
    while _waits(db, floor):  # a look that takes no lock, as mostly there is nothing to do
        with db.write() as session:
            advisory_lock(session, "audit chain")
            connection = connection_of(session)
            ids = connection.scalars(WAITING, {"floor": floor, "rows": BATCH}).all()
            if not ids:
                continue
            if links := _links(connection, _readable(connection, ids)):
                connection.execute(insert(Link), links)
        sealed, floor = sealed + len(links), ids[-1]
    return sealed


def keep_sealing(db: Database, stop: threading.Event) -> None:
    """Chain what comes until `stop` is set: every second the newest, at the start and every hour whatever is left."""
    whole_at = 0.0
    for look in count():
        if stop.is_set():
            return
        try:
            whole = time.monotonic() >= whole_at
            seal(db, whole=whole, margin=NEAR if look % 10 else MARGIN)
            whole_at = time.monotonic() + HOUR if whole else whole_at
        except Exception as fault:  # a database that is away comes back
            log.error("history.unchained", why=str(fault))
        stop.wait(EVERY)


def head(db: Database, workspace_id: str) -> Head:
    """Where a workspace's chain ends, with all in it that was committed before."""
    seal(db)
    with db.connection() as connection:
        return _last(connection, workspace_id)


def _waits(db: Database, floor: int) -> bool:
    with db.connection() as connection:
        return connection.execute(WAITING, {"floor": floor, "rows": 1}).first() is not None


def _readable(connection: Connection, ids: Sequence[int]) -> list[Audit]:
    """These entries; where one of them cannot be read, all the others."""
    try:
        return [ENTRIES.of(row) for row in connection.execute(NUMBERED, {"ids": ids})]
    except UNREADABLE as why:
        if len(ids) > 1:
            return [entry for each in ids for entry in _readable(connection, [each])]
        log.error("history.unreadable", entry=ids[0], why=reason(why))
        return []


def _links(connection: Connection, entries: Iterable[Audit]) -> list[dict[str, Any]]:
    last: dict[str, tuple[int, str]] = {}
    links = []
    for entry in entries:
        mine = entry.workspace_id
        if mine not in last:
            end = _last(connection, mine)
            last[mine] = (end.position, end.hash)
        position, before = last[mine]
        try:
            last[mine] = (position + 1, linked(before, entry))
        except UNREADABLE as why:  # it, or the link before
            log.error("history.unreadable", entry=entry.id, why=reason(why))
            continue
        links.append(dict(zip(("position", "hash"), last[mine], strict=True), workspace_id=mine, audit_id=entry.id))
    return links


def _last(connection: Connection, workspace_id: str) -> Head:
    row = connection.execute(LAST, {"workspace_id": workspace_id}).first()
    return Head(*row) if row else Head()


# Checking


def faults(
    chain: Iterable[tuple[Link, Audit | None]],
    unchained: Iterable[Audit],
    moment: datetime,
    kept: Collection[Head] = (),
) -> Iterator[str]:
    """What is wrong with one workspace's history, in words; nothing when it is whole.

    `chain`: its links in their order, each with the entry it names, if that is there. `unchained`: its entries that no
    link names. `kept`: heads of it that were kept elsewhere.
    """
    signed: dict[int, set[str]] = {}
    for each in kept:
        signed.setdefault(each.position, set()).add(each.hash)
    signed.pop(0, None)
    position, before = 0, START
    for link, entry in chain:
        if entry:
            yield from _of_entry(entry, moment)
        gap = link.position != position + 1
        if gap:
            yield f"the chain goes from position {position} to {link.position}: links are missing"
        yield from _of_link(link, entry, None if gap else before)
        if signed.pop(link.position, {link.hash}) != {link.hash}:
            yield f"position {link.position} is not what it was when its head was kept"
        position, before = link.position, link.hash
    for lost in sorted(signed):
        yield f"the chain ends at position {position}, but a head of position {lost} was kept"
    for entry in unchained:
        yield from _of_entry(entry, moment)
        if entry.at < moment - PATIENCE:
            yield f"entry {entry.id} of {entry.at:%Y-%m-%d %H:%M:%S} UTC is in no chain"


def _of_entry(entry: Audit, moment: datetime) -> Iterator[str]:
    """What no entry can be, whether it is chained or not."""
    if entry.id <= 0:
        yield f"entry {entry.id} has an id that is never given"
    if entry.at > moment + CLOCKS:
        yield f"entry {entry.id} of {entry.at:%Y-%m-%d %H:%M:%S} UTC is from the future"


def _of_link(link: Link, entry: Audit | None, before: str | None) -> Iterator[str]:
    """What is wrong with one link. `before`: the hash of the one before it, where that is there."""
    if entry is None:
        yield f"entry {link.audit_id}, at position {link.position}, is missing"
    elif entry.workspace_id != link.workspace_id:
        yield f"entry {link.audit_id}, at position {link.position}, is of another workspace"
    elif before is not None and linked(before, entry) != link.hash:
        yield f"entry {link.audit_id}, at position {link.position}, or its link, was changed"


def wrong(db: Database, kept: KeptHeads = MappingProxyType({})) -> Iterator[str]:
    """What is wrong with the history in this database, in words that begin with the workspace; as of one moment.

    What is committed at this very moment need not be chained yet; of a copy, `seal` the rest before.
    """
    with db.connection(transaction=True) as connection:
        for workspace_id in sorted({*kept, *connection.scalars(union(select(Audit.workspace_id), WITH_CHAIN))}):
            told = faults(
                _chain(connection, workspace_id),
                _unchained(connection, workspace_id),
                now(),
                kept.get(workspace_id, ()),
            )
            try:
                yield from (f"workspace {workspace_id}: {fault}" for fault in told)
            except UNREADABLE as why:
                yield f"workspace {workspace_id}: an entry cannot be read: {reason(why)}"


WITH_CHAIN = select(Link.workspace_id)
LINKS = Rows(Link)
CHAIN = (
    select(*LINKS.columns, *ENTRIES.columns)
    .join_from(Link, Audit, Audit.id == Link.audit_id, isouter=True)
    .where(Link.workspace_id == bindparam("workspace_id"))
    .order_by(Link.position)
)
UNCHAINED = select(*ENTRIES.columns).where(Audit.workspace_id == bindparam("workspace_id"), ~IN_CHAIN)


def _chain(connection: Connection, workspace_id: str) -> Iterator[tuple[Link, Audit | None]]:
    width = len(LINKS.columns)
    for row in _streamed(connection, CHAIN, workspace_id):
        yield LINKS.of(row[:width]), None if row[width] is None else ENTRIES.of(row[width:])


def _unchained(connection: Connection, workspace_id: str) -> Iterator[Audit]:
    return map(ENTRIES.of, _streamed(connection, UNCHAINED, workspace_id))


def _streamed(connection: Connection, query: Select[Any], workspace_id: str) -> Iterator[Any]:
    """The rows, a few at a time: a history may be larger than memory."""
    yield from connection.execution_options(yield_per=1000).execute(query, {"workspace_id": workspace_id})
