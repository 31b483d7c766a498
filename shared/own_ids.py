"""The common part of the migrations that let each workspace count up its own integer ids.

What is there keeps the id that it has; a workspace that is known goes on beyond all ids that were given before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection, Inspector

from shared.db import NAMING


@dataclass(frozen=True)
class Table:
    """What a table is from now on."""

    name: str
    key: tuple[str, ...] = ("workspace_id", "id")
    counts: bool = True
    """Whether it gives ids."""
    refers: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    """Column -> the table whose ids it has, and what becomes of the row when that one is deleted."""
    reindexed: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    """The columns of an index -> those that it has instead; none: there is no such index any more."""

    def indexes(self, inspector: Inspector) -> Iterator[tuple[Any, tuple[str, ...]]]:
        """The indexes that there are, and the columns of those that there will be."""
        for index in inspector.get_indexes(self.name):
            if "duplicates_constraint" not in index:
                columns = tuple(str(name) for name in index["column_names"])
                yield index, self.reindexed.get(columns, columns)

    def foreign_keys(self) -> Iterator[sa.ForeignKeyConstraint]:
        """The foreign keys that there will be."""
        for column, (there, ondelete) in self.refers.items():
            ends = [f"{there}.workspace_id", f"{there}.id"]
            name = f"fk_{self.name}_workspace_id_{column}_{there}"
            yield sa.ForeignKeyConstraint(["workspace_id", column], ends, name=name, ondelete=ondelete)


def give(tables: Sequence[Table], known: str) -> None:
    """Change `tables`, those that are referred to first. `known`: a table that names each workspace."""
    connection = op.get_bind()
    highest = {table.name: _highest(connection, table.name) for table in tables if table.counts}
    if connection.dialect.name == "postgresql":
        _alter(connection, tables)
    else:
        _write_anew(connection, tables)
    op.create_table(
        "last_ids",
        sa.Column("workspace_id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
    for name, last in highest.items():
        every = " UNION ".join(f"SELECT workspace_id FROM {each}" for each in (known, name, "audit"))  # noqa: S608
        if last:
            op.execute(f"INSERT INTO last_ids SELECT workspace_id, '{name}', {last} FROM ({every}) AS known")  # noqa: S608


def _highest(connection: Connection, table: str) -> int:
    """The largest id that was ever given in a table."""
    last = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    if connection.dialect.name == "postgresql":
        last = sa.text("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(:table, 'id') AS regclass))")
    largest = connection.execute(sa.text(f"SELECT max(id) FROM {table}")).scalar()  # noqa: S608
    return max(connection.execute(last, {"table": table}).scalar() or 0, largest or 0)


def _alter(connection: Connection, tables: Sequence[Table]) -> None:
    inspector, renewed = sa.inspect(connection), {table.name for table in tables}
    for table in tables:
        for key in inspector.get_foreign_keys(table.name):
            if key["referred_table"] in renewed:
                op.drop_constraint(str(key["name"]), table.name)
    for table in tables:
        op.drop_constraint(str(inspector.get_pk_constraint(table.name)["name"]), table.name)
        op.create_primary_key(f"pk_{table.name}", table.name, list(table.key))
        if table.counts:
            op.execute(f"ALTER TABLE {table.name} ALTER COLUMN id DROP DEFAULT")
            op.execute(f"DROP SEQUENCE {table.name}_id_seq")
        for index, columns in table.indexes(inspector):
            if columns != tuple(index["column_names"]):
                op.drop_index(str(index["name"]), table.name)
                _create_index(table.name, columns, index)
    for table in tables:
        for new in table.foreign_keys():
            there, ends = new.elements[0].target_fullname.partition(".")[0], ["workspace_id", "id"]
            op.create_foreign_key(str(new.name), table.name, there, list(new.column_keys), ends, ondelete=new.ondelete)


def _write_anew(connection: Connection, tables: Sequence[Table]) -> None:
    """SQLite cannot change a key: a table is made again, under its name, and filled from the one that it replaces."""
    inspector, renewed = sa.inspect(connection), {table.name for table in tables}
    made = sa.MetaData(naming_convention=NAMING)
    indexes = {table.name: list(table.indexes(inspector)) for table in tables}
    for table in tables:
        old = sa.Table(table.name, sa.MetaData(), autoload_with=connection)
        kept = [
            sa.ForeignKeyConstraint(
                key["constrained_columns"], [_stub(made, key["referred_table"], *key["referred_columns"])]
            )
            for key in inspector.get_foreign_keys(table.name)
            if key["referred_table"] not in renewed
        ]
        unique = [sa.UniqueConstraint(*each["column_names"]) for each in inspector.get_unique_constraints(table.name)]
        columns = [
            sa.Column(
                column.name,
                column.type,
                nullable=column.nullable and column.name not in table.key,
                server_default=column.server_default,
            )
            for column in old.columns
        ]
        key = sa.PrimaryKeyConstraint(*table.key)
        sa.Table(table.name, made, *columns, key, *table.foreign_keys(), *kept, *unique)
    for table in tables:
        for index, _ in indexes[table.name]:
            op.drop_index(str(index["name"]), table.name)
        op.rename_table(table.name, f"old_{table.name}")
    for table in tables:
        new = made.tables[table.name]
        connection.execute(sa.schema.CreateTable(new))
        names = ", ".join(f'"{column.name}"' for column in new.columns)
        op.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM old_{table.name}")  # noqa: S608
        for index, indexed in indexes[table.name]:
            _create_index(table.name, indexed, index)
    for table in reversed(tables):
        op.drop_table(f"old_{table.name}")


def _stub(metadata: sa.MetaData, table: str, column: str) -> sa.Column[Any]:
    """A column of a table that stays as it is."""
    there = sa.Table(table, metadata, sa.Column(column, sa.String), extend_existing=True)
    return there.c[column]


def _create_index(table: str, columns: Sequence[str], old: Any) -> None:
    if columns:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), unique=bool(old["unique"]))
