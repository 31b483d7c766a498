"""The ids that databases and workspaces count up: how far they are, and how they go on where a copy is put back.

An id is never given twice (api.md, section 2), so counting goes on beyond every id that anybody may know.
"""

from collections.abc import Collection

from sqlalchemy import Connection, Table, case, func, select, text, update

from shared.db import Base, LastId, Numbered, upsert

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


def give_beyond(connection: Connection, kind: str, workspace_id: str, last: int) -> None:
    """Let the next id that a workspace gives in the table `kind` be larger than `last`."""
    known = upsert(connection, LastId).values(workspace_id=workspace_id, kind=kind, last=last)
    further = {"last": case((LastId.last < last, last), else_=LastId.last)}
    connection.execute(known.on_conflict_do_update(index_elements=["workspace_id", "kind"], set_=further))


def leave_out(connection: Connection, tables: Collection[str], number: int) -> None:
    """Let each workspace leave out so many ids, also in a table where it has given none yet."""
    if LastId.__tablename__ not in tables:
        return  # it is of a revision where the database gave them
    connection.execute(update(LastId.__table__).values(last=LastId.last + number))  # type: ignore[arg-type]
    homes = "members" if "members" in tables else "people"
    counted = {mapper.local_table.name for mapper in Base.registry.mappers if issubclass(mapper.class_, Numbered)}  # type: ignore[attr-defined]
    for kind in sorted(counted & set(tables)):
        known = text(
            f"INSERT INTO last_ids (workspace_id, kind, last) SELECT DISTINCT workspace_id, :kind, :number FROM {homes}"  # noqa: S608
            " WHERE workspace_id NOT IN (SELECT workspace_id FROM last_ids WHERE kind = :kind)"
        )
        connection.execute(known, {"kind": kind, "number": number})


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
