"""How often a key may call: so many requests in each minute of the clock, counted where `LIMITS_URL` says.

When the counting place is away, requests pass uncounted: a limit protects the product and must not take it down.
"""

import time
from dataclasses import dataclass

import structlog
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string

from gateway.breaker import Breaker, Open
from shared.errors import TooManyRequests

MINUTE = 60
PATIENCE = 0.25
"""Seconds to wait for the counting place."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a key in this minute."""

    limit: int
    remaining: int
    reset: int  # seconds until the next minute begins

    def headers(self) -> dict[str, str]:
        """As the client is told."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class RateLimit:
    """The same limit for every key; 0 is none."""

    def __init__(self, limit: int, url: str) -> None:
        self._limit = limit
        waits = {} if url.startswith("memory") else {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        counts = storage_from_string(url, wrap_exceptions=True, **waits)
        if not isinstance(counts, Storage):
            raise ValueError(f"LIMITS_URL names an asynchronous storage: {url.partition(':')[0]}")
        self._counts = counts
        self._breaker = Breaker(failures=1)

    def hit(self, key_id: str) -> Allowance | None:
        """Count a request.

        Raises:
            TooManyRequests: this minute's are used up.
        """
        if not self._limit:
            return None
        second = int(time.time())
        count = self._count(f"{key_id}/{second // MINUTE}")
        if count is None:
            return None
        left = Allowance(self._limit, max(self._limit - count, 0), MINUTE - second % MINUTE)
        if count > self._limit:
            raise TooManyRequests(headers={**left.headers(), "Retry-After": str(left.reset)})
        return left

    def _count(self, key: str) -> int | None:
        try:
            return self._breaker.call(lambda: self._counts.incr(key, MINUTE))
        except StorageError as fault:
            log.warning("limits.unavailable", why=str(fault))
        except Open:
            pass  # said a moment ago
        return None
