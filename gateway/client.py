"""The client's side of a request: how long it may dawdle, and what becomes of a body nobody wanted."""

import time

from flask import Request

DRAIN_BYTES = 32 * 1024 * 1024
DRAIN_SECONDS = 5.0
"""How much of an unread body is taken, and thrown away, after the answer; then the connection is cut."""

PIECE = 64 * 1024


def has_body(request: Request) -> bool:
    """Whether the client sends a body, of known length or in chunks."""
    return bool(request.content_length) or "HTTP_TRANSFER_ENCODING" in request.environ


def be_patient(request: Request, seconds: float) -> None:
    """Give the client a deadline: one that stops sending or reading must not hold a thread for ever."""
    sock = request.environ.get("gunicorn.socket")
    if sock is not None:
        sock.settimeout(seconds)


def drain(request: Request) -> None:
    """Throw away what is left of the body. Many clients read an answer only once they have sent everything."""
    be_patient(request, DRAIN_SECONDS)
    ends, left = time.monotonic() + DRAIN_SECONDS, DRAIN_BYTES
    try:
        while left > 0 and time.monotonic() < ends and (piece := request.stream.read(PIECE)):
            left -= len(piece)
    except Exception:  # it hung up, dawdled, or broke the framing: the answer has been sent
        return
