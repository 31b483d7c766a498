"""The budget service, put together: its app, and its relay."""

from pathlib import Path

from flask import Flask
from requests.adapters import BaseAdapter

from services.budgets import internal, messages
from services.budgets.api import finance
from services.budgets.settings import Settings
from shared.db import Database
from shared.http import Peer
from shared.relay import Relay
from shared.web import Service, new_app

NAME = "budgets"
HISTORY = Path(__file__).with_name("migrations")


def create_app(settings: Settings) -> Flask:
    """The app that answers requests."""
    db = Database(settings.database_url, threads=settings.threads, limits=settings.limits)
    service = Service(NAME, db, settings.caller_secret, HISTORY)
    return new_app(service, [finance.routes, internal.routes])


def create_relay(settings: Settings, *, wire: BaseAdapter | None = None) -> Relay:
    """The relay that delivers this service's messages. `wire`: how others are reached, when not over the network."""
    expenses = Peer(NAME, "expenses", settings.expenses_url, settings.caller_secret, adapter=wire)
    return Relay(
        Database(settings.database_url, threads=4, limits=settings.limits.unhurried), messages.topics(expenses)
    )
