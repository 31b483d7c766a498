"""A request answered in this process, by an app of the same make as a service.

It is told what a service is told: the headers that travel, a signed caller, the request's id. Nothing of it takes a
form, so its body has a small bound.
"""

from contextlib import AbstractContextManager
from io import BytesIO
from typing import Any

from flask import Flask, Request, Response
from werkzeug.test import run_wsgi_app

from gateway.bodies import Body, rest_of, taken_in
from gateway.forward import NOT_FORWARDED, NOT_RETURNED, PassedOn, header_name
from shared import caller as callers
from shared.bodies import JSON_BYTES
from shared.logs import request_id


def ask(request: Request, app: Flask, owner: str, token: str, place: AbstractContextManager[None]) -> Response:
    """The app's answer to a workspace, its `owner`, on behalf of the caller in `token`. `place`: held meanwhile.

    Raises:
        TooLarge, Invalid: the body is not taken.
        TooManyRequests, Unavailable: there is no place, or no room for it.
    """
    with taken_in(request, owner, JSON_BYTES) as body, place:
        body_out, status, headers = run_wsgi_app(app, _environ(request.environ, token, body), buffered=True)
    return PassedOn(body_out, status, [pair for pair in headers if pair[0].lower() not in NOT_RETURNED])


def _environ(asked: dict[str, Any], token: str, body: Body) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in asked.items()
        if not (name.startswith("HTTP_") and header_name(name) in NOT_FORWARDED)
    }
    said = {f"HTTP_{callers.HEADER.upper().replace('-', '_')}": token, "HTTP_X_REQUEST_ID": request_id.get()}
    return kept | said | {"CONTENT_LENGTH": str(body.size), "wsgi.input": BytesIO(b"".join(rest_of(body)))}
