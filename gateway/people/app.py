"""The people's app, put together. The gateway asks it in its own process, so it listens nowhere."""

from flask import Flask

from gateway.keys import HISTORY
from gateway.people import api
from gateway.routes import PEOPLE
from shared.db import Database
from shared.outbox import Topics
from shared.web import Service, new_app


def create_app(db: Database, secret: str, topics: Topics) -> Flask:
    """The app that answers requests about people, on the gateway's own database."""
    app = new_app(Service(PEOPLE, db, secret, HISTORY), [api.routes])
    app.extensions["topics"] = topics
    return app
