"""A stranger is refused on every route of every app, whatever the method, before a body is looked at."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

import gateway.admin.app
import gateway.app
import gateway.keys
import gateway.people.app
import services.budgets.app
import services.expenses.app
import services.invoices.app
from gateway.settings import Settings as GatewaySettings
from services.budgets.settings import Settings as BudgetSettings
from services.expenses.settings import Settings as ExpenseSettings
from services.invoices.settings import Settings as InvoiceSettings
from shared.caller import HEADER, Caller, sign
from shared.db import Database
from shared.dialects import spoken_at
from shared.errors import Unauthorized
from tests.client import CALLER, SECRET

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OPEN = {"/healthz", "/readyz"}
OPEN_AT_THE_GATEWAY = OPEN | {"/", "/openapi.json", "/openapi/finance.json", "/docs"}

Migrated = Callable[[Path], Path]


@pytest.fixture(params=["invoices", "budgets", "expenses", "people", "admin"])
def service(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Migrated) -> Iterator[Flask]:
    """Each service, and the people's app, which the gateway asks as if it were one."""
    app = _service(request.param, tmp_path, sqlite_template)
    yield app
    app.extensions["service"].db.close()


def _service(name: str, folder: Path, migrated: Migrated) -> Flask:
    common = {"caller_secret": SECRET}
    if name == "invoices":
        history, make = services.invoices.app.HISTORY, services.invoices.app.create_app
        return make(InvoiceSettings(database_url=f"sqlite:///{migrated(history)}", **common))
    if name == "budgets":
        history = services.budgets.app.HISTORY
        return services.budgets.app.create_app(BudgetSettings(database_url=f"sqlite:///{migrated(history)}", **common))
    if name == "admin":
        return gateway.admin.app.create_app(Database(f"sqlite:///{migrated(gateway.keys.HISTORY)}"), SECRET, SECRET)
    if name == "people":
        return gateway.people.app.create_app(Database(f"sqlite:///{migrated(gateway.keys.HISTORY)}"), SECRET)
    url = f"sqlite:///{migrated(services.expenses.app.HISTORY)}"
    settings = ExpenseSettings(database_url=url, receipts_url=(folder / "receipts").as_uri(), **common)
    return services.expenses.app.create_app(settings)


def _paths(app: Flask) -> list[str]:
    known = {rule.rule for rule in app.url_map.iter_rules()}
    return [*sorted(_filled(rule) for rule in known), "/", "/metrics", "/internal/nothing", "/v1/dev/finance/nothing"]


def _filled(rule: str) -> str:
    start, opened, rest = rule.partition("<")
    return start if not opened else start + "11111111-1111-4111-8111-111111111111" + _filled(rest.partition(">")[2])


def test_a_stranger_is_refused_everywhere_in_a_service(service: Flask) -> None:
    client = service.test_client()
    forged = {HEADER: sign(CALLER, "another secret", service.name)}
    elsewhere = {HEADER: sign(CALLER, SECRET, "another service")}
    for path in set(_paths(service)) - OPEN:
        for method in METHODS:
            for headers in ({}, forged, elsewhere):
                answer = client.open(path, method=method, headers=headers, data=b"{not json")
                assert answer.status_code == 401, (method, path)
                if method != "HEAD":
                    assert answer.json == spoken_at(path).word(Unauthorized(), method), (method, path)
                assert "WWW-Authenticate" in answer.headers


def test_a_key_without_scopes_may_do_nothing_in_a_service(service: Flask) -> None:
    client = service.test_client()
    powerless = {HEADER: sign(Caller(workspace_id=CALLER.workspace_id), SECRET, service.name)}
    for rule in service.url_map.iter_rules():
        if rule.rule in OPEN:
            continue
        for method in (rule.methods or set()) - {"OPTIONS"}:
            answer = client.open(_filled(rule.rule), method=method, headers=powerless, data=b"{not json")
            assert answer.status_code == 403, (method, rule.rule)


def test_no_key_opens_what_services_keep_among_themselves(service: Flask) -> None:
    client = service.test_client()
    mighty = Caller(workspace_id=CALLER.workspace_id, scopes=(*CALLER.scopes, "admin"))
    headers = {HEADER: sign(mighty, SECRET, service.name)}
    for rule in service.url_map.iter_rules():
        if rule.rule.startswith("/internal/"):
            for method in (rule.methods or set()) - {"OPTIONS"}:
                assert client.open(_filled(rule.rule), method=method, headers=headers).status_code == 403, rule.rule


def test_a_stranger_is_refused_everywhere_at_the_gateway(tmp_path: Path, sqlite_template: Migrated) -> None:
    url = f"sqlite:///{sqlite_template(gateway.keys.HISTORY)}"
    told = GatewaySettings(database_url=url, caller_secret=SECRET, key_secret=SECRET, stranger_limit=0)
    app = gateway.app.create_app(told)
    client = app.test_client()
    inside = {
        "/v1/dev/finance/invoices",
        "/v1/dev/finance/budgets",
        "/v1/dev/finance/expenses",
        "/invoices.json",
        "/v1/dev/finance/keys",
        "/v1/dev/finance/workspaces",
        "/people.json",
        "/people/1.json",
        "/me.json",
        "/internal/openapi.json",
    }
    for path in inside | {path for path in _paths(app) if not path.startswith("/docs")} - OPEN_AT_THE_GATEWAY:
        for method in METHODS:
            for headers in ({}, {"Authorization": "Bearer ch_no_key"}, {HEADER: sign(CALLER, SECRET, "invoices")}):
                answer = client.open(
                    path, method=method, headers=headers, data=b"{not json", environ_overrides={"RAW_URI": path}
                )
                assert answer.status_code == 401, (method, path)
