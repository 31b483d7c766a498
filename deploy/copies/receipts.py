"""The receipts of a copy: the objects that the rows of its moment name."""

import gzip
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson
from obstore.exceptions import AlreadyExistsError
from sqlalchemy import Connection, Row, select

from deploy.copies import manifest
from services.expenses.models import Expense
from services.expenses.receipts import Receipts
from shared.db import Database
from shared.errors import Unavailable

FOLDER, LIST = "receipts", "receipts.gz"


class Removed(Exception):
    """A receipt is gone whose row was there at the moment, and is no more: another moment must be looked at."""


def named(connection: Connection) -> Iterator[Row[str, str, str, str]]:
    """Workspace, expense, key and digest of each receipt that a row names."""
    columns = (Expense.workspace_id, Expense.uuid, Expense.receipt_key, Expense.receipt_digest)
    query = select(*columns).where(Expense.receipt_key.is_not(None)).order_by(Expense.id)
    yield from connection.execute(query.execution_options(yield_per=500))  # type: ignore[misc]


def copy(connection: Connection, receipts: Receipts, expenses: Database, into: Path) -> list[str]:
    """Copy the receipts that are named, but for those that are there; the keys of those that cannot be read.

    Raises:
        Removed: an expense was deleted, or has another receipt, since the moment.
    """
    lost, known = [], set[Path]()
    for row in named(connection):
        file = _place(into, row.receipt_key)
        known.add(file)
        if not file.exists() and not _copy_one(row.receipt_key, receipts, file):
            if not is_named(expenses, row.receipt_key):
                raise Removed
            lost.append(row.receipt_key)
    for file in (into / FOLDER).glob("*/*"):
        if file not in known:
            file.unlink()
    return lost


def write_list(into: Path) -> None:
    """Write what the copy has of receipts."""
    with gzip.GzipFile(into / LIST, "wb", mtime=0) as out:
        for file in sorted((into / FOLDER).glob("*/*")):
            said = {"key": f"{file.parent.name}/{file.name}", "sha256": manifest.digest(file)}
            out.write(orjson.dumps(said) + b"\n")


def check(folder: Path) -> None:
    """Raises SystemExit when a receipt of the copy is missing, or is not as it was written."""
    for key, sha256 in _listed(folder):
        manifest.check_file(_place(folder, key), sha256)


def put_back(folder: Path, receipts: Receipts) -> int:
    """Store the receipts of a copy; how many there are."""
    count = 0
    for key, _sha256 in _listed(folder):
        with suppress(AlreadyExistsError):  # it is this one: no name is used twice
            receipts.put(key, _place(folder, key).read_bytes())
        count += 1
    return count


def _copy_one(key: str, receipts: Receipts, file: Path) -> bool:
    try:
        data = receipts.fetch(key)
    except Unavailable:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return True


def is_named(expenses: Database, key: str) -> bool:
    """Whether a row names a receipt now."""
    with expenses.connection() as connection:
        return connection.execute(select(Expense.id).where(Expense.receipt_key == key)).first() is not None


def _listed(folder: Path) -> Iterator[tuple[str, str]]:
    with gzip.open(folder / LIST, "rb") as said:
        for line in map(orjson.loads, said):
            yield line["key"], line["sha256"]


def _place(folder: Path, key: str) -> Path:
    """Where a receipt is in a copy. Raises SystemExit for a key that is none of ours."""
    workspace, _, name = key.partition("/")
    if not all(part.replace("-", "").isalnum() for part in (workspace, name)):
        raise SystemExit(f"{key!r} is no name of a receipt")
    return folder / FOLDER / workspace / name
