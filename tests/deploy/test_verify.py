"""`verify`: nothing wrong with what the product did, and words for each thing that something else did."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from deploy.verify.command import verify
from gateway.keys import actions
from gateway.keys.scopes import KNOWN
from shared import chain, heads, outbox
from shared.db import now

from .house import FINANCE, PDF, Furnished, House, furnish

HISTORY_KEY = "k" * 43
STRANGER = "99999999-9999-4999-8999-999999999999"


def test_nothing_is_wrong_with_what_the_product_did(house: House, capsys: Any) -> None:
    furnish(house)
    code, said = verify(), capsys.readouterr().out
    assert said == "All is well: 1 workspaces, 2 invoices, 1 budgets, 2 expenses, 0 messages on their way\n"
    assert code == 0


def test_a_key_may_have_every_scope_that_can_be_given(house: House, capsys: Any) -> None:
    actions.issue(house.dbs["gateway"], "k" * 32, "demo", scopes=KNOWN)
    code, said = verify(), capsys.readouterr().out
    assert (code, said.split(":")[0]) == (0, "All is well"), said


def test_each_thing_that_something_else_did_is_said_in_words(house: House, capsys: Any) -> None:
    there = furnish(house)
    expected = [*plant_money(house, there), *plant_lines(house, there), *plant_the_rest(house, there)]
    code, said = verify(), capsys.readouterr().out.splitlines()
    assert [line for line in expected if line not in said] == []
    assert said[-1] == f"{len(said) - 1} things are wrong"
    assert code == 1


def test_what_a_message_is_yet_to_tell_is_nothing_wrong(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    there = furnish(house)
    lines = {"lineitems": {"remove": {"expenses": str(there.billed)}}}
    with monkeypatch.context() as nobody:
        nobody.setattr(outbox, "deliver", lambda *_: False)
        house.call("expenses", "PUT", f"{FINANCE}/expenses/{there.expense['id']}", json={"amount": 5})
        house.call("invoices", "PUT", f"/invoices/{there.bill}/lineitems.json", json=lines)
        house.call("expenses", "PUT", f"/expenses/{there.billed}.json", json={"expense": {"cost": "4.00"}})
        house.made("expenses", "expenses", amount=1, budget_id=there.budget["id"])
        house.call("budgets", "DELETE", f"{FINANCE}/budgets/{there.budget['id']}")
        actions.issue(house.dbs["gateway"], "k" * 32, "demo", member=actions.Person("A", "B", "a@example.com"))
    code, said = verify(), capsys.readouterr().out
    assert (code, said.split(", ")[-1]) == (0, "6 messages on their way\n"), said
    house.settle()
    assert verify() == 0


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ({"version": 99}, "has version 99, and the last given is {last}"),
        (
            {"due_at": "2999-01-01 00:00:00+00:00"},
            "is due at 2999-01-01 00:00:00 UTC, which is later than any is put off",
        ),
        (
            {"leased_until": "2999-01-01 00:00:00+00:00"},
            "is in somebody's hands until 2999-01-01 00:00:00 UTC, longer than any is",
        ),
        ({"amount_minor": 1200}, "says another thing than is so: amount_minor 1200, not 1250"),
        ({"budget_id": None}, "says another thing than is so: budget_id None, not '{budget}'"),
    ],
)
def test_a_message_that_nobody_wrote_is_wrong_and_excuses_nothing(
    house: House, capsys: Any, planted: dict[str, Any], fault: str
) -> None:
    there = furnish(house)
    budget, expense = there.budget["id"], there.expense["id"]
    last = house.one("expenses", "SELECT spend_version FROM expenses WHERE uuid = :uuid", uuid=expense)
    house.sql("budgets", "UPDATE spends SET amount_minor = 1200, version = 0 WHERE budget_id IS NOT NULL")
    house.sql("budgets", "UPDATE budgets SET live_minor = 1200")
    body = {"budget_id": budget, "amount_minor": 1250, "currency": "USD", "date": None}
    row = {"version": last, "due_at": "2026-01-01 00:00:00+00:00", "leased_until": None}
    plant(house, "expenses", "spend", expense, body | planted, **(row | planted))
    code, said = verify(), capsys.readouterr().out.splitlines()
    us = f"workspace {house.workspace}"
    assert said == [
        f"expenses: {us}: message spend about {expense}: {fault.format(last=last, budget=budget)}",
        f"{us}: expense {expense}: it is 12.50 USD of no date on the budget {budget},"
        f" and 12.00 USD of no date on the budget {budget} are booked for it",
        "2 things are wrong",
    ]
    assert code == 1


def test_each_kind_of_message_is_held_against_what_its_sender_knows(house: House, capsys: Any) -> None:
    there = furnish(house)
    us, budget, member = (
        f"workspace {house.workspace}",
        there.budget["id"],
        house.one("gateway", "SELECT id FROM members"),
    )
    billed = house.one("expenses", "SELECT uuid FROM expenses WHERE id = :id", id=there.billed)
    key = f"{house.workspace}/{member}"
    plant(house, "gateway", "person.invoices", key, {"first_name": "M", "last_name": "", "email": "", "deleted": False})
    plant(house, "gateway", "person.expenses", f"{house.workspace}/99", {"deleted": False})
    plant(house, "invoices", "billing", billed, {"invoice_id": None, "account_id": None})
    plant(house, "invoices", "billing", STRANGER, {"invoice_id": None, "account_id": None})
    plant(house, "budgets", "budget.deleted", budget, {})
    plant(house, "expenses", "billable", billed, {"project_id": None})
    plant(house, "expenses", "billable", STRANGER, {"project_id": there.project})
    plant(house, "expenses", "spend", STRANGER, {"budget_id": budget})
    plant(house, "expenses", "spend", billed, {"budget_id": budget}, version=0)
    plant(house, "expenses", "gossip", billed, {})
    plant(house, "invoices", "mail", STRANGER, [])
    code, said = verify(), capsys.readouterr().out.splitlines()
    other = "says another thing than is so"
    assert set(said) >= {
        f"gateway: {us}: message person.invoices about {key}: {other}: first_name 'M', not 'Owner'",
        f"gateway: {us}: message person.expenses about {house.workspace}/99: {other}: deleted False, not True",
        f"invoices: {us}: message billing about {billed}: {other}:"
        f" account_id None, not '{house.workspace}'; invoice_id None, not {there.bill}",
        f"invoices: {us}: message billing about {STRANGER}: is about an expense that is not known",
        f"invoices: {us}: message mail about {STRANGER}: has a body that nobody can read",
        f"budgets: {us}: message budget.deleted about {budget}: says that it is gone, and it is there",
        f"expenses: {us}: message billable about {STRANGER}: {other}: project_id {there.project}, not None",
        f"expenses: {us}: message spend about {STRANGER}: {other}: budget_id '{budget}', not None",
        f"expenses: {us}: message spend about {billed}: {other}: budget_id '{budget}', not None",
        f"expenses: {us}: message gossip about {billed}: is of a kind that nobody delivers",
    }
    assert (code, said[-1]) == (1, "12 things are wrong")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            "invoices SET transaction_id = 'INV-234567'",
            "transaction_id is 'INV-234567', where the history says '{known}'",
        ),
        ("invoices SET created_by = 99", "created_by is 99, where the history says {member}"),
        ("invoices SET updated_by = 99", "who wrote it last is not the one that the history tells of"),
        ("payments SET created_by = 99", "its payments are not those that the history tells of"),
        (
            "payments SET created_at = '2026-01-02 03:04:05+00:00'",
            "its payments are not those that the history tells of",
        ),
    ],
)
def test_who_and_which_a_paid_invoice_is_cannot_be_changed_unseen(
    house: House, capsys: Any, change: str, found: str
) -> None:
    paid = furnish(house).invoice["id"]
    known = house.one("invoices", "SELECT transaction_id FROM invoices WHERE uuid = :uuid", uuid=paid)
    member = house.one("gateway", "SELECT id FROM members")
    which = "" if change.startswith("payments") else f" WHERE uuid = '{paid}'"
    house.sql("invoices", f"UPDATE {change}{which}")
    assert lines_of(capsys) == [
        f"invoices: workspace {house.workspace}: invoice {paid}: {found.format(known=known, member=member)}"
    ]


@pytest.mark.parametrize("column", ["created_at", "updated_at"])
@pytest.mark.parametrize(
    ("service", "table", "thing"), [("invoices", "invoices", "invoice"), ("expenses", "expenses", "expense")]
)
def test_when_a_thing_was_made_and_changed_cannot_be_changed_unseen(
    house: House, capsys: Any, service: str, table: str, thing: str, column: str
) -> None:
    there = getattr(furnish(house), thing)["id"]
    house.sql(service, f"UPDATE {table} SET {column} = '2026-01-02 03:04:05+00:00' WHERE uuid = :uuid", uuid=there)  # noqa: S608
    (line,) = lines_of(capsys)
    begin = f"{service}: workspace {house.workspace}: {thing} {there}: {column} is 2026-01-02T03:04:05Z, where the"
    assert line.startswith(f"{begin} history says ")


def test_time_entries_that_changed_places_between_invoices_are_found(house: House, capsys: Any) -> None:
    there = furnish(house)
    entry = {"time-entry": {"date": "20260105", "time": "10:00", "hours": 2, "isbillable": "1"}}
    other = house.call("invoices", "POST", f"/projects/{there.project}/time_entries.json", json=entry)
    bill = house.call("invoices", "POST", f"/projects/{there.project}/invoices.json", json={"invoice": {}})["id"]
    lines = {"lineitems": {"add": {"timelogs": str(other.get("id") or other["timeLogId"])}}}
    house.call("invoices", "PUT", f"/invoices/{bill}/lineitems.json", json=lines)
    assert lines_of(capsys) == []
    house.sql("invoices", "UPDATE time_entries SET invoice_id = :sum - invoice_id", sum=bill + there.bill)
    ids = [house.one("invoices", "SELECT uuid FROM invoices WHERE id = :id", id=each) for each in (there.bill, bill)]
    us, those = f"invoices: workspace {house.workspace}", "not those that the history tells of"
    assert lines_of(capsys) == [f"{us}: invoice {each}: its time entries are {those}" for each in ids]


@pytest.mark.parametrize("change", ["UPDATE rates SET rate_micros = 1", "DELETE FROM rates"])
def test_the_rates_of_a_project_cannot_be_changed_unseen(house: House, capsys: Any, change: str) -> None:
    project, member = furnish(house).project, house.one("gateway", "SELECT id FROM members")
    for rate in ("70", None, "80"):
        rates = {"users": {str(member): {"rate": rate}}}
        house.call("invoices", "PUT", f"/projects/{project}/rates.json", json={"rates": rates})
    assert lines_of(capsys) == []
    house.sql("invoices", change)
    uuid = house.one("invoices", "SELECT uuid FROM projects")
    assert lines_of(capsys) == [
        f"invoices: workspace {house.workspace}: project {uuid}: its rates are not those that the history tells of"
    ]


def test_a_secret_that_was_rotated_out_cannot_be_made_to_work_again_unseen(house: House, capsys: Any) -> None:
    gateway, key = house.dbs["gateway"], actions.issue(house.dbs["gateway"], "k" * 32, "demo").key
    for _ in range(2):
        first = house.one("gateway", "SELECT digest FROM api_keys WHERE prefix = :shown", shown=key[:11])
        key = actions.rotate(gateway, "k" * 32, key, timedelta(days=1))
    assert lines_of(capsys) == []
    us, its = f"gateway: workspace {house.workspace}", {"shown": key[:11]}
    known = house.one("gateway", "SELECT id FROM api_keys WHERE prefix = :shown", **its)
    house.sql("gateway", "UPDATE api_keys SET older_digest = :digest WHERE prefix = :shown", digest="0" * 64, **its)
    assert lines_of(capsys) == [f"{us}: key {known}: its secret before that is another than the history tells of"]
    house.sql(
        "gateway", "UPDATE api_keys SET older_digest = :digest, digest = '0' WHERE prefix = :shown", digest=first, **its
    )
    assert lines_of(capsys) == [f"{us}: key {known}: its secret is another than the history tells of"]


def test_what_was_written_before_the_history_told_of_it_is_not_held_against_it(house: House, capsys: Any) -> None:
    furnish(house)
    actions.issue(house.dbs["gateway"], "k" * 32, "demo")
    forget(house, "gateway", "secret")
    forget(house, "invoices", "transaction_id")
    house.sql("gateway", "UPDATE api_keys SET digest = 'x' || substr(digest, 2)")
    assert [line for line in lines_of(capsys) if "the trigger" not in line] == []


def test_a_guard_of_the_history_that_is_gone_or_off_is_said(house: House, backend: str, capsys: Any) -> None:
    furnish(house)
    postgres = backend == "postgresql"
    house.sql("budgets", f"DROP TRIGGER audit_chain_no_delete{' ON audit_chain' if postgres else ''}")
    off = "ALTER TABLE audit DISABLE TRIGGER audit_no_update" if postgres else "DROP TRIGGER audit_no_update"
    house.sql("budgets", off)
    assert lines_of(capsys) == [
        f"budgets: history: the trigger {each} is missing, or is off: the history could be changed"
        for each in ("audit_no_update", "audit_chain_no_delete")
    ]


def test_a_change_by_sql_is_found_after_the_product_has_changed_the_same_again(house: House, capsys: Any) -> None:
    budget = furnish(house).budget["id"]
    house.sql("budgets", "UPDATE budgets SET name = 'Z'")
    house.call("budgets", "PUT", f"{FINANCE}/budgets/{budget}", json={"name": "C"})
    its = f"budgets: workspace {house.workspace}: budget {budget}"
    assert lines_of(capsys) == [f"{its}: name was 'Z' before a change, and 'B' after the last one"]


def test_a_row_that_was_deleted_and_stands_again_is_found(house: House, capsys: Any) -> None:
    budget = furnish(house).budget["id"]
    house.sql(
        "budgets",
        "INSERT INTO audit (workspace_id, subject_id, subject, action, at, key_id, request_id, changes)"
        " SELECT workspace_id, uuid, 'budget', 'deleted', created_at, '-', '-', '{}' FROM budgets",
    )
    chain.seal(house.dbs["budgets"])
    its = f"budgets: workspace {house.workspace}: budget {budget}"
    assert lines_of(capsys) == [f"{its}: is there, and the history says that it was deleted"]


def test_time_that_was_logged_in_another_time_zone_is_what_the_history_says(house: House, capsys: Any) -> None:
    there, client = furnish(house), house.clients["invoices"]
    house.clients["invoices"] = client.seen_by(time_zone="Europe/Berlin")
    entry = {"time-entry": {"date": "20260705", "time": "10:00", "hours": 2, "isbillable": "1"}}
    house.call("invoices", "POST", f"/projects/{there.project}/time_entries.json", json=entry)
    assert lines_of(capsys) == []


@pytest.mark.parametrize(
    ("service", "change", "found"),
    [
        ("invoices", "invoices SET total_minor = 'much'", "invoices {id}: total_minor is 'much', which is no number"),
        ("invoices", "invoices SET due_on = 'soon'", "invoices {id}: due_on is 'soon', which is no date or nothing"),
        ("expenses", "expenses SET created_at = 7", "expenses {id}: created_at is 7, which is no instant"),
        ("budgets", "budgets SET live_minor = x'ff'", "budgets {id}: live_minor is b'\\xff', which is no number"),
        ("gateway", "members SET version = 'two'", "members {id}: version is 'two', which is no number"),
        ("gateway", "api_keys SET scopes = '7'", "api_keys {id}: scopes is 7, which is no list"),
        ("gateway", "api_keys SET scopes = 'all'", "api_keys {id}: scopes is 'all', which is no list"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(
    house: House, backend: str, capsys: Any, service: str, change: str, found: str
) -> None:
    if backend == "postgresql" and change != "api_keys SET scopes = '7'":
        pytest.skip("it keeps what fits alone")
    furnish(house)
    table = change.split()[0]
    known = house.one(service, f"SELECT max(id) FROM {table}")  # noqa: S608
    house.sql(service, f"UPDATE {change} WHERE id = :id", id=known)
    assert f"{service}: workspace {house.workspace}: {found.format(id=known)}" in lines_of(capsys)


def test_an_entry_that_cannot_be_read_is_named_and_the_rest_is_said_not_to_be_known(
    house: House, backend: str, capsys: Any
) -> None:
    furnish(house)
    changes = "{" if backend == "sqlite" else "[]"
    house.sql(
        "budgets",
        "INSERT INTO audit (workspace_id, subject_id, subject, action, at, key_id, request_id, changes)"
        " SELECT workspace_id, uuid, 'budget', 'updated', created_at, '-', '-', :changes FROM budgets",
        changes=changes,
    )
    last, us = house.one("budgets", "SELECT max(id) FROM audit"), f"budgets: workspace {house.workspace}"
    said, shown = lines_of(capsys), repr(changes) if backend == "sqlite" else changes
    assert said[0] == f"{us}: audit {last}: changes is {shown}, which is no object"
    assert said[1].startswith("budgets: its own rules: not looked at to the end, as a row cannot be read: ")


LETTER_CHANGES = [
    ("to", "thief@example.com"),
    ("text", "Pay to another account"),
    ("message_id", "<other@example.com>"),
    ("invoice_id", STRANGER),
]


@pytest.mark.parametrize(("name", "value"), LETTER_CHANGES)
def test_a_letter_that_was_changed_while_it_waits_is_found(house: House, capsys: Any, name: str, value: str) -> None:
    furnish(house)
    line = {"description": "Paint", "quantity": 1, "unit_price": 10.5}
    invoice = house.made("invoices", "invoices", client_email="b@example.com", items=[line])
    house.call("invoices", "POST", f"{FINANCE}/invoices/{invoice['id']}/send")
    told = house.call("invoices", "GET", f"{FINANCE}/invoices/{invoice['id']}/history")
    assert (told[-1]["action"], "letter" in told[-1]["changes"]) == ("sent", False)
    assert lines_of(capsys) == []
    key = house.one("invoices", "SELECT key FROM outbox")
    body = letter_of(house) | {name: value}
    house.sql("invoices", "UPDATE outbox SET body = :body", body=json.dumps(body))
    its = f"invoices: workspace {house.workspace}: message mail about {key}"
    assert lines_of(capsys) == [f"{its}: is not a letter that the history tells of"]
    forget(house, "invoices", "letter")
    known = [line for line in lines_of(capsys) if "the trigger" not in line]
    assert len(known) == (1 if name in ("message_id", "invoice_id") else 0)


def test_a_history_that_was_cut_short_is_found_with_a_head_that_was_kept(
    house: House, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(house)
    monkeypatch.setenv("HISTORY_KEY", HISTORY_KEY)
    file, ends = tmp_path / "head.json", {name: chain.head(db, house.workspace) for name, db in house.dbs.items()}
    signed = heads.signed(heads.Heads(house.workspace, now(), ends), HISTORY_KEY)
    file.write_text(json.dumps({"data": signed}))
    house.made("budgets", "budgets", name="C", total_amount=100)
    house.settle()
    assert verify(str(file)) == 0
    last = ends["expenses"].position
    postgres = house.dbs["expenses"].url.get_backend_name() == "postgresql"
    for table, where in (("audit_chain", f"position = {last}"), ("audit", "id = (SELECT max(id) FROM audit)")):
        house.sql("expenses", f"DROP TRIGGER {table}_no_delete{f' ON {table}' if postgres else ''}")
        house.sql("expenses", f"DELETE FROM {table} WHERE {where}")  # noqa: S608
    capsys.readouterr()
    code, said = verify(str(file)), capsys.readouterr().out.splitlines()
    us = f"workspace {house.workspace}"
    found = f"expenses: history: {us}: the chain ends at position {last - 1}, but a head of position {last} was kept"
    assert (code, found in said) == (1, True)


@pytest.mark.parametrize("kept", ["nothing", "not JSON", "another text", "another key"])
def test_a_head_that_this_installation_has_not_signed_proves_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    monkeypatch.setenv("HISTORY_KEY", HISTORY_KEY)
    file, key = tmp_path / "head.json", "x" * 43 if kept == "another key" else HISTORY_KEY
    signed = heads.signed(heads.Heads(house.workspace, now(), {}), key)
    if kept == "another text":
        signed["text"] += "expenses 1 " + "0" * 64 + "\n"
    if kept != "nothing":
        file.write_text("{" if kept == "not JSON" else json.dumps(signed))
    with pytest.raises(SystemExit, match=r"head\.json: no head of this installation's history: "):
        verify(str(file))


def lines_of(capsys: Any) -> list[str]:
    """What `verify` says is wrong."""
    capsys.readouterr()
    code, said = verify(), capsys.readouterr().out.splitlines()
    assert (code == 0) is said[-1].startswith("All is well"), said
    return said[:-1]


def forget(house: House, name: str, field: str) -> None:
    """Let the history of a service be as one from before it told of that: without the field, and chained so."""
    postgres = house.dbs[name].url.get_backend_name() == "postgresql"
    for table, verb in (("audit", "update"), ("audit_chain", "delete")):
        house.sql(name, f"DROP TRIGGER {table}_no_{verb}{f' ON {table}' if postgres else ''}")
    without = f"(changes::jsonb - '{field}')::json" if postgres else f"json_remove(changes, '$.{field}')"
    house.sql(name, f"UPDATE audit SET changes = {without}")  # noqa: S608
    house.sql(name, "DELETE FROM audit_chain")
    chain.seal(house.dbs[name], whole=True)


def letter_of(house: House) -> dict[str, Any]:
    """The body of the only letter that waits."""
    with house.dbs["invoices"].read() as session:
        body: dict[str, Any] = session.scalars(select(outbox.Outbox.body)).one()
    return body


def plant(house: House, name: str, topic: str, key: str, body: Any, **facts: Any) -> None:
    """Put a message into a service's outbox by SQL."""
    row = {"version": 1, "due_at": "2026-01-01 00:00:00+00:00", "leased_until": None} | facts
    told = {name: row[name] for name in ("version", "due_at", "leased_until")} | {"topic": topic, "key": key}
    house.sql(
        name,
        "INSERT INTO outbox (workspace_id, topic, key, version, body, armed, due_at, leased_until, attempts,"
        " request_id) VALUES (:ws, :topic, :key, :version, :body, false, :due_at, :leased_until, 0, '-')",
        **told,
        ws=house.workspace,
        body=json.dumps(body),
    )


def plant_money(house: House, there: Furnished) -> list[str]:
    """Change budgets and spends by SQL; what must be said of it."""
    budget, expense = there.budget["id"], there.expense["id"]
    us = f"workspace {house.workspace}"
    house.sql("budgets", "UPDATE budgets SET total_minor = 1000")
    house.sql("budgets", "UPDATE spends SET amount_minor = 1200, version = 9 WHERE budget_id IS NOT NULL")
    added = {"ws": house.workspace, "at": "2026-01-01 00:00:00+00:00", "it": STRANGER}
    house.sql(
        "budgets",
        "INSERT INTO spends (workspace_id, expense_id, version, budget_id, amount_minor, held_minor, currency,"
        " updated_at) VALUES (:ws, :it, 1, (SELECT max(id) FROM budgets), 7, 0, 'EUR', :at)",
        **added,
    )
    return [
        f"budgets: {us}: budget {budget}: total_minor is 1000, where the history says 10000",
        f"budgets: {us}: budget {budget}: live_minor is 1250, its spends make 1207",
        f"budgets: {us}: budget {budget}: 12.50 USD are spent of 10.00, though it is hard",
        f"budgets: {us}: spend of expense {STRANGER}: is in EUR, its budget in USD",
        f"{us}: expense {expense}: it is 12.50 USD of no date on the budget {budget},"
        f" and 12.00 USD of no date on the budget {budget} are booked for it",
        f"{us}: expense {STRANGER}: it is not there, and 0.07 EUR of no date on the budget {budget} are booked for it",
    ]


def plant_lines(house: House, there: Furnished) -> list[str]:
    """Change invoices and what is on them by SQL; what must be said of it."""
    us, paid = f"workspace {house.workspace}", there.invoice["id"]
    bill = house.one("invoices", "SELECT uuid FROM invoices WHERE id = :id", id=there.bill)
    billed = house.one("expenses", "SELECT uuid FROM expenses WHERE id = :id", id=there.billed)
    time, entry = (
        house.one("invoices", "SELECT id FROM time_entries"),
        house.one("invoices", "SELECT uuid FROM time_entries"),
    )
    item = house.one("invoices", "SELECT id FROM items")
    number = house.one("invoices", "SELECT number FROM invoices WHERE uuid = :uuid", uuid=paid)
    house.sql("invoices", "UPDATE items SET quantity = 3")
    house.sql("invoices", "UPDATE payments SET reference = 'mine'")
    house.sql("invoices", "UPDATE invoices SET notes = 'Pay another' WHERE uuid = :uuid", uuid=paid)
    year, last = number.split("-")[1:]
    house.sql("invoices", "UPDATE series SET last = last + 1")
    house.sql("invoices", "UPDATE invoices SET paid_minor = 2000, number = 'X-1' WHERE uuid = :uuid", uuid=paid)
    house.sql("invoices", "UPDATE invoices SET time_minor = 1, approval = 'approved' WHERE uuid = :uuid", uuid=bill)
    house.sql("invoices", "UPDATE time_entries SET minutes = 60")
    house.sql("invoices", "UPDATE project_expenses SET invoice_id = NULL, held = true, name = 'Other'")
    return [
        f"invoices: {us}: item {item}: amount_minor is 2100, its price makes another",
        f"invoices: {us}: invoice {paid}: it says that 20.00 were paid, its payments make 2100 minor units",
        f"invoices: {us}: invoice {paid}: it is paid, and 1.00 are due",
        f"invoices: {us}: invoice {paid}: its items are not those that the history tells of",
        f"invoices: {us}: invoice {paid}: its payments are not those that the history tells of",
        f"invoices: {us}: invoice {paid}: notes is 'Pay another', where the history says None",
        f"invoices: {us}: invoice {paid}: number is 'X-1', where the history says '{number}'",
        f"invoices: {us}: invoice {paid}: its number X-1 is of no series",
        f"invoices: {us}: series {year}: number {int(last) + 1} is missing",
        f"invoices: {us}: invoice {bill}: it says 1 for time and 500 for expenses,"
        " what is on it makes 10000 and 0 minor units",
        f"invoices: {us}: invoice {bill}: its approval is approved, and no manager approved it",
        f"invoices: {us}: time entry {time}: costs 10000, its rate makes 5000",
        f"invoices: {us}: time entry {entry}: minutes is 60, where the history says 120",
        f"{us}: expense {billed}: the expense service has it on the invoice {there.bill}, the invoice service on none",
        f"{us}: expense {billed}: the invoice service knows it other than it is: name E, not Other",
    ]


def plant_the_rest(house: House, there: Furnished) -> list[str]:
    """Change members, receipts, messages and the history by SQL or by hand; what must be said of it."""
    us, expense = f"workspace {house.workspace}", there.expense["id"]
    key = house.one("gateway", "SELECT id FROM api_keys")
    member = house.one("gateway", "SELECT max(id) FROM members")
    receipt = next((house.folder / "receipts").glob("*/*"))
    receipt.write_bytes(PDF + b"!")
    stray = receipt.with_name("stray")
    stray.write_bytes(PDF)
    os.utime(stray, (0, 0))
    house.sql("gateway", "UPDATE api_keys SET scopes = :scopes", scopes='["invoices:read", "all"]')
    house.sql("expenses", "UPDATE people SET version = 9")
    given = house.one("expenses", "SELECT last FROM last_ids")
    house.sql("expenses", "UPDATE last_ids SET last = last - 1")
    house.sql("gateway", "DELETE FROM last_ids")
    house.sql(
        "expenses",
        "INSERT INTO outbox (workspace_id, topic, key, version, body, armed, due_at, attempts,"
        " request_id) VALUES (:ws, 'spend', 'x', 1, '{}', false, '2026-01-01 00:00:00+00:00', 99, '-')",
        ws=house.workspace,
    )
    house.sql(
        "expenses",
        "INSERT INTO outbox (workspace_id, topic, key, version, body, armed, due_at, attempts, request_id, refused)"
        " VALUES (:ws, 'spend', 'y', 1, '{}', false, '2026-01-01 00:00:00+00:00', 5, '-', '422 No')",
        ws=house.workspace,
    )
    entry = {"ws": house.workspace, "at": "2026-01-01 00:00:00+00:00", "it": STRANGER}
    house.sql(
        "expenses",
        "INSERT INTO audit (workspace_id, subject_id, subject, action, at, key_id, request_id,"
        " changes) VALUES (:ws, :it, 'expense', 'created', :at, '-', '-', '{}')",
        **entry,
    )
    last = house.one("expenses", "SELECT max(id) FROM audit")
    return [
        f"gateway: {us}: key {key}: it has a scope that there is not: all",
        f"{us}: member {member}: the expenses service knows version 9, the gateway 1",
        f"expenses: {us}: ids of expenses: the last given is {given - 1}, and there is {given}",
        f"gateway: {us}: ids of members: the last given is 0, and there is {member}",
        f"expenses: {us}: message spend about x: has been tried 99 times",
        f"expenses: {us}: message spend about y: has been tried 5 times, as its receiver says: 422 No",
        f"{us}: receipt {receipt.parent.name}/stray: is kept, and no expense names it",
        f"{us}: expense {expense}: its receipt {receipt.parent.name}/{receipt.name} is another file than was uploaded",
        f"expenses: {us}: expense {STRANGER}: is gone, and the history does not tell of that",
        f"expenses: history: {us}: entry {last} of 2026-01-01 00:00:00 UTC is in no chain",
    ]
