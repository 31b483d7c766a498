"""The app for keys and workspaces, put together. The gateway asks it in its own process, so it listens nowhere."""

from flask import Flask

from gateway.admin import keys, workspaces
from gateway.keys import HISTORY
from gateway.routes import ADMIN
from shared.db import Database
from shared.web import Service, new_app


def create_app(db: Database, secret: str, key_secret: str) -> Flask:
    """The app that answers requests about keys and workspaces, on the gateway's own database."""
    app = new_app(Service(ADMIN, db, secret, HISTORY), [keys.routes, workspaces.routes])
    app.extensions["key_secret"] = key_secret
    return app
