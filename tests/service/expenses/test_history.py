"""The history: every change leaves one entry that says who, under which request, and from what to what."""

import re
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select

from shared.audit import Audit
from shared.db import Database, now
from tests.client import WORKSPACE, Client

from .conftest import BUDGETS, EXPENSES, Both
from .standin import FIRST


def history(client: Client) -> list[tuple[str, str, dict[str, Any]]]:
    db: Database = client.app.extensions["service"].db
    with db.read() as session:
        return [
            (entry.subject, entry.action, entry.changes) for entry in session.scalars(select(Audit).order_by(Audit.id))
        ]


def test_each_change_of_a_budget_is_told_from_what_to_what(both: Both) -> None:
    budget = both.budget(100, name="a", end_date="2024-04-01")
    both.budgets.put(f"{BUDGETS}/{budget}", json={"name": "b", "total_amount": 100, "spent_amount": 5})
    both.budgets.put(f"{BUDGETS}/{budget}", json={"total_amount": 1})
    both.budgets.delete(f"{BUDGETS}/{budget}")
    created, updated, deleted = history(both.budgets)
    assert created[:2] == ("budget", "created")
    assert (
        created[2].items()
        >= {"name": [None, "a"], "total_minor": [None, 10000], "end_on": [None, "2024-04-01"]}.items()
    )
    changes = {"name": ["a", "b"], "opening_minor": [0, 500], "currency": ["USD", "USD"]}
    assert updated == ("budget", "updated", changes)
    assert deleted[:2] == ("budget", "deleted")


def test_each_change_of_an_expense_is_told_from_what_to_what(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=10, budget_id=budget)["id"]
    both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 20, "description": "d"})
    both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 2000})
    both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 5})
    both.budgets.delete(f"{BUDGETS}/{budget}")
    both.settle()
    both.expenses.delete(f"{EXPENSES}/{expense}")
    told = history(both.expenses)
    assert [action for _, action, _ in told] == ["created", "updated", "updated", "unlinked", "deleted"]
    assert told[0][2].items() >= {"amount_minor": [None, 1000], "budget_id": [None, budget]}.items()
    assert told[1][2].items() >= {"amount_minor": [1000, 2000], "description": [None, "d"]}.items()
    assert told[2][2].items() >= {"amount_minor": [2000, 500]}.items()
    assert told[3][2].items() >= {"budget_id": [budget, None]}.items()


def test_an_entry_says_who_and_under_which_request(both: Both) -> None:
    both.expenses.post(EXPENSES, json={}, headers={"X-Request-Id": "r-1"})
    with both.db.read() as session:
        (entry,) = session.scalars(select(Audit))
    assert (entry.workspace_id, entry.member_id, entry.key_id, entry.request_id) == (WORKSPACE, 7, "key-1", "r-1")
    assert entry.subject_id == both.all_expenses()[0]["id"]


def test_a_replay_and_a_refusal_leave_no_entry(both: Both) -> None:
    budget = both.budget(1)
    for _ in range(2):
        both.expenses.post(EXPENSES, json={}, headers={"Idempotency-Key": "k"})
        both.expenses.post(EXPENSES, json={"amount": 2, "budget_id": budget})
        both.expenses.post(EXPENSES, json={"amount": "x"})
    assert [action for _, action, _ in history(both.expenses)] == ["created"]


# Reading


def read(client: Client, path: str) -> list[dict[str, Any]]:
    """What a client reads in the history of one thing."""
    answer = client.get(f"{path}/history")
    assert answer.status_code == 200, answer.data
    data: list[dict[str, Any]] = answer.json["data"]
    return data


def test_the_history_of_a_budget_is_read_in_the_words_of_the_api(both: Both) -> None:
    budget = both.budget(100, name="a", end_date="2024-04-01", currency="JPY")
    path = f"{BUDGETS}/{budget}"
    both.budgets.put(path, json={"spent_amount": 5, "total_amount": None})
    created, updated = read(both.budgets, path)
    assert created["changes"] == {
        "name": [None, "a"],
        "end_date": [None, "2024-04-01"],
        "currency": [None, "JPY"],
        "total_amount": [None, 100],
        "opening_amount": [None, 0],
        "status": [None, "active"],
        "enforcement": [None, "hard"],
        "enforce_period": [None, False],
    }
    assert updated["changes"] == {"total_amount": [100, None], "opening_amount": [0, 5]}
    assert b'"opening_amount":[0,5]' in both.budgets.get(f"{path}/history").data
    assert {name: updated[name] for name in ("service", "subject", "subject_id", "action", "member_id", "key_id")} == {
        "service": "budgets",
        "subject": "budget",
        "subject_id": budget,
        "action": "updated",
        "member_id": 7,
        "key_id": "key-1",
    }


def test_the_history_of_an_expense_is_read_in_the_words_of_the_api(both: Both) -> None:
    path = f"{EXPENSES}/{both.expense(amount=10, date='2024-01-15')['id']}"
    both.expenses.put(path, json={"amount": 9.5})
    both.expenses.put(path, json={"amount": 1.234, "currency": "BHD"})
    created, lowered, moved = read(both.expenses, path)
    assert created["changes"] == {
        "amount": [None, 10.0],
        "currency": [None, "USD"],
        "date": [None, "2024-01-15"],
    }
    assert lowered["changes"] == {"amount": [10.0, 9.5]}
    assert moved["changes"] == {"amount": [9.5, Decimal("1.234")], "currency": ["USD", "BHD"]}
    assert b'"amount":[10.00,9.50]' in both.expenses.get(f"{path}/history").data


def test_an_entry_from_before_amounts_had_their_currency_beside_them_is_read_in_the_one_of_then(both: Both) -> None:
    expense = both.expense(amount=10, currency="BHD")["id"]
    with both.db.write() as session:
        session.execute(
            insert(Audit),
            [_old(expense, {"amount_minor": [10000, 1500]}), _old(expense, {"currency": ["BHD", "JPY"]})],
        )
        session.execute(insert(Audit), [_old(expense, {"amount_minor": [2, 3]})])
    assert [entry["changes"].get("amount") for entry in read(both.expenses, f"{EXPENSES}/{expense}")] == [
        [None, 10.0],
        [10.0, 1.5],
        None,
        [2, 3],
    ]


def _old(expense: str, changes: dict[str, Any]) -> dict[str, Any]:
    who = {"member_id": 7, "key_id": "key-1", "request_id": "r"}
    what = {"workspace_id": WORKSPACE, "subject_id": expense, "subject": "expense", "action": "updated", "at": now()}
    return {**who, **what, "changes": changes}


def test_a_history_is_paged_either_way_and_outlives_its_thing(both: Both) -> None:
    expense = both.expense(amount=1)["id"]
    path = f"{EXPENSES}/{expense}"
    for amount in (2, 3):
        both.expenses.put(path, json={"amount": amount})
    assert both.expenses.delete(path).status_code == 204
    there = [entry["id"] for entry in read(both.expenses, path)]
    assert len(there) == 4
    back = both.expenses.get(f"{path}/history?sort=-at&limit=3").json
    assert [entry["id"] for entry in back["data"]] == there[:0:-1]
    rest = both.expenses.get(f"{path}/history?sort=-at&limit=3&cursor={back['next_cursor']}").json
    assert [entry["id"] for entry in rest["data"]] == there[:1]
    assert rest["has_more"] is False


def test_the_history_of_nothing_and_of_another_workspaces_thing_is_not_found(both: Both) -> None:
    budget, expense = both.budget(1), both.expense(amount=1)["id"]
    for client, path in ((both.budgets, f"{BUDGETS}/{budget}"), (both.expenses, f"{EXPENSES}/{expense}")):
        stranger = client.seen_by(workspace_id="22222222-2222-4222-8222-222222222222")
        assert stranger.get(f"{path}/history").status_code == 404
        assert client.get(f"{path[:-12]}{'0' * 12}/history").status_code == 404
        assert client.get(f"{path}/history?q=x").status_code == 400


def test_a_change_that_changes_nothing_leaves_no_entry(both: Both) -> None:
    budget = both.budget(100, name="a")
    path = f"{BUDGETS}/{budget}"
    before = both.budgets.get(path)
    same = both.budgets.put(path, json={"name": "a", "total_amount": 100})
    assert (same.status_code, same.json, same.headers["ETag"]) == (200, before.json, before.headers["ETag"])
    assert [entry["action"] for entry in read(both.budgets, path)] == ["created"]


# Every write

BUDGET, EXPENSE, NUMBERED = (
    f"{BUDGETS}/<uuid:budget_id>",
    f"{EXPENSES}/<uuid:expense_id>",
    "/expenses/<id:expense_id>.json",
)
OF_PROJECT = {"expense": {"cost": 5, "project-id": FIRST}}
WRITES: dict[tuple[str, str], tuple[dict[str, Any], str]] = {
    ("POST", BUDGETS): ({"name": "new"}, "created"),
    ("PUT", BUDGET): ({"name": "changed"}, "updated"),
    ("DELETE", BUDGET): ({}, "deleted"),
    ("POST", EXPENSES): ({"amount": 3}, "created"),
    ("PUT", EXPENSE): ({"amount": 3}, "updated"),
    ("DELETE", EXPENSE): ({}, "deleted"),
    ("POST", "/expenses.json"): (OF_PROJECT, "created"),
    ("POST", "/projects/<id:project_id>/expenses.json"): (OF_PROJECT, "created"),
    ("PUT", NUMBERED): ({"expense": {"cost": 7}}, "updated"),
    ("DELETE", NUMBERED): ({}, "deleted"),
}
"""What each write of the two services takes, and what it tells."""


def writes(client: Client) -> set[tuple[str, str]]:
    """What clients can change in a service."""
    return {
        (method, rule.rule)
        for rule in client.app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}
        if not rule.rule.startswith("/internal/")
    }


def test_every_write_is_looked_at_here(both: Both) -> None:
    assert writes(both.budgets) | writes(both.expenses) == WRITES.keys()


@pytest.mark.parametrize("write", WRITES, ids=" ".join)
def test_every_write_has_one_entry_and_neither_a_refusal_nor_a_repeat_has_any(
    both: Both, write: tuple[str, str]
) -> None:
    client = both.budgets if write[1].startswith(BUDGETS) else both.expenses
    names = {"budget_id": both.budget(100), "project_id": str(FIRST)}
    number = both.project_expense()
    names["expense_id"] = str(number) if write[1].startswith("/expenses/") else both.uuid(number)
    path = re.sub(r"<\w+:(\w+)>", lambda place: names[place[1]], write[1])
    body, action = WRITES[write]
    before = history(client)
    key = {"Idempotency-Key": "one"}
    asked: dict[str, Any] = {"json": body} if body else {}
    assert client.seen_by(scopes=()).open(write[0], path, **asked).status_code == 403
    if "<" in write[1] and write[0] != "POST":
        assert client.open(write[0], path, headers={"If-Match": '"0"'}, **asked).status_code == 412
    assert history(client) == before
    answer = client.open(write[0], path, headers=key, **asked)
    assert answer.status_code in (200, 201, 204), answer.data
    assert history(client)[:-1] == before
    assert history(client)[-1][:2] == ("budget" if client is both.budgets else "expense", action)
    after = history(client)
    assert client.open(write[0], path, headers=key, **asked).headers["Idempotency-Replayed"] == "true"
    assert history(client) == after
