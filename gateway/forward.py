"""A request out, an answer back: the target unchanged, bodies whole, and only headers that are meant to travel.

A service is asked once the client has said everything, and has said everything before the client hears of it: however
slow the client is, the service has its peace. Memory does not grow with a body.
"""

import http.client
from contextlib import AbstractContextManager
from functools import lru_cache
from http import HTTPStatus

import structlog
from flask import Request, Response

from gateway.bodies import PIECE, Body, rest_of, taken_in
from gateway.download import Download, Truncated
from gateway.upstream import Ask, Exchange, Upstream
from shared import caller as callers
from shared.bodies import JSON_BYTES
from shared.errors import DeadlineExceeded, Invalid, Unavailable
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


def forward(
    request: Request, target: str, upstream: Upstream, owner: str, token: str, place: AbstractContextManager[None]
) -> Response:
    """Pass a workspace's request, its `owner`'s, on to a service, on behalf of the caller in `token`; its answer back.

    `place`: held from when the client has said everything until the service has.

    Raises:
        TooLarge, Invalid: the body is not taken.
        TooManyRequests: there is no place, or no room for what the workspace sends or is sent.
        Unavailable, DeadlineExceeded: the service is away or slow.
    """
    limit = UPLOAD_BYTES if request.mimetype == "multipart/form-data" else JSON_BYTES
    with upstream.expected() as attempt:
        lines = _head(request, target, upstream.host, token)
        with taken_in(request, owner, limit) as body:
            ask = _with_body(request, lines, body)
            with place:
                return _answer(upstream, upstream.ask(ask, attempt), owner)


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


def _with_body(request: Request, lines: list[str], body: Body) -> Ask:
    """The request as it is sent: a small body in one go with the head, a larger one in pieces after it."""
    method = request.environ["REQUEST_METHOD"]
    if request.content_length is None and "HTTP_TRANSFER_ENCODING" not in request.environ:
        return Ask(method, _bytes(lines))
    head = _bytes([*lines, f"Content-Length: {body.size}"])
    if body.size <= PIECE:
        return Ask(method, head + body.read())
    return Ask(method, head, rest_of(body))


def _bytes(lines: list[str]) -> bytes:
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise Invalid("A header spans several lines")
    return head.encode("latin-1") + b"\r\n\r\n"


# Back


def _answer(upstream: Upstream, exchange: Exchange, owner: str) -> Response:
    answer = exchange.answer
    if answer.status == HTTPStatus.UNAUTHORIZED:  # the key is known here: it is our signature that is not believed
        answer.close()
        exchange.connection.close()
        log.error("caller.refused", service=upstream.name)
        raise Unavailable
    headers = [(name, value) for name, value in answer.pairs if name.lower() not in NOT_RETURNED]
    empty = answer.length == 0  # also for HEAD, 204 and 304
    try:
        body = _body(upstream, exchange, owner)
    except (OSError, http.client.HTTPException, Truncated) as fault:
        exchange.connection.close()
        raise (DeadlineExceeded() if isinstance(fault, TimeoutError) else Unavailable()) from fault
    return PassedOn(iter(()) if empty else body, answer.status, headers)  # an iterator: the length stays as it came


def _body(upstream: Upstream, exchange: Exchange, owner: str) -> bytes | Download:
    length = exchange.answer.length
    if length is None or length > PIECE:
        return Download(upstream, exchange, owner)
    body = exchange.answer.read()
    upstream.give_back(exchange)
    return body
