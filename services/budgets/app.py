"""The budget service, put together: its app, and its relay."""

from pathlib import Path

from flask import Flask
from requests.adapters import BaseAdapter

from services.budgets import internal, messages
from services.budgets.api import finance
from services.budgets.peers import Peers
from services.budgets.settings import Settings
from shared.db import Database
from shared.http import Peer
from shared.relay import Relay
from shared.web import Service, new_app

NAME = "budgets"
HISTORY = Path(__file__).with_name("migrations")


def create_app(settings: Settings, *, wire: BaseAdapter | None = None) -> Flask:
    """The app that answers requests. `wire`: how others are reached, when not over the network."""
    db = Database(settings.database_url, threads=settings.threads, limits=settings.limits)
    service = Service(NAME, db, settings.caller_secret, HISTORY)
    app = new_app(service, [finance.routes, internal.routes])
    app.extensions["peers"] = Peers(_expenses(settings, wire), settings.certainty_deadline)
    return app


def create_relay(settings: Settings, *, wire: BaseAdapter | None = None) -> Relay:
    """The relay that delivers this service's messages. `wire`: how others are reached, when not over the network."""
    topics = messages.topics(_expenses(settings, wire))
    return Relay(Database(settings.database_url, threads=4, limits=settings.limits.unhurried), topics)


def _expenses(settings: Settings, wire: BaseAdapter | None) -> Peer:
    return Peer(NAME, "expenses", settings.expenses_url, settings.caller_secret, adapter=wire)
