"""A gateway with the invoice and the expense service behind it, all in this process, as clients see them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from requests.adapters import BaseAdapter
from sqlalchemy import text
from werkzeug.test import TestResponse

from gateway.keys import actions
from gateway.keys.actions import Person
from gateway.keys.scopes import SCOPES
from gateway.settings import Settings
from shared import people
from shared.db import Database
from tests.wire import Wire

KEY_SECRET = "the secret that keys are digested with"
ADA = {"first-name": "Ada", "last-name": "Byron", "email-address": "ada@example.com"}


class Wires(BaseAdapter):
    """Carries requests to several apps in this process, by their host names. `away`: those that cannot be reached."""

    def __init__(self, apps: dict[str, Flask]) -> None:
        super().__init__()
        self._wires = {name: Wire(app) for name, app in apps.items()}
        self.away: set[str] = set()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        host = urlsplit(str(request.url)).hostname or ""
        if host in self.away:
            raise requests.ConnectionError(host)
        return self._wires[host].send(request)

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Office:
    """The gateway, what it is told, its services, and a key for all that can be done in the workspace `Acme`."""

    app: Flask
    settings: Settings
    services: dict[str, Flask]
    wires: Wires
    key: str = ""
    workspace_id: str = ""

    @property
    def db(self) -> Database:
        """The gateway's database."""
        db: Database = self.app.extensions["gateway"].db
        return db

    def issue(self, workspace: str = "Acme", **said: Any) -> str:
        """A new key, for all that can be done unless it is said."""
        return actions.issue(self.db, KEY_SECRET, workspace, **{"scopes": SCOPES} | said).key

    def key_of(self, email: str, **said: Any) -> str:
        """A new key of the person with that e-mail address."""
        return self.issue(member=Person("Ada", "Byron", email), **said)

    def open(
        self, method: str, path: str, *, key: str = "", headers: dict[str, str] | None = None, **kwargs: Any
    ) -> TestResponse:
        """One request through the gateway."""
        sent = {"Authorization": f"Bearer {key or self.key}"} | (headers or {})
        raw = {"RAW_URI": path}
        return self.app.test_client().open(path, method=method, headers=sent, environ_overrides=raw, **kwargs)

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.open("GET", path, **kwargs)

    def post(self, **person: Any) -> TestResponse:
        return self.open("POST", "/people.json", json={"person": person})

    def put(self, number: int, **person: Any) -> TestResponse:
        return self.open("PUT", f"/people/{number}.json", json={"person": person})

    def delete(self, number: int, **kwargs: Any) -> TestResponse:
        return self.open("DELETE", f"/people/{number}.json", **kwargs)

    def made(self, **person: Any) -> int:
        """The id of a new person: Ada, but for what is said."""
        answer = self.post(**ADA | person)
        assert answer.status_code == 201, answer.text
        number: int = answer.json["id"]
        return number

    def shown(self, number: int) -> dict[str, str]:
        """A person as they are read."""
        answer = self.get(f"/people/{number}.json")
        assert answer.status_code == 200, answer.text
        person: dict[str, str] = answer.json["person"]
        return person

    def rows(self, table: str) -> list[Any]:
        """Everything in a table of the gateway's."""
        with self.db.read() as session:
            return list(session.execute(text(f"SELECT * FROM {table} ORDER BY 1")).all())  # noqa: S608

    def everything(self) -> list[Any]:
        """All that a refused request must leave as it was."""
        return [self.rows(table) for table in ("members", "audit", "outbox")]

    def name_in(self, service: str, number: int) -> str:
        """What a service calls the person of that id."""
        db: Database = self.services[service].extensions["service"].db
        with db.connection() as connection:
            names = people.named(connection, self.workspace_id, [number])[number]
        return f"{names.first} {names.last}"
