"""The people's app, put together. The gateway asks it in its own process, so it listens nowhere."""

from flask import Flask

from gateway.history import api as history
from gateway.history.sources import Sources
from gateway.keys import HISTORY
from gateway.people import api
from gateway.routes import PEOPLE
from shared.db import Database
from shared.web import Service, new_app


def create_app(db: Database, secret: str, sources: Sources | None = None) -> Flask:
    """The app that answers requests about people, and about the workspace's history, on the gateway's own database."""
    app = new_app(Service(PEOPLE, db, secret, HISTORY), [api.routes, history.routes])
    app.extensions["history"] = sources or Sources()
    return app
