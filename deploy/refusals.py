"""What a client is told whose request never became one: in its dialect, as far as the path can be read."""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import structlog
from gunicorn.http import errors as faults

from gateway.guards import GUARDS
from shared import errors
from shared.dialects import spoken_at
from shared.json_codec import dumps
from shared.logs import Seldom

KINDS: tuple[tuple[type[Exception], Callable[[], errors.ApiError]], ...] = (
    (faults.LimitRequestLine, errors.TargetTooLong),
    (faults.LimitRequestHeaders, errors.HeadTooLarge),
    (faults.ExpectationFailed, errors.ExpectationFailed),
    (faults.UnsupportedTransferCoding, errors.UnknownCoding),
    (faults.ParseException, partial(errors.Invalid, "The request is not valid HTTP")),
)
"""What each fault is, the first that fits; any other is ours."""

log = Seldom(structlog.get_logger())


def misread(head: bytes, address: str, fault: Exception) -> bytes:
    """The answer to a head that could not be read, or to one that we failed at. It is the connection's last.

    What is logged is no text of the client's: that may be a key.
    """
    error = next((error() for kind, error in KINDS if isinstance(fault, kind)), errors.Internal())
    request_id, why = uuid4().hex, type(fault).__name__
    log.warning("request.refused", request_id=request_id, address=address, status=int(error.status), why=why)
    return worded(head, error, request_id)


def worded(head: bytes, error: errors.ApiError, request_id: str) -> bytes:
    """A whole answer, in the words of the path's dialect."""
    method, path = _asked(head)
    body = dumps(spoken_at(path).word(error, method))
    headers = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-Request-Id": request_id,
        **GUARDS,
        **error.headers,
    }
    lines = [f"HTTP/1.1 {int(error.status)} {error.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if method == "HEAD" else body)


def _asked(head: bytes) -> tuple[str, str]:
    """Method and path, as well as they can be told from the first line."""
    method, _, rest = head.lstrip(b"\r\n").partition(b"\r\n")[0].decode("latin-1").partition(" ")
    target = rest.partition(" ")[0]
    return method, target.partition("?")[0]
