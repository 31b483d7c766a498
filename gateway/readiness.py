"""Whether the product can answer: the gateway's own database, and every service, asked all at once."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog

from gateway.keys import HISTORY
from gateway.upstream import Upstream
from shared import schema
from shared.db import Database
from shared.errors import Unavailable

PATIENCE = 4.0
"""Seconds a service has to say that it is ready."""

log = structlog.get_logger()


def missing(db: Database, upstreams: Iterable[Upstream]) -> list[str]:
    """The parts that are not ready, by their names; empty when all are."""
    asked = list(upstreams)
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(_ready, asked))
    away = [upstream.name for upstream, ready in zip(asked, answers, strict=True) if not ready]
    return away if _current(db) else ["gateway", *away]


def _ready(upstream: Upstream) -> bool:
    try:
        status, _ = upstream.fetch("/readyz", {}, PATIENCE)
    except Unavailable:
        return False
    return status == 200


def _current(db: Database) -> bool:
    try:
        return schema.current(db, HISTORY)
    except Exception as fault:  # whatever it is, the answer is that we are not ready
        log.warning("not.ready", why=str(fault))
        return False
