"""Whose key a request shows, remembered for at most a second, so that a revoked key is refused that soon.

The database is not on the path of every request. Only digests are held, and a bounded number of them.
"""

import threading
import time

from gateway.keys import queries, secret
from gateway.keys.usage import Usage
from shared.caller import Caller
from shared.db import Database, now

FRESH = 1.0
"""Seconds for which an answer of the database is believed."""

SIZE = 10_000
"""How many keys are remembered."""


class Lookup:
    """Keys of one database, seen through a cache."""

    def __init__(self, db: Database, key_secret: str, *, size: int = SIZE, usage: Usage | None = None) -> None:
        self._db, self._key_secret = db, key_secret
        self._usage = usage or Usage(db)
        self._size = size
        self._cache: dict[str, tuple[float, Caller | None]] = {}  # digest -> until when it is believed, and whose it is
        self._lock = threading.Lock()

    def find(self, key: str) -> Caller | None:
        """On whose behalf a key calls, at most a second old; None when it is unknown, revoked or expired."""
        if not secret.well_formed(key):
            return None
        digest = secret.digest(key, self._key_secret)
        until, caller = self._cache.get(digest, (0.0, None))
        if until <= time.monotonic():
            until, caller = self._ask(key)
            self._keep(digest, until, caller)
        return caller

    def close(self) -> None:
        """End what goes on in the background."""
        self._usage.close()

    def _ask(self, key: str) -> tuple[float, Caller | None]:
        asked_at = time.monotonic()  # before the query: what it does not see yet is seen a second from here
        found = queries.find(self._db, self._key_secret, key)
        if found is None:
            return asked_at + FRESH, None
        self._usage.note(found.caller.key_id)
        left = (found.expires_at - now()).total_seconds() if found.expires_at else FRESH
        return asked_at + min(FRESH, left), found.caller

    def _keep(self, digest: str, until: float, caller: Caller | None) -> None:
        with self._lock:
            self._cache.pop(digest, None)
            self._cache[digest] = until, caller
            while len(self._cache) > self._size:
                del self._cache[next(iter(self._cache))]  # the one kept longest
