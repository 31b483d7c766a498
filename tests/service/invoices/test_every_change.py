"""Every write of every dialect leaves the entries that it should, one for each thing that changed, and is told of."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from shared import people
from tests.client import Client
from tests.service.invoices.approvals import APPROVAL, BODY
from tests.service.invoices.approvals import PATH as APPROVALS
from tests.service.invoices.operations import ACCOUNTS, Operation, Things, operations, things
from tests.service.invoices.pictures import png
from tests.service.invoices.projects import DANIEL, Books
from tests.service.invoices.steps import INVOICES, SETTINGS

ONE, COLUMNS = "invoice", ("_minor", "_micros", "_on", "_key", "_version")
CREATED, UPDATED, DELETED = ((ONE, action) for action in ("created", "updated", "deleted"))
BOTH = [("time entry", "updated"), UPDATED]

ENTRIES: dict[Operation, list[tuple[str, str]]] = {
    ("POST", INVOICES): [CREATED],
    ("PUT", f"{INVOICES}/<uuid:invoice_id>"): [UPDATED],
    ("DELETE", f"{INVOICES}/<uuid:invoice_id>"): [DELETED],
    ("POST", f"{INVOICES}/<uuid:invoice_id>/send"): [(ONE, "sent")],
    ("POST", f"{INVOICES}/<uuid:invoice_id>/payments"): [(ONE, "payment booked")],
    ("PUT", SETTINGS): [("setting", "updated")],
    ("PUT", f"{SETTINGS}/logo"): [("logo", "updated")],
    ("DELETE", f"{SETTINGS}/logo"): [("logo", "deleted")],
    ("POST", ACCOUNTS): [CREATED],
    ("PUT", f"{ACCOUNTS}/<id:invoice_id>"): [UPDATED],
    ("DELETE", f"{ACCOUNTS}/<id:invoice_id>"): [DELETED],
    ("POST", APPROVALS): [CREATED],
    ("PUT", f"{APPROVALS}/<transaction_id>"): [UPDATED],
    ("PUT", f"{APPROVALS}/<transaction_id>/approve"): [(ONE, "approved")],
    ("PUT", f"{APPROVALS}/<transaction_id>/finance-approve"): [(ONE, "finance approved")],
    ("DELETE", f"{APPROVALS}/<transaction_id>/destroy"): [DELETED],
    ("POST", "/invoices.json"): [CREATED],
    ("PUT", "/invoices/<id:invoice_id>.json"): [UPDATED],
    ("DELETE", "/invoices/<id:invoice_id>.json"): [DELETED],
    ("PUT", "/invoices/<id:invoice_id>/complete.json"): [(ONE, "completed")],
    ("PUT", "/invoices/<id:invoice_id>/uncomplete.json"): [(ONE, "uncompleted")],
    ("PUT", "/invoices/<id:invoice_id>/lineitems.json"): [UPDATED],
    ("POST", "/projects.json"): [("project", "created")],
    ("PUT", "/projects/<id:project_id>.json"): [("project", "updated")],
    ("DELETE", "/projects/<id:project_id>.json"): [("project", "deleted")],
    ("POST", "/projects/<id:project_id>/invoices.json"): [CREATED],
    ("POST", "/projects/<id:project_id>/rates.json"): [("project", "updated")],
    ("PUT", "/projects/<id:project_id>/rates.json"): [("project", "updated")],
    ("POST", "/projects/<id:project_id>/time_entries.json"): [("time entry", "created")],
    ("PUT", "/time_entries/<id:entry_id>.json"): BOTH,
    ("DELETE", "/time_entries/<id:entry_id>.json"): [("time entry", "deleted"), UPDATED],
    ("POST", "/companies.json"): [("company", "created")],
    ("PUT", "/companies/<id:company_id>.json"): [("company", "updated")],
    ("DELETE", "/companies/<id:company_id>.json"): [("company", "deleted")],
}
"""What each write tells, of which things."""

FIRST: dict[Operation, Callable[[Client, Things], Any]] = {
    ("POST", f"{INVOICES}/<uuid:invoice_id>/payments"): lambda client, made: client.put(
        f"{INVOICES}/{made.uuid}", json={"status": "sent"}
    ),
    ("PUT", f"{SETTINGS}/logo"): lambda client, _made: client.delete(f"{SETTINGS}/logo"),  # the same is no change
    ("PUT", f"{APPROVALS}/<transaction_id>/finance-approve"): lambda client, made: client.put(
        f"{APPROVALS}/{made.transaction_id}/approve", json=APPROVAL
    ),
    ("PUT", "/invoices/<id:invoice_id>/uncomplete.json"): lambda client, made: client.put(
        f"/invoices/{made.id}/complete.json"
    ),
}
"""What must have happened before."""

Told = list[dict[str, Any]]


@pytest.fixture
def client(invoices: Client) -> Client:
    """A key that may do everything in a workspace of its own."""
    own = str(uuid4())
    return invoices.seen_by(scopes=("admin",), workspace_id=own, account_id=own, accounts=(own,))


@pytest.fixture
def made(client: Client) -> Things:
    """A draft with a time entry and an expense on it, and with it one of each other thing; some are free to go."""
    people.accept(client.app.extensions["service"].db, client.caller.workspace_id, 9, **DANIEL)
    assert client.put(f"{SETTINGS}/logo", data=png()).status_code == 200
    books = Books(client)
    entry = books.time(140, **{"person-id": 9})
    books.expense(14)
    number = books.invoice()
    assert books.bill(number, add={"timelogs": entry, "expenses": 14}).status_code == 200
    names = things(client, id=number, project=books.project, entry=entry, expense=14, person=9)
    facts = {"client_email": "client@example.com"}
    assert client.put(f"{INVOICES}/{names.uuid}", json=facts).status_code == 200
    user = {"user_email": BODY["user_email"]}
    assert client.put(f"{APPROVALS}/{names.transaction_id}", json=user).status_code == 200
    return replace(names, company=books.made("/companies.json", company={"name": "Free"}))


def told(client: Client) -> Told:
    """The workspace's history as the gateway is told it, the oldest first."""
    answer = Client(client.app, replace(client.caller, scopes=("internal",))).get("/internal/history?limit=1000")
    assert answer.status_code == 200, answer.data
    return list(reversed(answer.json["data"]))


def named(entries: Told) -> list[tuple[str, str]]:
    return [(entry["subject"], entry["action"]) for entry in entries]


def prepared(client: Client, made: Things, operation: Operation) -> Things:
    """The things, as the operation needs them."""
    if operation in FIRST:
        answer = FIRST[operation](client, made)
        assert answer.status_code in (200, 201, 204), answer.data
    if operation == ("DELETE", "/projects/<id:project_id>.json"):
        return replace(made, project=client.post("/projects.json", json={"project": {"name": "Free"}}).json["id"])
    return made


def test_every_write_is_looked_at_here(app: Flask) -> None:
    assert {operation for operation in operations(app) if operation[0] != "GET"} == ENTRIES.keys()


@pytest.mark.parametrize("operation", ENTRIES, ids=" ".join)
def test_each_thing_that_changed_has_one_entry_and_neither_a_refusal_nor_a_repeat_has_any(
    client: Client, made: Things, operation: Operation
) -> None:
    names = prepared(client, made, operation)
    before = told(client)
    refused(client, names, operation)
    keyed = Keyed(client.app, client.caller)
    answer = names.ask(keyed, operation)
    assert answer.status_code in (200, 201, 204), answer.data
    after = told(client)
    assert after[: len(before)] == before
    fresh = after[len(before) :]
    assert sorted(named(fresh)) == sorted(ENTRIES[operation])
    for entry in fresh:
        assert entry["changes"] or entry["action"] == "deleted"
        assert not [name for name in entry["changes"] if name.endswith(COLUMNS)]
        assert (entry["member_id"], entry["key_id"]) == (7, "key-1")
        assert entry["request_id"] == answer.headers["X-Request-Id"]
    again = names.ask(keyed, operation)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (answer.status_code, "true")
    assert told(client) == after


def refused(client: Client, names: Things, operation: Operation) -> None:
    """A key that may not, and one that has read another version, do nothing."""
    assert names.ask(client.seen_by(scopes=("expenses:read",)), operation).status_code == 403
    if "<" in operation[1] and operation[0] != "POST":
        assert names.ask(Stale(client.app, client.caller), operation).status_code == 412


class Keyed(Client):
    """The client, which sends the same Idempotency-Key with everything."""

    def open(self, method: str, path: str, **kwargs: Any) -> Any:
        return super().open(method, path, headers={"Idempotency-Key": "one"}, **kwargs)


class Stale(Client):
    """The client, which has read another version of everything."""

    def open(self, method: str, path: str, **kwargs: Any) -> Any:
        return super().open(method, path, headers={"If-Match": '"0"'}, **kwargs)
