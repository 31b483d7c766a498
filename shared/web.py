"""What every service's app is made of: exact JSON, strangers refused, health, errors in the dialect's words.

The order of a request: its id, its caller (before the body is read), its scope, its body, the view; a keyed write is
answered once. Blueprints are `Routes`; a view answers with `one`, `listing` or `nothing`.
"""

import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

import structlog
from flask import Flask, Response, current_app, g, request
from flask.json.provider import JSONProvider
from flask_smorest import Blueprint
from marshmallow import Schema
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException, RequestedRangeNotSatisfiable
from werkzeug.routing import UnicodeConverter, UUIDConverter

from shared import caller as callers
from shared import dialects, errors, idempotency, schema
from shared.bodies import JSON_BYTES, Parser
from shared.bulkhead import Full
from shared.caller import INTERNAL, Caller
from shared.db import Database, broken_constraint, savepoint
from shared.describe import DescribedApi
from shared.json_codec import dumps, loads
from shared.logs import request_id
from shared.page import Page
from shared.versions import IfMatch

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEPT_HEADERS = ("Content-Type", "ETag", "Location", "id")
OPEN = frozenset({"healthz", "readyz"})
"""The only endpoints that answer a stranger."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)
_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)

View = TypeVar("View", bound=Callable[..., Any])

log = structlog.get_logger()


@dataclass(frozen=True)
class Service:
    """What a request needs of the process it runs in."""

    name: str
    db: Database
    secret: str
    history: Path


class Routes(Blueprint):  # type: ignore[misc]
    """A blueprint whose routes need `<scope>:read` to look and `<scope>:write` to change, unless `needs` says more."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, import_name: str, *, scope: str, **kwargs: Any) -> None:
        super().__init__(name, import_name, **kwargs)
        self.before_request(lambda: _permit(_needed() or (scope if scope in (INTERNAL, "admin") else _verb(scope))))

    def arguments(self, schema: type[Schema], **kwargs: Any) -> Any:
        """As the base does, but with one instance for all requests: making one takes longer than using it."""
        return super().arguments(schema(), **kwargs)

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        """As the base does; and generated clients call the operation as we do: `update_invoice` is `updateInvoice`."""
        routed: Callable[[View], View] = super().route(rule, **options)

        def named(view: View) -> View:
            described: dict[str, Any] = view.__dict__.setdefault("_apidoc", {})
            verb, *rest = view.__name__.split("_")
            described.setdefault("manual_doc", {})["operationId"] = verb + "".join(map(str.capitalize, rest))
            return routed(view)

        return named


def needs(scope: str) -> Callable[[View], View]:
    """Mark a view that needs this scope, in the place of the one that its method would need."""

    def mark(view: View) -> View:
        view.needs = scope  # type: ignore[attr-defined]
        return view

    return mark


def new_app(service: Service, routes: Iterable[Blueprint], *, body_bytes: int = JSON_BYTES) -> Flask:
    """An app with these routes, where a stranger is refused everything but the two health checks."""
    app = Flask(service.name, static_folder=None)
    app.json = _Json(app)
    app.url_map.converters |= {"uuid": _UuidText, "id": _IdText}
    app.extensions["service"] = service
    app.url_map.merge_slashes = False
    app.config.update(
        MAX_CONTENT_LENGTH=body_bytes,
        API_TITLE="Finance API",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
        PROPAGATE_EXCEPTIONS=False,
    )
    app.before_request(_admit)
    app.after_request(end)
    app.extensions["api"] = api = DescribedApi(app)
    api.register_converter(_IdText, lambda _converter: {"type": "integer", "minimum": 1})
    for blueprint in routes:
        api.register_blueprint(blueprint)
    word_errors(app)  # after Api, which registers a handler of its own
    for endpoint, view in app.view_functions.items():
        if not getattr(view, "answers_once", False):
            app.view_functions[endpoint] = _once(view)
    _health(app, service)
    return app


# What a view asks for


def db() -> Database:
    """This service's database."""
    return service().db


def service() -> Service:
    """The process's own facts."""
    known: Service = current_app.extensions["service"]
    return known


def caller() -> Caller:
    """On whose behalf this request is made."""
    known: Caller = g.caller
    return known


def if_match() -> IfMatch:
    """What the request's If-Match header says."""
    return IfMatch(request.headers.get("If-Match"))


def whole_id(written: str) -> int:
    """The integer id in a path. Raises Invalid unless it is a positive one."""
    if not _ID.fullmatch(written):
        raise errors.Invalid(errors={"id": ["Must be a positive integer."]})
    return int(written)


def idempotency_key(*parts: bytes) -> idempotency.IdempotencyKey | None:
    """The request's Idempotency-Key with what was asked; None without the header. `parts` stand for the body."""
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method not in WRITES:
        return None
    if not _KEY.fullmatch(key):
        raise errors.Invalid(errors={"Idempotency-Key": ["1 to 255 visible ASCII characters."]})
    accounts = ",".join(caller().account_ids or ("*",)).encode()  # another key may not see what this one was shown
    asked = idempotency.fingerprint(request.method, request.full_path, accounts, *(parts or (request.get_data(),)))
    return idempotency.IdempotencyKey(caller().workspace_id, key, asked)


# What a view answers with


def one(
    data: Mapping[str, Any], *, etag: str | None = None, status: int = 200, location: str | None = None
) -> Response:
    """One resource, with its version as a strong ETag."""
    return tagged({"data": data}, etag=etag, status=status, location=location)


def tagged(body: Any, *, etag: str | None, status: int = 200, location: str | None = None) -> Response:
    """An answer that shows one resource in its dialect's envelope."""
    response = answer(body, status)
    if etag is not None:
        response.set_etag(etag)
    if location:
        response.headers["Location"] = location
    return response


def listing(page: Page[Any], spell: Callable[[Any], Mapping[str, Any]]) -> Response:
    """One page of a list, and a link to the next."""
    said = {"data": [spell(row) for row in page.rows], "has_more": page.next_cursor is not None}
    response = answer(said | {"next_cursor": page.next_cursor})
    if page.next_cursor:
        query = request.args.to_dict() | {"cursor": page.next_cursor}
        response.headers["Link"] = f'<{request.path}?{urlencode(query)}>; rel="next"'
    return response


def nothing() -> Response:
    """Done, and nothing to show."""
    return _bare(Response(status=204))


def _bare(response: Response) -> Response:
    """Without a content type where there is no content."""
    if response.status_code == 204:
        response.headers.pop("Content-Type", None)
    return response


def answer(body: Any, status: int = 200) -> Response:
    """`body` as JSON; a Money in it becomes a number with all its decimals."""
    return Response(dumps(body), status, content_type="application/json")


def spoken(error: errors.ApiError) -> Response:
    """An error in the words of the path's dialect."""
    dialect = dialects.spoken_at(request.path)
    response = answer(dialect.word(error, request.method), int(error.status))
    response.headers.update(error.headers)
    if isinstance(error, errors.Unauthorized):
        for scheme in dialect.schemes:
            response.headers.add("WWW-Authenticate", f'{scheme} realm="countinghouse"')
    return response


class _IdText(UnicodeConverter):
    """An integer in a path, as it was written: what is none is 400, which no path that is unknown would be."""


class _UuidText(UUIDConverter):
    """A UUID in a path, as the text that the database keeps."""

    def to_python(self, value: str) -> str:  # type: ignore[override]
        return value.lower()


class _Json(JSONProvider):
    def dumps(self, obj: Any, **_: Any) -> str:
        return dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return loads(s if isinstance(s, bytes) else s.encode())


# The order of a request


def begin() -> None:
    """Start the clock, and take over the request's id where it is well formed; else make one."""
    g.began = time.perf_counter()
    asked = request.headers.get("X-Request-Id", "")
    request_id.set(asked if _REQUEST_ID.fullmatch(asked) else uuid4().hex)


def _admit() -> None:
    begin()
    if request.endpoint in OPEN:
        return
    known = service()
    found = callers.verify(request.headers.get(callers.HEADER, ""), known.secret, known.name)
    if found is None:
        raise errors.Unauthorized
    g.caller = found


def end(response: Response, *, route: str | None = None, **facts: Any) -> Response:
    """Give the answer its id, and log the request. `route`: where it is not one of the app; `facts`: what else."""
    response.headers["X-Request-Id"] = request_id.get()
    caller = g.get("caller")
    log.info(
        "request",
        method=request.method,
        route=route or (request.url_rule and request.url_rule.rule),
        status=response.status_code,
        ms=round((time.perf_counter() - g.began) * 1000, 2),
        workspace_id=caller.workspace_id if caller else None,
        **facts,
    )
    return response


def _verb(scope: str) -> str:
    return f"{scope}:write" if request.method in WRITES else f"{scope}:read"


def _needed() -> str | None:
    """What the view that was asked for says of its scope."""
    return getattr(current_app.view_functions.get(request.endpoint or ""), "needs", None)


def _permit(scope: str) -> None:
    if not caller().may(scope):
        raise errors.Forbidden(f"This API key lacks the scope {scope}")


def _once(view: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a keyed request once: view, write and kept answer are one transaction; a refusal is kept as well."""

    @wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        return run_idempotent(idempotency_key(), lambda: current_app.make_response(view(*args, **kwargs)))

    return answered


def answers_once(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view that runs keyed requests itself, because its work takes several transactions."""
    view.answers_once = True  # type: ignore[attr-defined]
    return view


def run_idempotent(
    key: idempotency.IdempotencyKey | None, work: Callable[[], Response], *, acquired: bool = False
) -> Response:
    """Do `work` and keep its answer, in one transaction. `acquired`: the key is ours already."""
    if key is None:
        return work()
    with db().write() as session:
        if not acquired:
            idempotency.acquire(session, key)
        try:
            with savepoint(session):
                response = work()
        except (errors.Forbidden, errors.NotFound, errors.Refused) as refusal:
            response = spoken(refusal)
        chosen = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        idempotency.store_response(session, key, response.status_code, chosen, response.get_data())
    return response


# Errors


def word_errors(app: Flask) -> None:
    """Answer whatever goes wrong in the words of the path's dialect, unmatched paths and our own faults included."""
    app.register_error_handler(errors.ApiError, spoken)
    app.register_error_handler(idempotency.Replay, _replayed)
    app.register_error_handler(HTTPException, _worded_http)
    app.register_error_handler(IntegrityError, _constraint_broken)
    app.register_error_handler(StaleDataError, _conflicting)
    app.register_error_handler(DBAPIError, _database_away)
    app.register_error_handler(ProgrammingError, _our_fault)
    app.register_error_handler(DataError, _our_fault)
    app.register_error_handler(PoolTimeout, _database_away)
    app.register_error_handler(Full, _database_away)
    app.register_error_handler(Exception, _our_fault)


def _constraint_broken(error: IntegrityError) -> Response:
    """Two writers met where one value is allowed, which is nobody's fault. Any other constraint is broken by our own.

    What the database says holds the values, which are customers' data, so only the constraint's name is logged.
    """
    name, unique = broken_constraint(error)
    if unique:
        log.warning("request.conflict", constraint=name)
        return spoken(errors.Conflict())
    log.error("request.failed", constraint=name, place=_place(error))
    return spoken(errors.Internal())


def _place(error: Exception) -> list[str]:
    """Where our own code raised it, the innermost last: `path:line function`."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{each.filename}:{each.lineno} {each.name}" for each in frames if "site-packages" not in each.filename]


def _conflicting(error: StaleDataError) -> Response:
    """Two writers met at one row, and the database let only one of them through."""
    log.warning("request.conflict", why=str(error))
    return spoken(errors.Conflict())


def _replayed(kept: idempotency.Replay) -> Response:
    return _bare(Response(kept.body, kept.status, {**kept.headers, "Idempotency-Replayed": "true"}))


def _worded_http(error: HTTPException) -> Response:
    kind = errors.BY_STATUS.get(error.code or 500)
    if kind is None:
        kind = errors.Invalid if 400 <= (error.code or 500) < 500 else errors.Internal
    response = spoken(kind())
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    if isinstance(error, RequestedRangeNotSatisfiable):
        response.headers["Content-Range"] = f"{error.units} */{error.length}"
    return response


def _database_away(error: Exception) -> Response:
    """The database is away, locked, full or broken; the statement was not the fault."""
    log.error("database.unavailable", why=str(error))
    return spoken(errors.Unavailable())


def _our_fault(error: Exception) -> Response:
    log.error("request.failed", exc_info=error)
    return spoken(errors.Internal())


# Health, and the description of the API


def _health(app: Flask, service: Service) -> None:
    def ready() -> Response:
        try:
            if schema.current(service.db, service.history):
                return answer({"status": "ready"})
            why = "migrations are not current"
        except Exception as fault:  # whatever it is, the answer is that we are not ready
            log.warning("not.ready", why=str(fault))
            why = "the database does not answer"
        return answer({"status": "not ready", "message": why}, 503)

    app.add_url_rule("/healthz", "healthz", lambda: answer({"status": "ok"}))
    app.add_url_rule("/readyz", "readyz", ready)
