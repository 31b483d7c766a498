"""The gateway's app. The order of a request: its id, its key, its limit, its route, and on to the service.

All of it happens in `before_request`, so no path, method or body of a stranger's gets any further; only the pages in
`gateway.pages` are open.
"""

from flask import Flask, Response, g, request
from requests.adapters import BaseAdapter
from werkzeug.exceptions import MethodNotAllowed

from gateway import credentials, in_process, routes
from gateway.components import build, components, person_topics
from gateway.forward import forward
from gateway.guards import GUARDS
from gateway.pages import pages
from gateway.settings import Settings
from shared import errors
from shared.caller import Caller
from shared.db import Database
from shared.dialects import spoken_at
from shared.relay import Relay
from shared.web import begin, end, word_errors

RELAY_DEADLINE = 5.0
"""Seconds for telling a service of a person, where nobody waits for it."""


def create_app(settings: Settings, *, wire: BaseAdapter | None = None) -> Flask:
    """The gateway as a WSGI app. Its database must be migrated: `shared.migrate.upgrade(db, gateway.keys.HISTORY)`.

    `wire`: how the services are told of people, when not over the network.
    """
    app = Flask("gateway", static_folder=None)
    app.url_map.merge_slashes = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.extensions["gateway"] = build(settings, wire)
    app.register_blueprint(pages)
    app.before_request(_answer)
    app.after_request(_end)
    word_errors(app)
    return app


def create_relay(settings: Settings, *, wire: BaseAdapter | None = None) -> Relay:
    """The relay that tells the services of people."""
    return Relay(
        Database(settings.database_url, threads=4, limits=settings.limits.unhurried),
        person_topics(settings, wire, deadline=RELAY_DEADLINE),
    )


# The order of a request


def _answer() -> Response | None:
    begin()
    if request.blueprint == pages.name:
        return None
    gateway = components()
    g.caller = caller = _who()
    g.allowance = gateway.limit.hit(caller.key_id)
    target = routes.target(request.environ["RAW_URI"])
    g.route = route = routes.find(target)
    if route is None:
        raise _nowhere()
    token, place = gateway.signed(caller, route.service), gateway.places.taken(route, caller)
    if app := gateway.in_process.get(route.service):
        return in_process.ask(request, app, caller.workspace_id, token, place)
    return forward(request, target, gateway.upstreams[route.service], caller.workspace_id, token, place)


def _who() -> Caller:
    """Whose key the request shows.

    Raises:
        Forbidden: a browser shows it because another site asks.
        Unauthorized: none, or none that is valid.
        TooManyRequests: too many from there were refused so, or showed a key that is not known.
    """
    if credentials.sent_by_another_site(request.headers):
        components().strangers.take(_address())
        raise errors.Forbidden("A browser may not call from another site with HTTP Basic")
    key = credentials.key(request.environ.get("HTTP_AUTHORIZATION", ""), spoken_at(request.path).schemes)
    caller = components().keys.find(key, _address()) if key else None
    if caller is None:
        components().strangers.take(_address())
        raise errors.Unauthorized
    return caller


def _address() -> str:
    """Where the request comes from."""
    return components().proxies.client(request.remote_addr or "", request.headers.get("X-Forwarded-For", ""))


def _nowhere() -> Exception:
    """Nothing answers this path; or one of the open pages does, to another method."""
    wrong = request.routing_exception
    return wrong if isinstance(wrong, MethodNotAllowed) else errors.NotFound()


def _end(response: Response) -> Response:
    given = {name.lower() for name, _ in response.headers}  # Headers.setdefault is slow
    for name, value in GUARDS.items():
        if name.lower() not in given:
            response.headers.add(name, value)
    if request.scheme == "https" and components().hsts:
        response.headers.add("Strict-Transport-Security", f"max-age={components().hsts}")
    if allowance := g.get("allowance"):
        response.headers.extend(allowance.headers())
    caller, route = g.get("caller"), g.get("route")
    key_id, address = (caller.key_id, None) if caller else (None, _address())
    return end(response, route=route and route.prefix, key_id=key_id, address=address)
