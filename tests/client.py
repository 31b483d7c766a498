"""A service in this process as one signed caller sees it."""

from dataclasses import replace
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.caller import HEADER, Caller, sign

SECRET = "a secret for tests that is long enough"

LOCK_TIMEOUT = 60.0
"""Seconds to wait for a lock. How long a busy machine takes is nothing that a test is about."""

WORKSPACE = "11111111-1111-4111-8111-111111111111"

CALLER = Caller(
    workspace_id=WORKSPACE,
    company_id=1,
    account_id=WORKSPACE,
    accounts=(WORKSPACE,),
    member_id=7,
    key_id="key-1",
    scopes=("invoices:read", "invoices:write", "budgets:read", "budgets:write", "expenses:read", "expenses:write"),
)


class Client:
    """`get`, `post`, `put`, `delete` on one service, signed for `caller`."""

    def __init__(self, app: Flask, caller: Caller = CALLER, *, secret: str = SECRET) -> None:
        self.app, self.caller, self._secret = app, caller, secret
        self._http: FlaskClient = app.test_client()

    def seen_by(self, **changes: Any) -> "Client":
        """The same service, as a caller with these changes sees it."""
        return Client(self.app, replace(self.caller, **changes), secret=self._secret)

    def inside(self, name: str) -> "Client":
        """The same service, as the service `name` sees it."""
        return Client(self.app, Caller.service(name, self.caller.workspace_id), secret=self._secret)

    def open(self, method: str, path: str, *, headers: dict[str, str] | None = None, **kwargs: Any) -> TestResponse:
        """One request."""
        signed = {HEADER: sign(self.caller, self._secret, self.app.name)}
        return self._http.open(path, method=method, headers=signed | (headers or {}), **kwargs)

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.open("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> TestResponse:
        return self.open("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> TestResponse:
        return self.open("PUT", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> TestResponse:
        return self.open("DELETE", path, **kwargs)
