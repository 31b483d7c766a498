"""Whether what a database holds can be true: what each service checks of its own tables, `services.<name>.verify`.

Everything here reads, from a connection of one moment, and says what is wrong in words, a line each.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, ForeignKeyConstraint, Table, and_, case, func, select, text

from shared.audit import Audit, plain, told_columns
from shared.clock import CLOCKS
from shared.db import Base, LastId
from shared.outbox import Outbox
from shared.rows import Rows

BATCH = 500

TRIED = 60
"""Attempts at a message after which it is wrong that it is still there: it has been due for about an hour."""

REFUSED = 5
"""The same, of a message that its receiver refuses."""

DELETED = "deleted"


@dataclass(frozen=True, order=True, slots=True)
class Wrong:
    """What is wrong, with which thing, in which workspace."""

    workspace_id: str
    thing: str
    what: str

    def __str__(self) -> str:
        return f"workspace {self.workspace_id}: {self.thing}: {self.what}"


@dataclass(frozen=True)
class Kind:
    """A table whose rows the history tells of.

    `moved`: columns that change without an entry. `begins`: the actions with which a row's history begins, which tell
    of all that is not null; of a row whose history begins otherwise, there was something before. `dated`: whether each
    write of a row has an entry, so that `updated_at` is the instant of one. `stays`: a row is kept that is deleted.
    """

    entity: type[Base]
    moved: Collection[str] = ()
    begins: Collection[str] = ("created", "taken over")
    dated: bool = False
    stays: bool = False

    @property
    def subject(self) -> str:
        """What the history calls it."""
        return self.entity.SUBJECT or self.entity.__tablename__.removesuffix("s")


@dataclass(slots=True)
class Told:
    """What the history tells of a thing: with which action it begins and ends, and when.

    `before`, `last`: what it last said of each column, of before and after a change. `by`: the last member to act.
    `torn`: columns that a change found other than the one before had left them, with both.
    """

    begun: str
    begun_at: datetime
    ended: str
    ended_at: datetime
    by: int | None = None
    before: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    torn: list[tuple[str, Any, Any]] = field(default_factory=list)

    def add(self, entry: Any) -> None:
        """Take an entry into account that comes after the others."""
        told = {name: sides for name, sides in entry.changes.items() if isinstance(sides, list) and len(sides) == 2}
        self.ended, self.ended_at = entry.action, entry.at
        self.by = self.by if entry.member_id is None else entry.member_id
        self.torn += [
            (name, self.last[name], sides[0])
            for name, sides in told.items()
            if name in self.last and not same(sides[0], self.last[name])
        ]
        self.before |= {name: sides[0] for name, sides in told.items()}
        self.last |= {name: sides[1] for name, sides in told.items()}


GUARDS = {
    "sqlite": ("update", "delete", "replace"),
    "postgresql": ("update", "delete", "truncate"),
}
"""What triggers keep from the history, by database: they are called so."""

ON_GUARD = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
    " AND tgrelid IN ('audit'::regclass, 'audit_chain'::regclass)",
}


def unguarded(connection: Connection) -> Iterator[str]:
    """The triggers that keep the history from being changed, and are not there, or do nothing."""
    database = connection.dialect.name
    there = set(connection.scalars(text(ON_GUARD[database])))
    for table in ("audit", "audit_chain"):
        for verb in GUARDS[database]:
            if (name := f"{table}_no_{verb}") not in there:
                yield f"the trigger {name} is missing, or is off: the history could be changed"


def batches(connection: Connection, rows: Rows[Any], *which: ColumnElement[bool]) -> Iterator[Sequence[Any]]:
    """All rows of a table, or `which` of them, some at a time, in the order of their keys."""
    query = select(*rows.columns).where(*which).order_by(*rows.columns[0].table.primary_key.columns)
    for some in connection.execute(query.execution_options(yield_per=BATCH)).partitions():
        yield [rows.of(row) for row in some]


def stuck(connection: Connection) -> Iterator[Wrong]:
    """Messages that nobody takes."""
    columns = (Outbox.workspace_id, Outbox.topic, Outbox.key, Outbox.attempts, Outbox.refused)
    query = select(*columns).where(Outbox.attempts >= case((Outbox.refused.is_(None), TRIED), else_=REFUSED))
    for workspace_id, topic, key, attempts, refused in connection.execute(query.order_by(Outbox.id)):
        why = f", as its receiver says: {refused}" if refused else ""
        yield Wrong(workspace_id, f"message {topic} about {key}", f"has been tried {attempts} times{why}")


def references(connection: Connection, entities: Iterable[type[Base]]) -> Iterator[Wrong]:
    """Rows that refer to one that is not there, or is another workspace's."""
    for entity in entities:
        table = Base.metadata.tables[entity.__tablename__]
        for key in table.foreign_key_constraints:
            yield from _lost(connection, table, key)


def _lost(connection: Connection, table: Table, key: ForeignKeyConstraint) -> Iterator[Wrong]:
    there = key.referred_table.alias("there")
    pairs = [(each.parent, there.c[each.column.name]) for each in key.elements]
    own, target = pairs[-1]
    named = [column for column in table.primary_key.columns if column.name != "workspace_id"]
    found = select(table.c.workspace_id, *named, own, target)
    joined = found.join_from(table, there, and_(*(here == its for here, its in pairs)), isouter=True)
    home = there.c.workspace_id if "workspace_id" in there.c else table.c.workspace_id
    missing = target.is_(None) | (home != table.c.workspace_id)
    for row in connection.execute(joined.where(own.is_not(None), missing)):
        why = "is not there" if row[-1] is None else "is another workspace's"
        what = key.referred_table.name.removesuffix("s").replace("_", " ")
        yield Wrong(row[0], f"{table.name.removesuffix('s').replace('_', ' ')} {row[1]}", f"its {what} {row[-2]} {why}")


def ids(connection: Connection, entities: Iterable[Any]) -> Iterator[Wrong]:
    """Ids that a workspace would give again."""
    for entity in entities:
        name, given = entity.__tablename__, func.coalesce(LastId.last, 0)
        its = and_(LastId.workspace_id == entity.workspace_id, LastId.kind == name)
        found = select(entity.workspace_id, func.max(entity.id), given).join_from(entity, LastId, its, isouter=True)
        again = found.group_by(entity.workspace_id, given).having(func.max(entity.id) > given)
        for workspace_id, there, last in connection.execute(again):
            yield Wrong(workspace_id, f"ids of {name}", f"the last given is {last}, and there is {there}")


def history(connection: Connection, kinds: Iterable[Kind]) -> Iterator[Wrong]:
    """Rows that are not what the history says was made of them: changed, put in or taken out by something else."""
    for kind in kinds:
        seen: set[tuple[str, str]] = set()
        for rows in batches(connection, Rows(kind.entity)):
            told = last_told(connection, kind.subject, [row.uuid for row in rows])
            for row in rows:
                seen.add((row.workspace_id, row.uuid))
                yield from _against(kind, row, told.get((row.workspace_id, row.uuid)))
        yield from _removed(connection, kind, seen)


def last_told(connection: Connection, subject: str, uuids: Sequence[str]) -> dict[tuple[str, str], Told]:
    """What the history tells of some things of a kind, by workspace and thing."""
    told: dict[tuple[str, str], Told] = {}
    for entry in entries(connection, subject, uuids):
        thing = (entry.workspace_id, entry.subject_id)
        if thing not in told or (told[thing].ended, entry.action) == (DELETED, "created"):  # recorded anew
            told[thing] = Told(entry.action, entry.at, entry.action, entry.at)
        told[thing].add(entry)
    return told


def entries(connection: Connection, subject: str, uuids: Sequence[str]) -> Iterator[Any]:
    """The entries about some things of a kind, as they were written."""
    columns = (Audit.workspace_id, Audit.subject_id, Audit.action, Audit.changes, Audit.at, Audit.member_id)
    of_them = select(*columns).where(Audit.subject == subject, Audit.subject_id.in_(uuids))
    yield from connection.execute(of_them.order_by(Audit.id))


def same(one: Any, other: Any) -> bool:
    """Whether two values of the history are the same: an instant may be told in any time zone."""
    return bool(one == other) or (_instant(one) is not None and _instant(one) == _instant(other))


def _instant(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None


def near(instant: datetime, other: datetime) -> bool:
    """Whether a row and its entry, which were written one after the other, may say these."""
    return abs(instant - other) <= CLOCKS


def _against(kind: Kind, row: Any, told: Told | None) -> Iterator[Wrong]:
    thing = f"{kind.subject} {row.uuid}"
    if told is None:
        yield Wrong(row.workspace_id, thing, "is there, and the history does not tell of it")
        return
    columns = {each.key: each.columns[0] for each in kind.entity.__mapper__.column_attrs if each.key not in kind.moved}
    compared = told.last.keys() & columns.keys()
    if told.begun in kind.begins:
        compared |= {name for name in columns.keys() & set(told_columns(kind.entity)) if columns[name].nullable}
    for name in sorted(compared):
        if not same(is_ := plain(getattr(row, name)), told.last.get(name)):
            yield Wrong(row.workspace_id, thing, f"{name} is {is_!r}, where the history says {told.last.get(name)!r}")
    for name, left, found in told.torn:
        if name in columns.keys() & set(told_columns(kind.entity)):
            yield Wrong(
                row.workspace_id, thing, f"{name} was {found!r} before a change, and {left!r} after the last one"
            )
    if told.ended == DELETED and not kind.stays:
        yield Wrong(row.workspace_id, thing, "is there, and the history says that it was deleted")
    for name, at in _instants(kind, told):
        if not near(getattr(row, name), at):
            yield Wrong(
                row.workspace_id, thing, f"{name} is {plain(getattr(row, name))}, where the history says {plain(at)}"
            )


def _instants(kind: Kind, told: Told) -> Iterator[tuple[str, datetime]]:
    """When the row was written, by the names of its columns."""
    if told.begun == "created" and hasattr(kind.entity, "created_at"):
        yield "created_at", told.begun_at
    if kind.dated:
        yield "updated_at", told.ended_at


def _removed(connection: Connection, kind: Kind, seen: Collection[tuple[str, str]]) -> Iterator[Wrong]:
    last = (
        select(func.max(Audit.id)).where(Audit.subject == kind.subject).group_by(Audit.workspace_id, Audit.subject_id)
    )
    ends = select(Audit.workspace_id, Audit.subject_id, Audit.action).where(Audit.id.in_(last))
    for workspace_id, uuid, action in connection.execute(ends):
        if action != DELETED and (workspace_id, uuid) not in seen:
            yield Wrong(workspace_id, f"{kind.subject} {uuid}", "is gone, and the history does not tell of that")
