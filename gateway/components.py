"""What a running gateway is made of, built once from its settings."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, current_app
from requests.adapters import BaseAdapter

from gateway.address import Proxies
from gateway.admin import app as admin
from gateway.guesses import Guesses
from gateway.history.sources import Sources
from gateway.keys.lookup import Lookup
from gateway.limits import RateLimit
from gateway.people import app as people
from gateway.people import messages
from gateway.places import Places
from gateway.readiness import Readiness
from gateway.routes import ADMIN, PEOPLE, SERVICES
from gateway.settings import Settings
from gateway.upstream import Upstream
from shared import caller as callers
from shared.caller import Caller
from shared.db import Database
from shared.http import Peer
from shared.outbox import Topics

TELLING = 1.0
"""Seconds for telling a service of a person right after the change; the relay goes on where this ends."""


@dataclass(frozen=True)
class Components:
    """The gateway's own facts."""

    db: Database
    keys: Lookup
    strangers: Guesses
    """How many requests each address has sent without a valid key."""
    proxies: Proxies
    limit: RateLimit
    places: Places
    upstreams: dict[str, Upstream]
    readiness: Readiness
    in_process: dict[str, Flask]
    """The apps that answer in this process, by what `routes` calls them."""
    hsts: int
    """Seconds that browsers stay with HTTPS, once they came that way."""
    signed: Callable[[Caller, str], str]
    """A token of the caller that one service, by name, believes."""

    def close(self) -> None:
        """Give all connections back."""
        self.keys.close()
        self.db.close()
        for upstream in self.upstreams.values():
            upstream.close()


def build(settings: Settings, wire: BaseAdapter | None) -> Components:
    """The parts that these settings ask for."""
    db = Database(settings.database_url, threads=settings.threads, limits=settings.limits)
    db.topics = person_topics(settings, wire, deadline=TELLING)
    upstreams = {name: Upstream(name, getattr(settings, f"{name}_url"), settings.deadline) for name in SERVICES}
    sources = Sources({name: _peer(settings, name, wire) for name in SERVICES}, key=settings.history_key)
    in_process = {
        PEOPLE: people.create_app(db, settings.caller_secret, sources),
        ADMIN: admin.create_app(db, settings.caller_secret, settings.key_secret),
    }
    return Components(
        db=db,
        keys=Lookup(db, settings.key_secret, guesses=Guesses(settings.guess_limit)),
        strangers=Guesses(settings.stranger_limit if settings.rate_limit else 0),
        proxies=settings.proxies,
        limit=RateLimit(settings.rate_limit, settings.limits_url),
        places=Places(settings.service_threads),
        upstreams=upstreams,
        readiness=Readiness(db, upstreams.values()),
        signed=lambda caller, service: callers.sign(caller, settings.caller_secret, service),
        in_process=in_process,
        hsts=settings.hsts,
    )


def person_topics(settings: Settings, wire: BaseAdapter | None, *, deadline: float) -> Topics:
    """How the services are told of people, within `deadline` seconds each."""
    return messages.topics({name: _peer(settings, name, wire) for name in messages.RECEIVERS}, deadline=deadline)


def _peer(settings: Settings, name: str, wire: BaseAdapter | None) -> Peer:
    return Peer("gateway", name, getattr(settings, f"{name}_url"), settings.caller_secret, adapter=wire)


def components() -> Components:
    """The parts of the gateway that answers this request."""
    known: Components = current_app.extensions["gateway"]
    return known
