"""The ids that databases count up: how far they have come, and how they go on where a copy is put back.

An id is never given twice (api.md, section 2), so counting goes on beyond every id that anybody may know.
"""

from sqlalchemy import Connection, Table, func, select, text

AHEAD = 1000
"""How many ids are left out when a copy is put back: so many may have been given after it was made."""


def highest(connection: Connection, table: Table) -> int | None:
    """The largest id that was ever given in a table; None where the database gives none."""
    if not _counter(connection, table):
        return None
    return max(_last(connection, table), _largest(connection, table))


def go_on_beyond(connection: Connection, table: Table, number: int) -> None:
    """Let the next id of a table be larger than this one, and than all that were given there."""
    counter = _counter(connection, table)
    last = max(number, _last(connection, table), _largest(connection, table))
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT setval(CAST(:counter AS regclass), :last)"), {"counter": counter, "last": last})
        return
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :counter"), {"counter": counter})
    row = {"counter": counter, "last": last}
    connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:counter, :last)"), row)


def _counter(connection: Connection, table: Table) -> str | None:
    """What counts the ids of a table: the name of a sequence, and on SQLite the table's own."""
    keys = [column.name for column in table.primary_key.columns]
    if len(keys) != 1:
        return None
    counting = text("SELECT name FROM sqlite_master WHERE name = :table AND sql LIKE '%AUTOINCREMENT%'")
    if connection.dialect.name == "postgresql":
        counting = text("SELECT pg_get_serial_sequence(quote_ident(:table), :key)")
    name: str | None = connection.execute(counting, {"table": table.name, "key": keys[0]}).scalar()
    return name


def _last(connection: Connection, table: Table) -> int:
    """What a counter has come to."""
    counter = _counter(connection, table)
    if connection.dialect.name == "postgresql":
        state = text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {counter}")  # noqa: S608
        return int(connection.execute(state).scalar_one())
    state = text("SELECT seq FROM sqlite_sequence WHERE name = :counter")
    return int(connection.execute(state, {"counter": counter}).scalar() or 0)


def _largest(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.max(*table.primary_key.columns))).scalar() or 0)
