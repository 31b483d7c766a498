"""Nobody meets what is another's, whatever the dialect, the operation and the guessed id."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from services.invoices.models import Company, Invoice, Payment, Project, TimeEntry
from services.invoices.verify import wrong
from shared import people
from shared.db import LastId
from tests.client import Client
from tests.service.invoices.approvals import PATH as APPROVALS
from tests.service.invoices.operations import ACCOUNTS, OPERATIONS, Operation, Things, operations, rows_of, things
from tests.service.invoices.pictures import png
from tests.service.invoices.projects import DANIEL, Books
from tests.service.invoices.steps import INVOICES, SETTINGS, data

ANOTHER_ACCOUNT = "33333333-3333-4333-8333-333333333333"
ELSEWHERE = "22222222-2222-4222-8222-222222222222"
MARK = "theirs alone"
"""A text in all that is another workspace's."""

LISTS: dict[Operation, tuple[str, str]] = {
    ("GET", INVOICES): ("data", ""),
    ("GET", ACCOUNTS): ("data", "count"),
    ("GET", APPROVALS): ("invoices", "X-Total"),
    ("GET", "/invoices.json"): ("invoices", "x-records"),
    ("GET", "/projects.json"): ("projects", "x-records"),
    ("GET", "/time_entries.json"): ("time-entries", "x-records"),
    ("GET", "/companies.json"): ("companies", "x-records"),
}
"""Where a list is, and where it says how many there are."""
NAMES_AN_ACCOUNT, NAMES_A_COMPANY = (
    {operation for operation, body in OPERATIONS.items() if isinstance(body, dict) and name in body}
    for name in ("accountId", "company_id")
)
OF_THE_WORKSPACE = {
    *(("GET", SETTINGS), ("PUT", SETTINGS), ("POST", INVOICES), ("POST", "/companies.json")),
    *(("GET", "/currencycodes.json"), ("PUT", f"{SETTINGS}/logo")),
}
"""What names nothing that could be another's."""


def everything(client: Client, person: int, mark: str = MARK) -> Things:
    """One of each thing in the caller's workspace, with an invoice that carries them."""
    people.accept(client.app.extensions["service"].db, client.caller.workspace_id, person, **DANIEL)
    data(client.put(SETTINGS, json={"seller_name": mark}))
    data(client.put(f"{SETTINGS}/logo", data=png()))
    books = Books(client)
    company = books.made("/companies.json", company={"name": mark})
    invoice = books.invoice(description=mark, number=mark)
    entry = books.time(140, description=mark, **{"person-id": person})
    books.expense(14, name=mark, created_by=person)
    assert books.bill(invoice, add={"timelogs": entry, "expenses": 14}).status_code == 200
    assert client.put(f"/projects/{books.project}.json", json={"project": {"description": mark}}).status_code == 200
    made = things(client, project=books.project, company=company, entry=entry, expense=14, person=person)
    facts = {"client_email": "client@example.com", "status": "sent"}
    data(client.put(f"{INVOICES}/{made.uuid}", json=facts))
    payment = data(client.post(f"{INVOICES}/{made.uuid}/payments", json={"amount": 1, "note": mark}), 201)
    return replace(made, payment=payment["id"])


@pytest.fixture
def mighty(invoices: Client) -> Client:
    """A key that may do everything in its workspace."""
    return invoices.seen_by(scopes=("admin",))


@pytest.fixture
def other(mighty: Client) -> Client:
    """The like in another workspace."""
    return mighty.seen_by(workspace_id=ELSEWHERE, account_id=ELSEWHERE, accounts=(ELSEWHERE,), company_id=2)


@pytest.fixture
def given(request: pytest.FixtureRequest, other: Client) -> int:
    """How many ids of each kind the other workspace has given before: so many that none is one of ours."""
    number: int = getattr(request, "param", 100)
    kinds = [each.__tablename__ for each in (Invoice, Payment, Company, Project, TimeEntry)]
    with other.app.extensions["service"].db.write() as session:
        session.add_all(LastId(workspace_id=ELSEWHERE, kind=kind, last=number) for kind in kinds)
    return number


@pytest.fixture
def theirs(other: Client, given: int) -> Things:
    """What there is in the other workspace."""
    made = everything(other, person=8)
    assert (made.id, made.project, made.company, made.entry) == (given + 1, given + 1, given + 2, given + 1)
    return made


@pytest.fixture(autouse=True)
def untouched(other: Client, theirs: Things) -> Iterator[None]:
    """Whatever a test does, not a byte of the other workspace is another."""
    before = rows_of(other)
    assert all(before[name] for name in ("invoices", "payments", "projects", "companies", "time_entries", "audit"))
    yield
    assert rows_of(other) == before


def counted(answer: Any, name: str, said: str) -> int:
    """How many there are, as a list says it, or else shows."""
    return int(answer.json.get(said, answer.headers.get(said))) if said else len(answer.json[name])


def test_every_operation_is_looked_at_here(app: Flask) -> None:
    assert operations(app) == OPERATIONS.keys()


def test_what_is_guessed_in_another_workspace_is_not_there(mighty: Client, other: Client, theirs: Things) -> None:
    before = rows_of(other)
    for operation in OPERATIONS.keys() - OF_THE_WORKSPACE - LISTS.keys():
        answer = theirs.ask(mighty, operation)
        names_who = operation in NAMES_AN_ACCOUNT | NAMES_A_COMPANY
        assert answer.status_code == (403 if names_who else 404), (operation, answer.data)
        assert MARK.encode() not in answer.data, operation
        assert rows_of(other) == before, operation


def test_naming_ones_own_account_opens_no_invoice_of_another_workspace(mighty: Client, theirs: Things) -> None:
    mine = everything(mighty, person=9)
    for operation in NAMES_AN_ACCOUNT - {("GET", ACCOUNTS), ("POST", ACCOUNTS)}:
        answer = theirs.ask(mighty, operation, names=mine)
        assert answer.status_code == 404, (operation, answer.data)


def test_what_is_ones_own_cannot_be_joined_with_another_workspaces(mighty: Client, theirs: Things) -> None:
    mine = everything(mighty, person=9)
    draft = Books(mighty).invoice()
    before = rows_of(mighty)
    for path, body in {
        f"/invoices/{mine.id}.json": {"invoice": {"project-id": theirs.project}},
        f"/invoices/{draft}.json": {"invoice": {"project-id": theirs.project}},
        f"/projects/{mine.project}.json": {"project": {"companyId": theirs.company}},
        f"/projects/{mine.project}/rates.json": {"rates": {"users": {str(theirs.person): "1.00"}}},
        f"/time_entries/{mine.entry}.json": {"time-entry": {"person-id": theirs.person}},
    }.items():
        answer = mighty.put(path, json=body)
        assert answer.status_code == 404, (path, answer.data)
    for where in ("add", "remove"):
        for lines in ({"timelogs": theirs.entry}, {"expenses": f"{theirs.expense + 1}"}):
            answer = mighty.put(f"/invoices/{draft}/lineitems.json", json={"lineitems": {where: lines}})
            assert answer.status_code == 404, (where, lines, answer.data)
    assert rows_of(mighty) == before


@pytest.mark.parametrize("given", [0], indirect=True)
def test_the_same_ids_are_other_things_in_another_workspace(mighty: Client, theirs: Things) -> None:
    mine = everything(mighty, person=8, mark="ours")
    for name in ("id", "project", "company", "entry", "expense", "person"):
        assert getattr(mine, name) == getattr(theirs, name), name
    assert mine.uuid != theirs.uuid
    with mighty.app.extensions["service"].db.connection(transaction=True) as connection:
        assert list(wrong(connection)) == []
    for operation in sorted(OPERATIONS, key=lambda each: (each[0] != "GET", each)):
        answer = mine.ask(mighty, operation)
        assert answer.status_code < 500, (operation, answer.data)
        assert operation[0] != "GET" or answer.status_code == 200, (operation, answer.data)
        assert MARK.encode() not in answer.data, operation


def test_no_list_shows_or_counts_what_is_another_workspaces(mighty: Client, theirs: Things) -> None:
    for mine in (None, everything):
        own = mine(mighty, person=9) if mine else None
        for operation, (name, said) in LISTS.items():
            answer = (own or theirs).ask(
                mighty,
                operation,
                **{key: value for key, value in _whose(mighty).items() if key in OPERATIONS[operation]},
            )
            assert answer.status_code == 200, (operation, answer.data)
            expected = {"/companies.json": 2}.get(operation[1], 1) if own else 0
            assert (len(answer.json[name]), counted(answer, name, said)) == (expected, expected), operation
            if own is None:
                assert MARK.encode() not in answer.data, operation


def test_what_names_nothing_of_another_workspace_stays_in_ones_own(
    mighty: Client, other: Client, theirs: Things
) -> None:
    for operation in sorted(OF_THE_WORKSPACE):
        answer = theirs.ask(mighty, operation)
        assert answer.status_code in (200, 201), (operation, answer.data)
        assert MARK.encode() not in answer.data, operation
    assert data(other.get(SETTINGS))["seller_name"] == MARK
    assert mighty.post("/projects.json", json={"project": {"name": "Mine", "newCompany": MARK}}).status_code == 201
    shown = mighty.get("/companies.json").json["companies"]
    assert [each["name"] for each in shown] == ["Another", MARK]
    assert theirs.company not in [int(each["id"]) for each in shown]


# Keys for some accounts


@pytest.fixture
def limited(mighty: Client) -> Client:
    """A key of the same workspace, for another account alone."""
    return mighty.seen_by(account_ids=(ANOTHER_ACCOUNT,), accounts=(ANOTHER_ACCOUNT,), account_id=ANOTHER_ACCOUNT)


def test_a_key_for_another_account_finds_no_invoice_in_any_dialect(mighty: Client, limited: Client) -> None:
    mine = everything(mighty, person=9)
    before = rows_of(mighty)
    for operation in OPERATIONS:
        if "invoice_id" in operation[1] or "transaction_id" in operation[1]:
            expected = {403} if "<id:invoice_id>" in operation[1] else {404}
            for account in (mine.account, ANOTHER_ACCOUNT):
                answer = mine.ask(limited, operation, names=replace(mine, account=account))
                assert answer.status_code in expected, (operation, answer.data)
                assert MARK.encode() not in answer.data, operation
    assert rows_of(mighty) == before


def test_a_key_for_another_account_counts_no_invoice_in_any_list(mighty: Client, limited: Client) -> None:
    mine = everything(mighty, person=9)
    for operation in (*LISTS, ("GET", "/projects/<id:project_id>/invoices.json")):
        if "invoices" in operation[1]:
            answer = replace(mine, account=ANOTHER_ACCOUNT).ask(limited, operation)
            name, said = LISTS.get(operation, ("invoices", "x-records"))
            assert (answer.status_code, answer.json[name], counted(answer, name, said)) == (200, [], 0), operation


def test_a_key_for_another_account_changes_no_invoice_through_what_is_on_it(mighty: Client, limited: Client) -> None:
    books = Books(mighty)
    invoice = books.invoice(number=MARK)
    entry = books.time(140)
    assert books.bill(invoice, add={"timelogs": entry}).status_code == 200
    mine = things(mighty, id=invoice, project=books.project, entry=entry)
    before = rows_of(mighty)
    shown = limited.get(f"/time_entries/{entry}.json").json["time-entry"]
    assert (shown["isbilled"], shown["invoice-id"], shown["invoiceNo"]) == ("1", "", "")
    assert MARK.encode() not in limited.get("/time_entries.json").data
    for operation in (("PUT", "/time_entries/<id:entry_id>.json"), ("DELETE", "/time_entries/<id:entry_id>.json")):
        assert mine.ask(limited, operation).status_code == 403, operation
    assert rows_of(mighty) == before


def test_no_operation_by_a_key_for_another_account_changes_an_invoice_or_what_it_shows(
    mighty: Client, limited: Client
) -> None:
    mine = everything(mighty, person=9)
    before = _shown_on_invoices(mighty)
    for operation in sorted(OPERATIONS):
        answer = mine.ask(limited, operation)
        assert answer.status_code < 500, (operation, answer.data)
        if operation[0] == "GET" and "settings" not in operation[1]:
            shown = {name: answer.json[name] for name in ("data", "invoices") if answer.is_json and name in answer.json}
            assert MARK not in str(shown), operation
        assert _shown_on_invoices(mighty) == before, operation


@pytest.mark.parametrize("operation", [("PUT", SETTINGS), ("PUT", f"{SETTINGS}/logo"), ("DELETE", f"{SETTINGS}/logo")])
def test_a_key_for_some_accounts_changes_nothing_that_all_of_them_show(
    mighty: Client, limited: Client, operation: Operation
) -> None:
    mine = everything(mighty, person=9)
    before = rows_of(mighty)
    answer = mine.ask(limited, operation)
    assert (answer.status_code, answer.json) == (
        403,
        {"message": "This API key is for some accounts, and this is of all"},
    )
    assert rows_of(mighty) == before


def _shown_on_invoices(client: Client) -> dict[str, list[Any]]:
    """What the account of `client` has: its invoices, all that is on them, and the settings."""
    rows = rows_of(client)
    invoices = [row for row in rows["invoices"] if row.account_id == client.caller.account_id]
    ours = {row.id for row in invoices}
    on_them = ("items", "payments", "time_entries", "project_expenses")
    lines = {name: [row for row in rows[name] if row.invoice_id in ours] for name in on_them}
    assert len(invoices) == len(lines["time_entries"]) == len(lines["project_expenses"]) == 1
    return {"invoices": invoices, **lines, **{name: rows[name] for name in ("settings", "logos")}}


def _whose(client: Client) -> dict[str, Any]:
    return {"accountId": client.caller.account_id, "company_id": client.caller.company_id}
