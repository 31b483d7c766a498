"""Put a copy back into empty databases: all of it, or those that are named.

Nothing is written before every file has been compared with its digest. A copy of an older revision is put back as it
was, and then migrated. What other services know that went on, `reconcile` tells.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Connection, Table, select

from deploy import places
from deploy.copies import lines, manifest, numbers, receipts
from deploy.copies.backup import KEY_SECRET
from deploy.copies.manifest import Copied, Manifest
from deploy.parts import PARTS
from gateway import laptop
from services.expenses.receipts import Receipts
from shared import chain, migrate, outbox, schema
from shared.db import Database


def restore(folder: str, *names: str) -> None:
    """Put a copy back, or of it the databases that are named; says what was put back.

    Raises:
        SystemExit: the copy is torn or too new, or a database is not empty; nothing was written.
    """
    copy, var = Path(folder), laptop.folder().resolve()
    said = manifest.read(copy)
    _check(copy, said, names := names or tuple(PARTS))
    urls = places.databases(var)
    with ExitStack() as closing:
        databases = {name: Database(urls[name], threads=1) for name in names}
        for name, database in databases.items():
            closing.callback(database.close)
            _make_ready(name, database, said.databases[name])
        if "gateway" in names:
            _put_secret_back(copy, var)
        for name, database in databases.items():
            migrate.upgrade(database, PARTS[name].migrations, said.databases[name].revision)
        stored = receipts.put_back(copy, Receipts(places.receipts(var))) if "expenses" in names else 0
        rows = _load(copy, said, databases)
        for name, database in databases.items():
            migrate.upgrade(database, PARTS[name].migrations)
            with database.autocommit() as connection:
                outbox.let_go(connection)
            chain.seal(database, whole=True)  # what was younger than a second when it was copied
    what = f"{', '.join(names)}: {rows} rows, {stored} receipts"
    sys.stdout.write(f"Put back, as they were at {said.made_at}: {what}\n")


def _check(copy: Path, said: Manifest, names: Sequence[str]) -> None:
    """Raises SystemExit unless all of the copy is there, as it was written, and we know what it is."""
    for name in names:
        if name not in said.databases:
            raise SystemExit(f"The copy has no database {name}")
        revision, known = said.databases[name].revision, schema.newest(PARTS[name].migrations)
        if revision > known:
            raise SystemExit(
                f"The copy is too new: its database {name} is of revision {revision}, this version of the product "
                f"knows {known}; take the version that the copy was made with, or a later one"
            )
    manifest.check(copy, said)
    receipts.check(copy)


def _make_ready(name: str, database: Database, copied: Copied) -> None:
    """Make the database when it is missing. Raises SystemExit unless it is empty."""
    if database.url.get_backend_name() == "postgresql":
        places.make_sure_of(database.url)
    else:
        Path(database.url.database or "").parent.mkdir(parents=True, exist_ok=True)
    with database.connection() as connection:
        full = [table.name for table in lines.tables(connection) if _has_rows(connection, table)]
        if full:
            raise SystemExit(f"{name}: the database is not empty ({', '.join(full)}); put the copy into an empty one")
        if lines.revision(connection) not in (None, copied.revision):
            raise SystemExit(f"{name}: the tables are not of the copy's revision; give a database without tables")


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.execute(select(*table.primary_key.columns).limit(1)).first() is not None


def _put_secret_back(copy: Path, var: Path) -> None:
    """Keep the secret that the copy's API keys need. Raises SystemExit when another one is in use here."""
    file, kept = copy / KEY_SECRET, var / KEY_SECRET
    if not file.exists():
        return
    secret = file.read_text(encoding="utf-8")
    if used := os.environ.get("KEY_SECRET") or (kept.read_text(encoding="ascii").strip() if kept.exists() else ""):
        if used != secret:
            raise SystemExit(f"KEY_SECRET is not the one that the copy's keys need, which is in {file}")
    else:
        var.mkdir(parents=True, exist_ok=True)
        kept.write_text(secret, encoding="ascii")


def _load(copy: Path, said: Manifest, databases: Mapping[str, Database]) -> int:
    """Insert the rows of all databases, and commit when all of them are there; how many there are."""
    rows = 0
    with ExitStack() as transactions:
        for name, database in databases.items():
            connection = transactions.enter_context(database.engine.begin())
            tables = lines.tables(connection)
            for table in tables:
                if copied := said.databases[name].tables.get(table.name):
                    rows += lines.load(connection, table, copy / manifest.table_file(name, table.name))
                    if copied.highest:
                        numbers.go_on_beyond(connection, table, copied.highest + numbers.AHEAD)
            numbers.leave_out(connection, {table.name for table in tables}, numbers.AHEAD)
    return rows
