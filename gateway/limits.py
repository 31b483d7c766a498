"""How often a key may call: so many requests in any minute, wherever it begins, counted where `LIMITS_URL` says.

When the counting place is away, requests pass uncounted: a limit protects the product and must not take it down.
"""

import math
import time
from dataclasses import dataclass
from functools import partial

import structlog
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from shared.breaker import Breaker, Open
from shared.errors import TooManyRequests

PATIENCE = 0.25
"""Seconds to wait for the counting place."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a key of the last minute."""

    limit: int
    remaining: int
    reset: int  # seconds until there is one more: until the oldest request that counts is a minute old

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
        self._limit = RateLimitItemPerMinute(limit) if limit else None
        waits = {} if url.startswith("memory") else {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        counts = storage_from_string(url, wrap_exceptions=True, **waits)
        if not isinstance(counts, Storage):
            raise ValueError(f"LIMITS_URL names an asynchronous storage: {url.partition(':')[0]}")
        self._window = MovingWindowRateLimiter(counts)
        self._breaker = Breaker(failures=1)

    def hit(self, key_id: str) -> Allowance | None:
        """Count a request; None when nobody counts.

        Raises:
            TooManyRequests: those of the last minute are all there may be. Such a one is not counted.
        """
        if self._limit is None:
            return None
        try:
            passed, left = self._breaker.call(partial(self._counted, self._limit, key_id))
        except StorageError as fault:
            log.warning("limits.unavailable", why=str(fault))
            return None
        except Open:  # said a moment ago
            return None
        if not passed:
            raise TooManyRequests(headers={**left.headers(), "Retry-After": str(left.reset)})
        return left

    def _counted(self, limit: RateLimitItemPerMinute, key_id: str) -> tuple[bool, Allowance]:
        passed = self._window.hit(limit, key_id)
        reset_at, remaining = self._window.get_window_stats(limit, key_id)
        return passed, Allowance(limit.amount, remaining, max(math.ceil(reset_at - time.time()), 1))
