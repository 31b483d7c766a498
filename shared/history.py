"""What can be asked of the history, and how an entry is spelled: with the names and the amounts that clients know.

What is stored are columns; a service's `vocabulary` says what each is called, where its name does not say it already.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, select
from sqlalchemy.orm import Session

from shared.audit import Audit
from shared.caller import Caller
from shared.db import Database, connection_of
from shared.errors import NotFound
from shared.money import Money
from shared.page import Page, Sorts, cursor_behind, keyset
from shared.rows import Rows

SORTS: Sorts = {"at": Audit.id}
"""How the history of one thing is sorted: as it was written."""

NEWEST: Sorts = {"at": Audit.at}
ENTRIES = Rows(Audit)

ENDINGS = {"_minor": "", "_micros": "", "_on": "_date"}
"""What the end of a column's name is to readers."""

MADE_BY = frozenset({"created_by", "updated_by"})
"""Columns that say again whose entry it is."""

EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

Spell = Callable[[Any, str], Any]
"""A stored value and the currency of its amounts -> what is shown."""

Place = tuple[datetime, int]
"""The instant and the id of an entry: where it stands among a database's."""


@dataclass(frozen=True)
class Words:
    """How the changes of one kind of thing are spelled, where the name of a column is not enough."""

    names: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    values: Mapping[str, Spell] = field(default_factory=dict)

    def of(self, changes: Mapping[str, Any], currency: str) -> dict[str, Any]:
        """`{field: [before, after]}`. The currency is told beside every amount, and shown only when it changed."""
        currencies = changes.get("currency", [currency, currency])
        said: dict[str, Any] = {}
        for name, sides in changes.items():
            if name in self.hidden | MADE_BY or (name == "currency" and sides[0] == sides[1]):
                continue
            spell = self.values.get(name) or (Money if name.endswith("_minor") else _as_it_is)
            said[self.names.get(name) or _field(name)] = [
                None if side is None else spell(side, own or currencies[1])
                for side, own in zip(sides, currencies, strict=True)
            ]
        return said


Vocabulary = Mapping[str, Words]
"""The words of a service, by subject."""

PLAIN = Words()


@dataclass(frozen=True, slots=True)
class Event:
    """An entry, and the currency of its amounts where it does not say that itself."""

    row: Audit
    currency: str


def spelled(entry: Event, vocabulary: Vocabulary, service: str) -> dict[str, Any]:
    """An entry as clients see it. `service`: in whose history it is."""
    row = entry.row
    return {
        "service": service,
        "id": row.id,
        "at": row.at,
        "subject": row.subject,
        "subject_id": row.subject_id,
        "action": row.action,
        "member_id": row.member_id,
        "key_id": row.key_id,
        "request_id": row.request_id,
        "changes": vocabulary.get(row.subject, PLAIN).of(row.changes, entry.currency),
    }


# What can be asked


def about(caller: Caller, subject: str, subject_id: str) -> Select[Audit]:
    """What happened to one thing."""
    return select(*ENTRIES.columns).where(
        Audit.workspace_id == caller.workspace_id, Audit.subject_id == subject_id, Audit.subject == subject
    )


def first(session: Session, caller: Caller, subject: str, subject_id: str) -> Audit:
    """How one thing began. Raises NotFound when there never was one."""
    row = connection_of(session).execute(about(caller, subject, subject_id).order_by(Audit.id).limit(1)).first()
    if row is None:
        raise NotFound
    return ENTRIES.of(row)


def of_one(
    db: Database, caller: Caller, subject: str, subject_id: str, *, sort: str, limit: int, cursor: str | None
) -> Page[Event]:
    """A page of what happened to one thing, which may be gone. Raises NotFound when there never was one."""
    with db.read() as session:
        first(session, caller, subject, subject_id)
        return page(session, caller, about(caller, subject, subject_id), SORTS, sort=sort, limit=limit, cursor=cursor)


def newest(
    db: Database, caller: Caller, by: Mapping[str, Any], *, limit: int, before: Place | None = None
) -> Page[Event]:
    """A page of the workspace's history, the newest first, narrowed by the filters of `telling.EntryFilters`."""
    query = select(*ENTRIES.columns).where(Audit.workspace_id == caller.workspace_id, *_narrowed(caller, by))
    cursor = before and cursor_behind(Audit.id, "-at", *before)
    with db.read() as session:
        return page(session, caller, query, NEWEST, sort="-at", limit=limit, cursor=cursor)


def page(
    session: Session, caller: Caller, query: Select[Audit], sorts: Sorts, *, sort: str, limit: int, cursor: str | None
) -> Page[Event]:
    """A page of entries, each with its currency."""
    found = keyset(session, query, sorts, Audit.id, sort=sort, limit=limit, cursor=cursor, each=ENTRIES.of)
    return Page(_with_currency(connection_of(session), caller, found.rows), found.next_cursor)


def _narrowed(caller: Caller, by: Mapping[str, Any]) -> Iterable[Any]:
    zone = ZoneInfo(caller.time_zone)
    for name, value in by.items():
        if name == "from_":
            yield Audit.at >= _midnight(value, zone)
        elif name == "to":
            yield Audit.at < _midnight(value, zone, after=True)
        else:
            yield getattr(Audit, name) == value


def _midnight(day: date, zone: ZoneInfo, *, after: bool = False) -> datetime:
    """The beginning of a day, or its end; at either end of the calendar, that."""
    try:
        return (datetime.combine(day, time(), zone) + timedelta(days=after)).astimezone(UTC)
    except OverflowError:
        return EARLIEST if day == date.min else LATEST


def _with_currency(connection: Connection, caller: Caller, rows: list[Audit]) -> list[Event]:
    """Entries from before each told its currency have the one that their thing had by then; or the workspace's."""
    silent = {row.subject_id for row in rows if _has_amounts(row) and "currency" not in row.changes}
    if not silent:
        return [Event(row, caller.currency) for row in rows]
    told = (
        select(Audit.subject_id, Audit.id, Audit.changes["currency"])
        .where(Audit.workspace_id == caller.workspace_id, Audit.subject_id.in_(silent))
        .where(Audit.changes["currency"].is_not(None))
        .order_by(Audit.id)
    )
    known = [(subject_id, number, sides[1]) for subject_id, number, sides in connection.execute(told) if sides]
    return [Event(row, _by_then(known, row) or caller.currency) for row in rows]


def _by_then(known: Iterable[tuple[str, int, str]], row: Audit) -> str | None:
    then = None
    for subject_id, number, currency in known:
        if subject_id == row.subject_id and number <= row.id:
            then = currency
    return then


def _has_amounts(row: Audit) -> bool:
    return any(name.endswith(("_minor", "_micros")) for name in row.changes)


def _field(column: str) -> str:
    """What readers call a column of that name."""
    for ending, said in ENDINGS.items():
        if column.endswith(ending):
            return column.removesuffix(ending) + said
    return column


def _as_it_is(value: Any, _currency: str) -> Any:
    return value
