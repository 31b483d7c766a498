"""The invoice service, put together: its app, and its relay."""

from pathlib import Path

from flask import Flask

from services.invoices import messages
from services.invoices.api import accounts, approvals, finance
from services.invoices.settings import Settings
from shared.db import Database
from shared.outbox import Relay
from shared.web import Service, new_app

NAME = "invoices"
HISTORY = Path(__file__).with_name("migrations")


def create_app(settings: Settings) -> Flask:
    """The app that answers requests."""
    db = Database(settings.database_url, threads=settings.threads)
    service = Service(NAME, db, settings.caller_secret, HISTORY)
    app = new_app(service, (*finance.ROUTES, accounts.routes, approvals.routes))
    app.extensions["settings"] = settings
    return app


def create_relay(settings: Settings) -> Relay:
    """The relay that delivers this service's messages."""
    return Relay(Database(settings.database_url, threads=2), messages.topics(settings))
