"""The manifest: what a copy is made of. It is written last, so a copy without one was torn off.

manifest.json             this: revisions, numbers of rows, and the SHA-256 of every file
<database>/<table>.gz     the rows of a table: see `lines`
receipts.gz               the receipts that the rows name: key, SHA-256
receipts/<key>            their bytes
key-secret                what the API keys' digests are made with
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class Rows:
    """What a copy has of a table. `highest`: the largest id that was ever given, of a table that counts."""

    rows: int
    sha256: str
    highest: int | None


@dataclass(frozen=True)
class Copied:
    """What a copy has of a database, which was at that revision of its history."""

    revision: str
    tables: Mapping[str, Rows]


@dataclass(frozen=True)
class Manifest:
    """All of a copy. `files`: the SHA-256 of those that are no table."""

    made_at: str
    databases: Mapping[str, Copied]
    files: Mapping[str, str]


def digest(file: Path) -> str:
    """The SHA-256 of a file, which is on disk then."""
    with file.open("rb") as data:
        os.fsync(data)
        return hashlib.file_digest(data, "sha256").hexdigest()


def table_file(database: str, table: str) -> str:
    """Where in a copy the rows of a table are."""
    return f"{database}/{table}.gz"


def write(folder: Path, manifest: Manifest) -> None:
    """Say that the copy is whole, once everything else of it is on disk."""
    said = asdict(manifest)
    words = json.dumps({"format": FORMAT, "sha256": _sum(said), "copy": said}, indent=1)
    draft = folder / f".{FILE}"
    with draft.open("w", encoding="utf-8") as out:
        out.write(words)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(folder / FILE)


def read(folder: Path) -> Manifest:
    """What a copy says that it is made of. Raises SystemExit when it says nothing, or is not of our kind."""
    file = folder / FILE
    if not file.is_file():
        raise SystemExit(f"{folder} is no whole copy: it has no {FILE}, which is written last")
    try:
        words = json.loads(file.read_text(encoding="utf-8"))
        version, said = words["format"], words["copy"]
        whole = version != FORMAT or words["sha256"] == _sum(said)
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise SystemExit(f"{folder} is no whole copy: {FILE} is damaged")
    if version != FORMAT:
        raise SystemExit(f"{folder} is of a newer kind ({version}) than this version of the product knows ({FORMAT})")
    databases = {
        name: Copied(each["revision"], {table: Rows(**rows) for table, rows in each["tables"].items()})
        for name, each in said["databases"].items()
    }
    return Manifest(said["made_at"], databases, said["files"])


def check(folder: Path, manifest: Manifest) -> None:
    """Compare every file with its digest. Raises SystemExit, with the first that is missing or another."""
    files = dict(manifest.files)
    for database, copied in manifest.databases.items():
        files |= {table_file(database, table): rows.sha256 for table, rows in copied.tables.items()}
    for name, sha256 in files.items():
        check_file(folder / name, sha256)


def check_file(file: Path, sha256: str) -> None:
    """Raises SystemExit when a file of a copy is missing, or is not as it was written."""
    if not file.is_file():
        raise SystemExit(f"The copy is torn: {file} is missing")
    if digest(file) != sha256:
        raise SystemExit(f"The copy is torn: {file} is not as it was written")


def _sum(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
