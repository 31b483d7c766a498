"""A request out, an answer back: the target unchanged, bodies in pieces, and only headers that are meant to travel.

Memory does not grow with a body: what is larger than a piece is passed on piece by piece.
"""

import http.client
from collections.abc import Iterator
from functools import lru_cache
from http import HTTPStatus

import structlog
from flask import Request, Response
from werkzeug.exceptions import HTTPException

from gateway.client import PIECE, be_patient
from gateway.upstream import Ask, Exchange, Upstream
from shared import caller as callers
from shared.bodies import JSON_BYTES
from shared.errors import ApiError, DeadlineExceeded, Invalid, TooLarge, Unavailable
from shared.logs import request_id

UPLOAD_BYTES = 10 * 1024 * 1024 + PIECE
"""The largest form taken (api.md, section 1); it is somewhat larger than the file in it."""

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

NOT_FORWARDED = HOP_BY_HOP | {
    "authorization",  # the key stays here; the service gets a caller
    "cookie",
    callers.HEADER.lower(),
    "x-request-id",
    "host",
    "expect",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
}
"""What is the gateway's to say, or nobody's."""

NOT_RETURNED = HOP_BY_HOP | {
    "server",
    "date",
    "x-request-id",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
}
"""What the gateway, or the server it runs in, says itself."""


log = structlog.get_logger()


class PassedOn(Response):
    """A service's answer; it has the content type it came with, or none."""

    default_mimetype = None


def forward(request: Request, target: str, upstream: Upstream, token: str) -> Response:
    """Pass a request on to a service, on behalf of the caller in `token`, and its answer back.

    Raises:
        TooLarge, Invalid: the body is not taken.
        Unavailable, DeadlineExceeded: the service is away or slow.
    """
    be_patient(request, upstream.deadline)
    lines = _head(request, target, upstream.host, token)
    ask = _with_body(request, lines)
    return _answer(upstream, upstream.ask(ask))


# Out


def _head(request: Request, target: str, host: str, token: str) -> list[str]:
    environ = request.environ
    dropped = NOT_FORWARDED
    if named := environ.get("HTTP_CONNECTION"):
        dropped = dropped | {name.strip().lower() for name in named.split(",")}
    lines = [
        f"{environ['REQUEST_METHOD']} {target} HTTP/1.1",
        f"Host: {host}",
        f"{callers.HEADER}: {token}",
        f"X-Request-Id: {request_id.get()}",
        f"X-Forwarded-For: {_came_through(request)}",
        f"X-Forwarded-Proto: {environ['wsgi.url_scheme']}",
        f"X-Forwarded-Host: {environ.get('HTTP_HOST', '')}",
    ]
    for variable, value in environ.items():
        if variable.startswith("HTTP_") and (name := header_name(variable)) not in dropped:
            lines.append(f"{name}: {value}")
    if kind := environ.get("CONTENT_TYPE"):
        lines.append(f"Content-Type: {kind}")
    return lines


@lru_cache(maxsize=1024)
def header_name(variable: str) -> str:
    """What a header is called that WSGI calls `variable`."""
    return variable[5:].replace("_", "-").lower()


def _came_through(request: Request) -> str:
    before, last = request.headers.get("X-Forwarded-For"), request.remote_addr or "unknown"
    return f"{before}, {last}" if before else last


def _with_body(request: Request, lines: list[str]) -> Ask:
    """The request as it is sent: a small body in one go with the head, a larger one in pieces after it."""
    method = request.environ["REQUEST_METHOD"]
    limit = UPLOAD_BYTES if request.mimetype == "multipart/form-data" else JSON_BYTES
    length = request.content_length
    if length is None:
        if "HTTP_TRANSFER_ENCODING" not in request.environ:
            return Ask(method, _bytes(lines))
        return Ask(method, _bytes([*lines, "Transfer-Encoding: chunked"]), _chunked(pieces(request, limit)))
    if length > limit:
        raise TooLarge
    head = _bytes([*lines, f"Content-Length: {length}"])
    if length <= PIECE:
        return Ask(method, head + b"".join(pieces(request, limit)))
    return Ask(method, head, pieces(request, limit))


def _bytes(lines: list[str]) -> bytes:
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise Invalid("A header spans several lines")
    return head.encode("latin-1") + b"\r\n\r\n"


def pieces(request: Request, limit: int) -> Iterator[bytes]:
    """The body as it comes in, counted.

    Raises:
        TooLarge, Invalid: there is more of it than `limit`, or less than was promised.
    """
    taken = 0
    while piece := _piece(request):
        taken += len(piece)
        if taken > limit:
            raise TooLarge
        yield piece


def _piece(request: Request) -> bytes:
    try:
        return request.stream.read(PIECE)
    except (OSError, HTTPException):  # the client hung up, dawdled, or broke the framing
        raise Invalid("The request body did not arrive whole") from None


def _chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


# Back


def _answer(upstream: Upstream, exchange: Exchange) -> Response:
    answer = exchange.answer
    if answer.status == HTTPStatus.UNAUTHORIZED:  # the key is known here: it is our signature that is not believed
        answer.close()
        exchange.connection.close()
        log.error("caller.refused", service=upstream.name)
        raise Unavailable
    headers = [(name, value) for name, value in answer.pairs if name.lower() not in NOT_RETURNED]
    empty = answer.length == 0  # also for HEAD, 204 and 304
    if not empty and (answer.length is None or answer.length > PIECE):
        return PassedOn(Download(upstream, exchange), answer.status, headers)
    body = _small(upstream, exchange)
    return PassedOn(iter(()) if empty else body, answer.status, headers)  # an iterator: the length stays as it came


def _small(upstream: Upstream, exchange: Exchange) -> bytes:
    try:
        body = exchange.answer.read()
    except (OSError, http.client.HTTPException) as fault:
        exchange.connection.close()
        raise _failure(fault) from fault
    upstream.give_back(exchange)
    return body


def _failure(fault: Exception) -> ApiError:
    return DeadlineExceeded() if isinstance(fault, TimeoutError) else Unavailable()


class Truncated(Exception):
    """A service's answer broke off; so does ours, so that nobody takes it for whole."""


class Download:
    """The body of an answer in pieces. Its connection is kept once all was read, and closed when it was not."""

    def __init__(self, upstream: Upstream, exchange: Exchange) -> None:
        self._upstream, self._exchange = upstream, exchange
        self._left = exchange.answer.length  # None: until the last chunk
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = b"" if self._ended else self._exchange.answer.read(PIECE)
        except (OSError, http.client.HTTPException) as fault:
            self.close()
            raise Truncated(self._upstream.name) from fault
        if piece:
            self._left = self._left and self._left - len(piece)
            if self._left == 0:
                self._end()
            return piece
        self._end()
        raise StopIteration

    def close(self) -> None:
        """Called by the server when the client has it all, or has gone."""
        if not self._ended:
            self._ended = True
            self._exchange.answer.close()
            self._exchange.connection.close()

    def _end(self) -> None:
        if self._ended:
            return
        if self._left:
            self.close()
            raise Truncated(self._upstream.name)
        self._ended = True
        self._upstream.give_back(self._exchange)
