"""A table as lines of JSON, the same from SQLite and from PostgreSQL, so that either can take over from the other.

A line is a row. Instants are in UTC, bytes in base64; what a column holds as JSON is a text, as it was written to the
byte, since the history's chains are made of it.
"""

import gzip
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    LargeBinary,
    MetaData,
    Table,
    Text,
    cast,
    insert,
    inspect,
    select,
    text,
    type_coerce,
)
from sqlalchemy.types import TypeEngine, UserDefinedType

from shared.db import Instant

BATCH = 500
VERSION = "alembic_version"
"""The table that says which revision a database is of. The manifest says it, too."""


class Written(UserDefinedType[str]):
    """JSON, as the text that it is."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSON"


def revision(connection: Connection) -> str | None:
    """Which revision of its history a database is at; None when it has no tables yet."""
    if not inspect(connection).has_table(VERSION):
        return None
    at: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return at


def tables(connection: Connection) -> list[Table]:
    """The tables of a database as they are, each after those that it refers to."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSION]


def table(connection: Connection, name: str) -> Table:
    """One table of a database as it is."""
    return Table(name, MetaData(), autoload_with=connection, resolve_fks=False)


def write(connection: Connection, table: Table, file: Path) -> int:
    """Write all rows of a table, in the order of its key; how many there are."""
    query = select(*map(_read, table.columns)).order_by(*table.primary_key.columns)
    names = [str(column.name) for column in table.columns]  # orjson wants plain texts
    rows = 0
    with gzip.GzipFile(file, "wb", mtime=0) as out:
        for row in connection.execute(query.execution_options(yield_per=BATCH)):
            out.write(orjson.dumps(dict(zip(names, row, strict=True)), default=_in_base64) + b"\n")
            rows += 1
    return rows


def load(connection: Connection, table: Table, file: Path) -> int:
    """Insert the rows of a file into a table; how many there are."""
    into = Table(table.name, MetaData(), *(Column(column.name, _kept_as(column.type)) for column in table.columns))
    reads = {column.name: read for column in table.columns if (read := _reader(column.type))}
    rows = 0
    found = (_row(line, reads) for line in _lines(file))
    while some := list(islice(found, BATCH)):
        connection.execute(insert(into), some)
        rows += len(some)
    return rows


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(file, "rb") as lines:
        yield from map(orjson.loads, lines)


def _row(line: dict[str, Any], reads: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
    for name, read in reads.items():
        if line[name] is not None:
            line[name] = read(line[name])
    return line


def _read(column: Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, JSON):
        return cast(column, Text)
    return type_coerce(column, Instant) if isinstance(column.type, DateTime) else column


def _kept_as(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(kind, JSON):
        return Written()
    return Instant() if isinstance(kind, DateTime) else kind


def _reader(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """How a value of such a column is read from a line, where it is not there as it is."""
    for of, read in ((Date, date.fromisoformat), (DateTime, datetime.fromisoformat), (LargeBinary, _from_base64)):
        if isinstance(kind, of):
            return read
    return None


def _in_base64(value: Any) -> str:
    if not isinstance(value, bytes | memoryview):
        raise TypeError
    return b64encode(value).decode()


_from_base64 = partial(b64decode, validate=True)
