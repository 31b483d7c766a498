"""Whose key a request shows, remembered for at most a second, so that a revoked key is refused that soon.

The signed tokens are remembered with it: neither the database nor the signing is on the path of every request. Only
digests are held, and a bounded number of them.
"""

import threading
import time
from dataclasses import dataclass, field

from gateway.keys import queries, secret
from shared import caller as callers
from shared.caller import Caller
from shared.db import Database, now

FRESH = 1.0
"""Seconds for which an answer of the database is believed."""

SIZE = 10_000
"""How many keys are remembered."""


@dataclass(frozen=True, slots=True)
class Known:
    """A valid key's caller, and the tokens signed for it."""

    caller: Caller
    tokens: dict[str, str] = field(default_factory=dict)


class Lookup:
    """Keys of one database, seen through a cache."""

    def __init__(self, db: Database, key_secret: str, caller_secret: str, *, size: int = SIZE) -> None:
        self._db, self._key_secret, self._caller_secret = db, key_secret, caller_secret
        self._size = size
        self._cache: dict[str, tuple[float, Known | None]] = {}  # digest -> until when it is believed, and what
        self._lock = threading.Lock()

    def find(self, key: str) -> Known | None:
        """What is known of a key, at most a second old; None when it is unknown, revoked or expired."""
        if not secret.well_formed(key):
            return None
        digest = secret.digest(key, self._key_secret)
        until, known = self._cache.get(digest, (0.0, None))
        if until <= time.monotonic():
            until, known = self._ask(key)
            self._keep(digest, until, known)
        return known

    def token(self, known: Known, audience: str) -> str:
        """The caller, signed for a service."""
        token = known.tokens.get(audience)
        if token is None:
            token = known.tokens[audience] = callers.sign(known.caller, self._caller_secret, audience)
        return token

    def _ask(self, key: str) -> tuple[float, Known | None]:
        asked_at = time.monotonic()  # before the query: what it does not see yet is seen a second from here
        found = queries.find(self._db, self._key_secret, key)
        if found is None:
            return asked_at + FRESH, None
        left = (found.expires_at - now()).total_seconds() if found.expires_at else FRESH
        return asked_at + min(FRESH, left), Known(found.caller)

    def _keep(self, digest: str, until: float, known: Known | None) -> None:
        with self._lock:
            self._cache.pop(digest, None)
            self._cache[digest] = until, known
            while len(self._cache) > self._size:
                del self._cache[next(iter(self._cache))]  # the one kept longest
