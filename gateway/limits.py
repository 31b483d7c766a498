"""How often a key may call: so many requests in any minute, wherever it begins, counted where `LIMITS_URL` says.

When the counting place is away, requests pass uncounted: a limit protects the product and must not take it down.
"""

import math
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from shared.breaker import Breaker, Open
from shared.errors import TooManyRequests

PATIENCE = 0.25
"""Seconds to wait for the counting place."""

MINUTE = 60

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


class Count(Protocol):
    """A place where requests are counted."""

    def hit(self, key_id: str) -> tuple[bool, Allowance]:
        """Count a request, unless those of the last minute are all there may be. Raises StorageError, Open."""


class RateLimit:
    """The same limit for every key; 0 is none."""

    def __init__(self, limit: int, url: str) -> None:
        elsewhere = None if url.startswith("memory:") else _Elsewhere(limit, url)
        self._count: Count | None = (elsewhere or _Here(limit)) if limit else None

    def hit(self, key_id: str) -> Allowance | None:
        """Count a request; None when nobody counts.

        Raises:
            TooManyRequests: those of the last minute are all there may be. Such a one is not counted.
        """
        if self._count is None:
            return None
        try:
            passed, left = self._count.hit(key_id)
        except StorageError as fault:
            log.warning("limits.unavailable", why=str(fault))
            return None
        except Open:  # said a moment ago
            return None
        if not passed:
            raise TooManyRequests(headers={**left.headers(), "Retry-After": str(left.reset)})
        return left


class _Here:
    """Counts in this process. What a request costs does not grow with the number of keys."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()  # when each key called; the latest to call is last
        self._lock = threading.Lock()

    def hit(self, key_id: str) -> tuple[bool, Allowance]:
        now = time.monotonic()
        with self._lock:
            hits = self._hits.setdefault(key_id, deque())
            self._hits.move_to_end(key_id)
            while hits and hits[0] <= now - MINUTE:
                hits.popleft()
            if passed := len(hits) < self._limit:
                hits.append(now)
            self._forget(now - MINUTE)
            return passed, _allowance(self._limit, len(hits), hits[0] + MINUTE - now)

    def _forget(self, before: float) -> None:
        """Forget the keys that have not called since."""
        while next(iter(self._hits.values()))[-1] <= before:
            self._hits.popitem(last=False)


class _Elsewhere:
    """Counts in a place that several gateways share."""

    def __init__(self, limit: int, url: str) -> None:
        counts = storage_from_string(
            url, wrap_exceptions=True, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        )
        if not isinstance(counts, Storage):
            raise ValueError(f"LIMITS_URL names an asynchronous storage: {url.partition(':')[0]}")
        self._limit = RateLimitItemPerMinute(limit)
        self._window = MovingWindowRateLimiter(counts)
        self._breaker = Breaker(failures=1)

    def hit(self, key_id: str) -> tuple[bool, Allowance]:
        return self._breaker.call(partial(self._counted, key_id))

    def _counted(self, key_id: str) -> tuple[bool, Allowance]:
        passed = self._window.hit(self._limit, key_id)
        since, remaining = self._window.get_window_stats(self._limit, key_id)
        return passed, _allowance(self._limit.amount, self._limit.amount - remaining, since - time.time())


def _allowance(limit: int, taken: int, reset: float) -> Allowance:
    return Allowance(limit, limit - taken, max(math.ceil(reset), 1))
