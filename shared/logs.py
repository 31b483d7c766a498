"""Logs: one JSON object a line on standard output, each with the id of the request it belongs to.

Nothing waits for them and nothing fails with them: a line that is not taken is lost (`shared.output`).
"""

import json
import logging
import time
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, BinaryIO, cast

import orjson
import structlog

from shared.output import Output

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being answered in this context, or of the one that a message came from."""


def configure(service: str, level: str = "INFO", *, descriptor: int = 1) -> None:
    """Set up logging for this process."""
    output = Output(descriptor)

    def context(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        if output.lost:
            event["lines_lost"] = output.lost
        if rid := request_id.get():
            event["request_id"] = rid
        return event

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            context,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(file=cast(BinaryIO, output)),
        cache_logger_on_first_use=True,
    )


class Seldom:
    """For a line that somebody outside can cause as often as they like: said once a second, so as not to fill the log.

    `unsaid` tells how many were left out since the last one.
    """

    def __init__(self, log: Any) -> None:
        self._log = log
        self._unsaid, self._again_at = 0, 0.0

    def warning(self, event: str, **facts: Any) -> None:
        """Say it, or count it."""
        if time.monotonic() < self._again_at:
            self._unsaid += 1
            return
        unsaid, self._unsaid, self._again_at = self._unsaid, 0, time.monotonic() + 1.0
        self._log.warning(event, **facts, unsaid=unsaid)


def _json(event: dict[str, Any], **_: Any) -> bytes:
    try:
        return orjson.dumps(event, default=str)
    except TypeError:  # half a surrogate, or a number beyond 64 bits
        return json.dumps(event, default=str).encode()
