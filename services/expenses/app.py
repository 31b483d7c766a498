"""The expense service, put together: its app, and its relay."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from flask import Flask
from requests.adapters import BaseAdapter

from services.expenses import internal, participants
from services.expenses.api import finance, projects
from services.expenses.peers import Peers
from services.expenses.receipts import MAX_BYTES, Receipts
from services.expenses.settings import Settings
from shared.db import Database
from shared.http import Peer
from shared.relay import Relay
from shared.web import Service, new_app

NAME = "expenses"
HISTORY = Path(__file__).with_name("migrations")
FORM_BYTES = MAX_BYTES + 64 * 1024
"""The largest body: a receipt, and the form around it."""


Wires = Mapping[str, BaseAdapter]
"""How other services are reached, by their names, when not over the network."""

NO_WIRES: Wires = MappingProxyType({})


def create_app(settings: Settings, *, wires: Wires = NO_WIRES) -> Flask:
    """The app that answers requests."""
    db = Database(settings.database_url, threads=settings.threads, limits=settings.limits)
    service = Service(NAME, db, settings.caller_secret, HISTORY)
    app = new_app(service, [finance.routes, projects.routes, internal.routes], body_bytes=FORM_BYTES)
    app.config["PUBLIC_URL"] = settings.public_url.rstrip("/")
    budgets, invoices = _peers(settings, wires)
    db.topics = participants.topics(budgets, invoices, deadline=settings.release_deadline)
    app.extensions["peers"] = Peers(
        budgets=budgets,
        invoices=invoices,
        receipts=Receipts(settings.receipts_url),
        spend_deadline=settings.spend_deadline,
        lock_deadline=settings.hold_deadline,
    )
    return app


def create_relay(settings: Settings, *, wires: Wires = NO_WIRES) -> Relay:
    """The relay that delivers this service's messages and sweeps its receipts."""
    db = Database(settings.database_url, threads=4, limits=settings.limits.unhurried)
    topics = participants.topics(*_peers(settings, wires), deadline=settings.spend_deadline)
    return Relay(db, topics, chores=[partial(Receipts(settings.receipts_url).sweep, db)])


def _peers(settings: Settings, wires: Wires) -> tuple[Peer, Peer]:
    """The budget service and the invoice service."""
    budgets, invoices = (
        Peer(NAME, name, url, settings.caller_secret, adapter=wires.get(name))
        for name, url in (("budgets", settings.budgets_url), ("invoices", settings.invoices_url))
    )
    return budgets, invoices
