"""When keys were last used: noted in memory at each look-up, and written in the background once a minute.

No request waits for it. What was noted in the last minute is lost with the process; it is a hint, not a record.
"""

import threading
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, or_, update

from gateway.keys.models import ApiKey
from shared.db import Database, connection_of, now

EVERY = 60.0
"""Seconds from one writing to the next."""

_MINUTE = timedelta(seconds=EVERY)

_USED = (
    update(ApiKey.__table__)  # type: ignore[arg-type]
    .where(
        ApiKey.id == bindparam("key_id"),
        or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= bindparam("a_minute_before")),
    )
    .values(last_used_at=bindparam("used_at"))
)

log = structlog.get_logger()


class Usage:
    """The uses of keys that are yet to be written."""

    def __init__(self, db: Database, *, every: float = EVERY) -> None:
        self._db, self._every = db, every
        self._noted: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._writer: threading.Thread | None = None

    def note(self, key_id: str) -> None:
        """This key is used now. The first use starts the writer, which so belongs to the process that serves."""
        with self._lock:
            self._noted[key_id] = now()
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="key usage", daemon=True)
                self._writer.start()

    def write(self) -> None:
        """Write what was noted, in one transaction, once a minute for each key however many gateways there are."""
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return
        rows = [
            {"key_id": key_id, "used_at": at, "a_minute_before": at - _MINUTE}
            for key_id, at in sorted(noted.items())  # in one order, so that two gateways never wait for each other
        ]
        with self._db.write() as session:
            connection_of(session).execute(_USED, rows)

    def close(self) -> None:
        """End the writer."""
        self._ended.set()
        if self._writer:
            self._writer.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self.write()
            except Exception as fault:  # whatever it is, the next minute has another try
                log.warning("keys.usage.lost", why=str(fault))
