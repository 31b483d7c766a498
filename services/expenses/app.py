"""The expense service, put together: its app, and its relay."""

from functools import partial
from pathlib import Path

from flask import Flask
from requests.adapters import BaseAdapter

from services.expenses import internal, messages
from services.expenses.actions import Outside
from services.expenses.api import finance
from services.expenses.receipts import MAX_BYTES, Receipts
from services.expenses.settings import Settings
from shared.db import Database
from shared.http import Peer
from shared.outbox import Relay
from shared.web import Service, new_app

NAME = "expenses"
HISTORY = Path(__file__).with_name("migrations")
FORM_BYTES = MAX_BYTES + 64 * 1024
"""The largest body: a receipt, and the form around it."""


def create_app(settings: Settings, *, wire: BaseAdapter | None = None) -> Flask:
    """The app that answers requests. `wire`: how the budget service is reached, when not over the network."""
    db = Database(settings.database_url, threads=settings.threads)
    service = Service(NAME, db, settings.caller_secret, HISTORY)
    app = new_app(service, [finance.routes, internal.routes], body_bytes=FORM_BYTES)
    app.config["PUBLIC_URL"] = settings.public_url.rstrip("/")
    budgets = _budgets(settings, wire)
    app.extensions["outside"] = Outside(
        budgets=budgets,
        topics=messages.topics(budgets, deadline=settings.release_deadline),
        receipts=Receipts(settings.receipts_url),
        spend_deadline=settings.spend_deadline,
    )
    return app


def create_relay(settings: Settings, *, wire: BaseAdapter | None = None) -> Relay:
    """The relay that delivers this service's messages and sweeps its receipts."""
    db = Database(settings.database_url, threads=2)
    topics = messages.topics(_budgets(settings, wire), deadline=settings.spend_deadline)
    return Relay(db, topics, chores=[partial(Receipts(settings.receipts_url).sweep, db)])


def _budgets(settings: Settings, wire: BaseAdapter | None) -> Peer:
    return Peer(NAME, "budgets", settings.budgets_url, settings.caller_secret, adapter=wire)
