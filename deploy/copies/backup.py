"""Make a copy of all databases, of one moment, and of the receipts that their rows name, while the product runs."""

import os
import sys
from pathlib import Path

from sqlalchemy import Connection, Table

from deploy import places
from deploy.copies import lines, manifest, numbers, receipts
from deploy.copies.manifest import Copied, Manifest, Rows
from deploy.copies.moment import Look, one_moment, opened
from gateway import laptop
from services.expenses.receipts import Receipts
from shared.db import now

TRIES = 10
KEY_SECRET = "key-secret"  # noqa: S105


def backup(folder: str) -> None:
    """Copy all databases and receipts into a new folder; says what is in it.

    Raises:
        SystemExit: there can be no copy, or not of every receipt; with the words why.
    """
    into, var = Path(folder), laptop.folder().resolve()
    urls, store = places.databases(var), Receipts(places.receipts(var))
    _begin(into)
    for _ in range(TRIES):
        try:
            with one_moment(urls) as look:
                made_at = now().isoformat(timespec="seconds")
                lost = _copy_receipts(look, urls["expenses"], store, into)
                copied = {name: _copy(connection, name, into) for name, connection in look.items()}
        except receipts.Removed:
            continue
        break
    else:
        raise SystemExit("Receipts are removed faster than they are copied; try again when there is less to do")
    _end(into, var, made_at, copied)
    rows = sum(table.rows for database in copied.values() for table in database.tables.values())
    sys.stdout.write(f"{into} is a copy of {len(copied)} databases as they were at {made_at}: {rows} rows\n")
    if lost:
        raise SystemExit("\n".join(f"It lacks the receipt {key}, which cannot be read" for key in lost))


def _begin(into: Path) -> None:
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as why:
        raise SystemExit(f"{into} cannot be made: {why.strerror}") from None
    if any(into.iterdir()):
        raise SystemExit(f"{into} is not empty: a copy has a folder of its own")


def _end(into: Path, var: Path, made_at: str, copied: dict[str, Copied]) -> None:
    """Say that the copy is whole, once all of it is on disk."""
    receipts.write_list(into)
    files = {receipts.LIST: manifest.digest(into / receipts.LIST)}
    kept = var / KEY_SECRET
    if secret := os.environ.get("KEY_SECRET") or (kept.read_text(encoding="ascii").strip() if kept.exists() else ""):
        (into / KEY_SECRET).write_text(secret, encoding="utf-8")
        files[KEY_SECRET] = manifest.digest(into / KEY_SECRET)
    manifest.write(into, Manifest(made_at, copied, files))


def _copy_receipts(look: Look, url: str, store: Receipts, into: Path) -> list[str]:
    expenses = opened("expenses", url)
    try:
        return receipts.copy(look["expenses"], store, expenses, into)
    finally:
        expenses.close()


def _copy(connection: Connection, name: str, into: Path) -> Copied:
    (into / name).mkdir(exist_ok=True)
    return Copied(
        lines.revision(connection) or "",
        {table.name: _rows(connection, name, table, into) for table in lines.tables(connection)},
    )


def _rows(connection: Connection, name: str, table: Table, into: Path) -> Rows:
    file = into / manifest.table_file(name, table.name)
    rows = lines.write(connection, table, file)
    return Rows(rows, manifest.digest(file), numbers.highest(connection, table))
