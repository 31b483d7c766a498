"""Whether the product can answer: the gateway's own database, and every service, asked all at once."""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog

from gateway.keys import HISTORY
from gateway.upstream import Upstream
from shared import schema
from shared.db import Database

PATIENCE = 4.0
"""Seconds a service has to say that it is ready."""

FRESH = 0.5
"""Seconds for which an answer is given again: anybody may ask, and each time all are asked."""

log = structlog.get_logger()


class Readiness:
    """What is ready, asked once for all who want to know it just then."""

    def __init__(self, db: Database, upstreams: Iterable[Upstream]) -> None:
        self._db, self._upstreams = db, list(upstreams)
        self._missing: list[str] = []
        self._until = 0.0
        self._lock = threading.Lock()

    def missing(self) -> list[str]:
        """The parts that are not ready, by their names; empty when all are."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._missing = self._asked()
                self._until = time.monotonic() + FRESH
            return self._missing

    def _asked(self) -> list[str]:
        with ThreadPoolExecutor(len(self._upstreams)) as pool:
            answers = list(pool.map(lambda upstream: upstream.ready(PATIENCE), self._upstreams))
        away = [upstream.name for upstream, ready in zip(self._upstreams, answers, strict=True) if not ready]
        return away if _current(self._db) else ["gateway", *away]


def _current(db: Database) -> bool:
    try:
        return schema.current(db, HISTORY)
    except Exception as fault:  # whatever it is, the answer is that we are not ready
        log.warning("not.ready", why=str(fault))
        return False
