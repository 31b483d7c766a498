"""Rows that cannot be read: SQLite keeps whatever it is given, and JSON is whatever is written.

`deploy.verify` names them, as every other check counts on each value's being of its column's kind.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, get_args, get_origin, get_type_hints

from sqlalchemy import Connection, inspect, select, type_coerce
from sqlalchemy.types import NullType

from shared.db import Base
from shared.rows import UNREADABLE, reason
from shared.verify import BATCH, Wrong

WORDS = {
    int: "number",
    str: "text",
    bool: "yes or no",
    date: "date",
    datetime: "instant",
    bytes: "bytes",
    dict: "object",
    list: "list",
    type(None): "nothing",
}
SHOWN = 80
"""Characters that are shown of a value."""

Read = Callable[[Any], Any] | None
"""How a value is made of what the driver gives, where it is another."""


def wrong(connection: Connection) -> Iterator[Wrong]:
    """The rows of all tables of this database that have a value which their column cannot have."""
    there = set(inspect(connection).get_table_names())
    entities = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    for name in sorted(there & entities.keys()):
        try:
            yield from _of_table(connection, entities[name])
        except UNREADABLE as why:  # the driver itself fails, and so nobody can say at which row
            yield Wrong("-", name, f"a row cannot be read: {reason(why)}")


def _of_table(connection: Connection, entity: Any) -> Iterator[Wrong]:
    columns = entity.__mapper__.column_attrs
    raw = select(*(type_coerce(each.columns[0], NullType()).label(each.key) for each in columns))
    kinds = _kinds(entity)
    reads: dict[str, Read] = {
        each.key: each.columns[0].type.dialect_impl(connection.dialect).result_processor(connection.dialect, None)
        for each in columns
    }
    keys = [column.key for column in entity.__mapper__.primary_key if column.key != "workspace_id"]
    for row in connection.execute(raw.execution_options(yield_per=BATCH)).mappings():
        for name, value in row.items():
            if not _is(value, reads[name], kinds[name]):
                thing = f"{entity.__tablename__} {'/'.join(str(row[key]) for key in keys)}"
                yield Wrong(
                    str(row.get("workspace_id", row.get("id"))),
                    thing,
                    f"{name} is {repr(value)[:SHOWN]}, which is no {' or '.join(WORDS[kind] for kind in kinds[name])}",
                )


def _kinds(entity: Any) -> Mapping[str, tuple[type, ...]]:
    """Of which kinds the values of each column are, as its class says."""
    hints = get_type_hints(entity)
    kinds: dict[str, tuple[type, ...]] = {}
    for each in entity.__mapper__.column_attrs:
        (said,) = get_args(hints[each.key])
        plain = (said,) if isinstance(said, type) or get_origin(said) in (dict, list) else get_args(said)
        kinds[each.key] = tuple(get_origin(kind) or kind for kind in plain)
    return kinds


def _is(value: Any, read: Read, kinds: tuple[type, ...]) -> bool:
    if value is None:
        return type(None) in kinds
    try:
        return isinstance(read(value) if read else value, kinds)
    except UNREADABLE:
        return False
