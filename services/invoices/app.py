"""The invoice service, put together: its app, and its relay."""

from pathlib import Path

from flask import Flask
from requests.adapters import BaseAdapter

from services.invoices import internal, messages, places
from services.invoices.api import accounts, approvals, finance, projects
from services.invoices.settings import Settings
from shared.db import Database
from shared.http import Peer
from shared.relay import Relay
from shared.web import Service, new_app

NAME = "invoices"
HISTORY = Path(__file__).with_name("migrations")


def create_app(settings: Settings, *, wire: BaseAdapter | None = None) -> Flask:
    """The app that answers requests. `wire`: how the expense service is reached, when not over the network."""
    db = Database(settings.database_url, threads=settings.threads, limits=settings.limits)
    service = Service(NAME, db, settings.caller_secret, HISTORY)
    app = new_app(service, (*finance.ROUTES, accounts.routes, approvals.routes, *projects.ROUTES, internal.routes))
    app.extensions["settings"] = settings
    app.extensions["drawing"] = places.of_threads(settings.threads)
    expenses = _expenses(settings, wire)
    db.topics = messages.topics(settings, db, expenses, deadline=settings.billing_deadline)
    return app


def create_relay(settings: Settings, *, wire: BaseAdapter | None = None) -> Relay:
    """The relay that delivers this service's messages."""
    db = Database(settings.database_url, threads=4, limits=settings.limits.unhurried)
    return Relay(db, messages.topics(settings, db, _expenses(settings, wire), deadline=5))


def _expenses(settings: Settings, wire: BaseAdapter | None) -> Peer:
    return Peer(NAME, "expenses", settings.expenses_url, settings.caller_secret, adapter=wire)
