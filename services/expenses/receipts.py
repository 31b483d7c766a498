"""Receipts: files in a folder or an S3-compatible bucket, told apart by the URL alone.

An object is written before the row that names it, under a name of its own, and is removed again when that row is not
committed. What a crash leaves behind, the sweep removes after an hour.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import filetype
import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from services.expenses.models import Expense
from services.expenses.rules import RECEIPT_TYPES
from shared.apart import apart
from shared.db import Database, new_id, now
from shared.errors import TooLarge, Unavailable, UnsupportedMedia

if TYPE_CHECKING:
    from obstore.store import RetryConfig

MAX_BYTES = 10 * 1024 * 1024
"""The largest receipt (api.md, section 1)."""

RETRY: "RetryConfig" = {"max_retries": 1, "retry_timeout": timedelta(seconds=6)}
"""A bucket that is away must be known to be before the void of a waiting spend is due."""

ORPHAN_AGE = timedelta(hours=1)

log = structlog.get_logger()


@dataclass
class Receipt:
    """An uploaded file. `kept` once a committed row names its object."""

    data: bytes
    type: str
    key: str = ""
    kept: bool = False

    @property
    def digest(self) -> str:
        """What tells this file from every other."""
        return hashlib.blake2b(self.data, digest_size=16).hexdigest()

    def confirm(self) -> None:
        """A committed row names it."""
        self.kept = True


def read(data: bytes) -> Receipt:
    """An uploaded file, its type told by its bytes.

    Raises:
        TooLarge: over `MAX_BYTES`.
        UnsupportedMedia: neither JPEG, PNG, WebP, HEIC nor PDF.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge
    kind = filetype.guess_mime(data)
    if kind not in RECEIPT_TYPES:
        raise UnsupportedMedia("A receipt must be a JPEG, PNG, WebP, HEIC or PDF file")
    return Receipt(data, kind)


class Receipts:
    """Where the files are."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        self._store = LocalStore(self._folder, mkdir=True) if self._folder else from_url(url, retry_config=RETRY)

    @contextmanager
    def stored(self, receipt: Receipt | None, workspace_id: str) -> Iterator[None]:
        """Keep the file for as long as the block runs; for good only when a committed row names it.

        Raises:
            Unavailable: it cannot be stored now.
        """
        if receipt is None:
            yield
            return
        receipt.key = f"{workspace_id}/{new_id()}"
        try:
            apart(self.put, receipt.key, receipt.data)
        except (BaseError, OSError) as why:
            log.error("receipt.not_stored", why=str(why))
            raise Unavailable("The receipt cannot be stored now") from why
        try:
            yield
        except BaseException as why:
            if isinstance(why, DBAPIError) or not isinstance(why, Exception):  # or the process is being ended
                receipt.confirm()  # the commit may have come through, and a row may name it: the sweep knows better
            raise
        finally:
            if not receipt.kept:
                self.remove(receipt.key)

    def put(self, key: str, data: bytes) -> None:
        """Store an object under a name that no other has."""
        obstore.put(self._store, key, data, mode="create")
        if self._folder:
            _on_disk(self._folder / key)

    def fetch(self, key: str) -> bytes:
        """The bytes of an object.

        Raises:
            Unavailable: it cannot be read now.
        """
        try:
            return apart(lambda: bytes(obstore.get(self._store, key).bytes()))
        except (BaseError, OSError) as why:
            log.error("receipt.not_read", key=key, why=str(why))
            raise Unavailable("The receipt cannot be read now") from why

    def remove(self, key: str) -> None:
        """Remove an object that no row names; when that fails the sweep does it."""
        try:
            apart(obstore.delete, self._store, key)
        except (BaseError, OSError) as why:
            log.warning("receipt.left", key=key, why=str(why))

    def sweep(self, db: Database) -> int:
        """Remove objects older than an hour that no row names; how many there were."""
        removed = 0
        for key in self.orphans(db, ORPHAN_AGE):
            self.remove(key)
            removed += 1
        if removed:
            log.info("receipts.swept", removed=removed)
        return removed

    def orphans(self, db: Database, age: timedelta) -> Iterator[str]:
        """Objects older than that which no row names."""
        for batch in obstore.list(self._store, chunk_size=500):
            old = [entry["path"] for entry in batch if entry["last_modified"] < now() - age]
            with db.read() as session:
                named = set(session.scalars(select(Expense.receipt_key).where(Expense.receipt_key.in_(old))))
            yield from sorted(set(old) - named)


def _on_disk(file: Path) -> None:
    """Return when the file and its name would survive a power cut, as a bucket promises by itself."""
    for path in (file, file.parent):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
