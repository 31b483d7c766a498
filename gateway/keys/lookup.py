"""Whose key a request shows, remembered for at most a second, so that a revoked key is refused that soon.

The database is not on the path of every request. Only digests are held, and a bounded number of them. Keys that were
valid are remembered apart from what was none, so that no number of guesses makes us forget a key; and they are looked
up again however many guesses come from the same address.
"""

import threading
import time
from typing import TypeVar

from gateway.guesses import Guesses
from gateway.keys import queries, secret
from gateway.keys.usage import Usage
from shared.caller import Caller
from shared.db import Database, now

FRESH = 1.0
"""Seconds for which it is believed that a key is valid."""

UNKNOWN = 5.0
"""Seconds for which it is believed that there is no such key. Nobody can have shown one before it was made."""

Kept = TypeVar("Kept")

SIZE = 10_000
"""How many keys are remembered, and how many that are none."""


class Lookup:
    """Keys of one database, seen through a cache."""

    def __init__(
        self,
        db: Database,
        key_secret: str,
        *,
        size: int = SIZE,
        usage: Usage | None = None,
        guesses: Guesses | None = None,
    ) -> None:
        self._db, self._key_secret = db, key_secret
        self._usage = usage or Usage(db)
        self._guesses = guesses or Guesses(0)
        self._size = size
        self._known: dict[str, tuple[float, Caller]] = {}  # digest -> until when it is believed, and whose it is
        self._unknown: dict[str, float] = {}  # digest -> until when
        self._lock = threading.Lock()

    def find(self, key: str, address: str) -> Caller | None:
        """On whose behalf a key calls, at most a second old; None when it is unknown, revoked or expired.

        `address`: where it comes from.

        Raises:
            TooManyRequests: too many unknown keys came from there, and this is not one that was valid before.
        """
        if not secret.well_formed(key):
            return None
        digest = secret.digest(key, self._key_secret)
        if (known := self._known.get(digest)) is None:
            return self._met(key, digest, address)
        until, caller = known
        return caller if time.monotonic() < until else self._ask(key, digest)

    def close(self) -> None:
        """End what goes on in the background."""
        self._usage.close()

    def _met(self, key: str, digest: str, address: str) -> Caller | None:
        """Look for a key that is met for the first time."""
        if time.monotonic() < self._unknown.get(digest, 0.0):
            return None
        self._guesses.take(address)
        guessed = False
        try:
            caller = self._ask(key, digest)
            guessed = caller is None
        finally:
            if not guessed:
                self._guesses.give_back(address)
        return caller

    def _ask(self, key: str, digest: str) -> Caller | None:
        asked_at = time.monotonic()  # before the query: what it does not see yet is seen a second from here
        found = queries.find(self._db, self._key_secret, key)
        if found is None:
            with self._lock:
                self._known.pop(digest, None)
                _keep(self._unknown, digest, asked_at + UNKNOWN, self._size)
            return None
        self._usage.note(found.caller.key_id)
        left = (found.expires_at - now()).total_seconds() if found.expires_at else FRESH
        with self._lock:
            _keep(self._known, digest, (asked_at + min(FRESH, left), found.caller), self._size)
        return found.caller


def _keep(cache: dict[str, Kept], digest: str, kept: Kept, size: int) -> None:
    cache.pop(digest, None)
    cache[digest] = kept
    if len(cache) > size:
        del cache[next(iter(cache))]  # the one kept longest
