"""Budgets through their routes: what can be written, what is refused, and what adds up."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.client import Client

BUDGETS = "/v1/dev/finance/budgets"
STRANGER = "99999999-2222-4333-8444-555555555555"
INVALID = "Invalid request parameters"


def make(budgets: Client, **facts: Any) -> dict[str, Any]:
    answer = budgets.post(BUDGETS, json=facts)
    assert answer.status_code == 201, answer.data
    data: dict[str, Any] = answer.json["data"]
    return data


def read(budgets: Client, budget_id: str) -> dict[str, Any]:
    data: dict[str, Any] = budgets.get(f"{BUDGETS}/{budget_id}").json["data"]
    return data


def spend(budgets: Client, budget_id: str | None, amount: Any, expense_id: str | None = None, version: int = 1) -> int:
    body = {"version": version, "budget_id": budget_id, "amount": amount, "currency": "USD", "date": None}
    path = f"/internal/spends/{expense_id or uuid4()}"
    return budgets.inside("expenses").put(path, json=body | {"enforce": True}).status_code


# What can be written


def test_a_budget_reads_back_as_it_was_written(budgets: Client) -> None:
    answer = budgets.post(
        BUDGETS, json={"name": "Q1 2024", "start_date": "2024-01-01", "end_date": "2024-03-31", "total_amount": 10000.5}
    )
    data = answer.json["data"]
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{BUDGETS}/{data['id']}"
    assert data == {
        "id": data["id"],
        "name": "Q1 2024",
        "start_date": "2024-01-01",
        "end_date": "2024-03-31",
        "total_amount": Decimal("10000.50"),
        "spent_amount": Decimal("0.00"),
        "remaining_amount": Decimal("10000.50"),
        "status": "active",
        "currency": "USD",
        "enforcement": "hard",
        "enforce_period": False,
        "created_at": data["created_at"],
        "updated_at": data["updated_at"],
    }
    assert datetime.fromisoformat(data["created_at"]).tzinfo == UTC
    again = budgets.get(f"{BUDGETS}/{data['id'].upper()}")
    assert again.json["data"] == data
    assert b'"total_amount":10000.50,"spent_amount":0.00,"remaining_amount":10000.50' in again.data
    assert again.headers["ETag"] == answer.headers["ETag"] == '"1"'


def test_everything_is_optional_and_without_a_total_there_is_no_cap(budgets: Client) -> None:
    data = make(budgets)
    assert {name: data[name] for name in ("name", "start_date", "end_date", "total_amount", "remaining_amount")} == {
        "name": None,
        "start_date": None,
        "end_date": None,
        "total_amount": None,
        "remaining_amount": None,
    }
    assert spend(budgets, data["id"], 99999999.99) == 200
    assert read(budgets, data["id"])["spent_amount"] == Decimal("99999999.99")


def test_the_currency_is_the_workspaces_unless_given_and_cannot_change(budgets: Client) -> None:
    assert make(budgets.seen_by(currency="EUR"))["currency"] == "EUR"
    yen = make(budgets, currency="JPY", total_amount=5)
    answer = budgets.put(f"{BUDGETS}/{yen['id']}", json={"currency": "USD", "name": "changed"})
    assert (answer.status_code, answer.json) == (422, {"message": "A budget keeps its currency"})
    assert read(budgets, yen["id"]) == yen
    assert budgets.put(f"{BUDGETS}/{yen['id']}", json={"currency": "JPY"}).status_code == 200
    assert b'"total_amount":5,' in budgets.get(f"{BUDGETS}/{yen['id']}").data


def test_an_update_changes_what_it_names_and_nothing_else(budgets: Client) -> None:
    before = make(budgets, name="a", total_amount=100, start_date="2024-01-01")
    answer = budgets.put(f"{BUDGETS}/{before['id']}", json={"name": "b", "start_date": None})
    after = answer.json["data"]
    assert answer.headers["ETag"] == '"2"'
    assert after == before | {"name": "b", "start_date": None, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]


def test_an_update_that_names_nothing_changes_nothing(budgets: Client) -> None:
    before = make(budgets, name="a")
    answer = budgets.put(f"{BUDGETS}/{before['id']}", json={})
    assert (answer.status_code, answer.json["data"], answer.headers["ETag"]) == (200, before, '"1"')


def test_a_deleted_budget_is_gone(budgets: Client) -> None:
    path = f"{BUDGETS}/{make(budgets)['id']}"
    gone = budgets.delete(path)
    assert (gone.status_code, gone.data) == (204, b"")
    for answer in (budgets.get(path), budgets.put(path, json={}), budgets.delete(path), budgets.get(f"{path}/spends")):
        assert (answer.status_code, answer.json) == (404, {"message": "Resource not found"})


@pytest.mark.parametrize("total", [0, 0.01, 99999999.99])
def test_the_documented_span_of_an_amount_is_taken(budgets: Client, total: float) -> None:
    assert make(budgets, total_amount=total)["total_amount"] == Decimal(str(total))


WRONG: list[tuple[str, Any]] = [
    ("name", 1),
    ("name", "a" * 256),
    ("name", "a\x00"),
    ("name", "a\x7f"),
    ("start_date", "20240401"),
    ("start_date", "2024-02-30"),
    ("end_date", "2024-4-1"),
    ("end_date", "2024-W01-1"),
    ("end_date", True),
    ("total_amount", -0.01),
    ("total_amount", 100000000),
    ("total_amount", 0.001),
    ("total_amount", True),
    ("total_amount", "100"),
    ("spent_amount", -0.01),
    ("spent_amount", 100000000),
    ("spent_amount", 0.001),
    ("spent_amount", None),
    ("status", "open"),
    ("status", None),
    ("status", 1),
    ("currency", "usd"),
    ("currency", "XAU"),
    ("currency", None),
    ("enforcement", "none"),
    ("enforce_period", "true"),
    ("enforce_period", 1),
    ("enforce_period", None),
    ("id", STRANGER),
    ("remaining_amount", 1),
    ("created_at", "2024-04-01T00:00:00Z"),
    ("totalamount", 1),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_field_is_named_and_nothing_changes(budgets: Client, name: str, value: Any) -> None:
    kept = make(budgets, name="kept")
    for answer in (
        budgets.post(BUDGETS, json={name: value}),
        budgets.put(f"{BUDGETS}/{kept['id']}", json={"total_amount": 5, name: value}),
    ):
        assert (answer.status_code, answer.json["message"], list(answer.json["errors"])) == (400, INVALID, [name])
    assert budgets.get(BUDGETS).json["data"] == [kept]


def test_every_wrong_field_is_named_at_once(budgets: Client) -> None:
    answer = budgets.post(BUDGETS, json={"name": 1, "total_amount": "x", "colour": "red", "start_date": "x"})
    assert answer.json["errors"].keys() == {"name", "total_amount", "colour", "start_date"}


@pytest.mark.parametrize("currency", ["JPY", "BHD"])
def test_more_decimals_than_the_currency_has_are_refused(budgets: Client, currency: str) -> None:
    amounts = {"JPY": 1.5, "BHD": 1.2345}
    answer = budgets.post(BUDGETS, json={"currency": currency, "total_amount": amounts[currency]})
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["total_amount"])
    assert budgets.get(BUDGETS).json["data"] == []


# Periods


@pytest.mark.parametrize(("start", "end"), [("2024-04-01", "2024-04-01"), ("2024-04-01", "2024-03-31")])
def test_a_period_ends_after_it_begins(budgets: Client, start: str, end: str) -> None:
    wrong = {"message": INVALID, "errors": {"end_date": ["Must be after start_date."]}}
    answer = budgets.post(BUDGETS, json={"start_date": start, "end_date": end})
    assert (answer.status_code, answer.json) == (400, wrong)
    started = make(budgets, start_date=start, end_date="2025-01-01")
    ended = make(budgets, start_date="2020-01-01", end_date=end)
    for budget, change in ((started, {"end_date": end}), (ended, {"start_date": start})):
        answer = budgets.put(f"{BUDGETS}/{budget['id']}", json=change)
        assert (answer.status_code, answer.json) == (400, wrong)
        assert read(budgets, budget["id"]) == budget


def test_one_end_of_a_period_may_be_open(budgets: Client) -> None:
    budget = make(budgets, start_date="2024-04-01")
    assert budgets.put(f"{BUDGETS}/{budget['id']}", json={"end_date": "2024-04-02"}).status_code == 200
    assert budgets.put(f"{BUDGETS}/{budget['id']}", json={"start_date": None}).status_code == 200
    assert budgets.put(f"{BUDGETS}/{budget['id']}", json={"end_date": "2020-01-01"}).status_code == 200


@pytest.mark.parametrize(
    ("date", "status"),
    [("2024-03-31", 422), ("2024-04-01", 200), ("2024-04-30", 200), ("2024-05-01", 422), (None, 422)],
)
def test_an_enforced_period_takes_only_what_is_dated_in_it(budgets: Client, date: str | None, status: int) -> None:
    facts = {"start_date": "2024-04-01", "end_date": "2024-04-30"}
    body = {"version": 1, "amount": 1, "currency": "USD", "date": date, "enforce": True}
    for enforced, wanted in ((True, status), (False, 200)):
        budget = make(budgets, **facts, enforce_period=enforced)["id"]
        answer = budgets.inside("expenses").put(f"/internal/spends/{uuid4()}", json=body | {"budget_id": budget})
        assert answer.status_code == wanted
        assert read(budgets, budget)["spent_amount"] == (1 if wanted == 200 else 0)


# What adds up


def test_spent_is_the_opening_figure_and_the_live_expenses(budgets: Client) -> None:
    budget = make(budgets, total_amount=100, spent_amount=10)["id"]
    assert spend(budgets, budget, 25.5) == 200
    data = read(budgets, budget)
    assert (data["spent_amount"], data["remaining_amount"]) == (Decimal("35.50"), Decimal("64.50"))
    assert budgets.get(f"{BUDGETS}/{budget}").headers["ETag"] == '"2"'


def test_writing_what_is_spent_moves_the_opening_figure(budgets: Client) -> None:
    budget, expense = make(budgets, total_amount=100)["id"], str(uuid4())
    assert spend(budgets, budget, 30, expense) == 200
    for written in (50, 30, 10, 0):
        assert (
            budgets.put(f"{BUDGETS}/{budget}", json={"spent_amount": written}).json["data"]["spent_amount"] == written
        )
    assert spend(budgets, None, 30, expense, version=2) == 200
    assert read(budgets, budget)["spent_amount"] == -30


@pytest.mark.parametrize(
    "change",
    [
        {"total_amount": 59.99},
        {"total_amount": 0},
        {"spent_amount": 100.01},
        {"total_amount": 70, "spent_amount": 70.01},
        {"name": "changed", "total_amount": 1},
    ],
)
def test_a_write_that_would_overspend_a_hard_budget_changes_nothing(budgets: Client, change: dict[str, Any]) -> None:
    budget = make(budgets, total_amount=100, spent_amount=10)["id"]
    assert spend(budgets, budget, 50) == 200
    before = budgets.get(f"{BUDGETS}/{budget}")
    answer = budgets.put(f"{BUDGETS}/{budget}", json=change)
    assert (answer.status_code, answer.json) == (422, {"message": "Insufficient funds"})
    assert budgets.get(f"{BUDGETS}/{budget}").data == before.data


def test_a_hard_budget_that_begins_overspent_is_refused(budgets: Client) -> None:
    answer = budgets.post(BUDGETS, json={"total_amount": 1, "spent_amount": 1.01})
    assert (answer.status_code, answer.json) == (422, {"message": "Insufficient funds"})
    assert budgets.get(BUDGETS).json["data"] == []
    assert make(budgets, total_amount=1, spent_amount=1)["remaining_amount"] == 0


def test_a_soft_budget_may_be_overspent_and_shows_it(budgets: Client) -> None:
    budget = make(budgets, total_amount=1, spent_amount=2, enforcement="soft")
    assert budget["remaining_amount"] == Decimal("-1.00")
    assert spend(budgets, budget["id"], 0.05) == 200
    assert b'"remaining_amount":-1.05' in budgets.get(f"{BUDGETS}/{budget['id']}").data
    answer = budgets.put(f"{BUDGETS}/{budget['id']}", json={"enforcement": "hard"})
    assert (answer.status_code, answer.json) == (422, {"message": "Insufficient funds"})
    assert read(budgets, budget["id"])["enforcement"] == "soft"


def test_a_cap_can_be_taken_away_and_set_again(budgets: Client) -> None:
    budget = make(budgets, total_amount=10)["id"]
    assert spend(budgets, budget, 10.01) == 422
    assert budgets.put(f"{BUDGETS}/{budget}", json={"total_amount": None}).json["data"]["remaining_amount"] is None
    assert spend(budgets, budget, 10.01) == 200
    assert budgets.put(f"{BUDGETS}/{budget}", json={"total_amount": 10}).status_code == 422
    assert budgets.put(f"{BUDGETS}/{budget}", json={"total_amount": 10.01}).json["data"]["remaining_amount"] == 0


# Lists


@pytest.fixture
def listed(budgets: Client) -> Client:
    """Three budgets: a year, the autumn of it, and one for ever."""
    make(budgets, name="Year 100%", start_date="2024-01-01", end_date="2024-12-31", total_amount=100, spent_amount=1)
    make(budgets, name="\u00c9t\u00e9", start_date="2024-09-01", end_date="2024-11-30", total_amount=50, spent_amount=9)
    make(budgets, name="ever", status="completed", currency="EUR", enforcement="soft", spent_amount=5)
    return budgets


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["ever", "\u00c9t\u00e9", "Year 100%"]),
        ("sort=created_at", ["Year 100%", "\u00c9t\u00e9", "ever"]),
        ("sort=total_amount", ["\u00c9t\u00e9", "Year 100%", "ever"]),
        ("sort=-spent_amount", ["\u00c9t\u00e9", "ever", "Year 100%"]),
        ("sort=updated_at", ["Year 100%", "\u00c9t\u00e9", "ever"]),
        ("status=completed", ["ever"]),
        ("enforcement=soft", ["ever"]),
        ("currency=EUR", ["ever"]),
        ("from=2024-12-01", ["ever", "Year 100%"]),
        ("to=2024-08-31", ["ever", "Year 100%"]),
        ("from=2024-11-30&to=2024-11-30", ["ever", "\u00c9t\u00e9", "Year 100%"]),
        ("q=YEAR", ["Year 100%"]),
        ("q=\u00e9T\u00c9", ["\u00c9t\u00e9"]),
        ("q=%25", ["Year 100%"]),
        ("q=_", []),
    ],
)
def test_a_list_is_narrowed_and_sorted(listed: Client, query: str, found: list[str]) -> None:
    answer = listed.get(f"{BUDGETS}?{query}")
    assert [row["name"] for row in answer.json["data"]] == found
    assert answer.json.keys() == {"data", "has_more", "next_cursor"}
    assert (answer.json["has_more"], answer.json["next_cursor"], "Link" in answer.headers) == (False, None, False)


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-total_amount", "spent_amount"])
def test_a_list_is_walked_by_its_links(listed: Client, sort: str) -> None:
    path, seen = f"{BUDGETS}?limit=1&sort={sort}", []
    while path:
        answer = listed.get(path)
        seen += [row["name"] for row in answer.json["data"]]
        link = answer.headers.get("Link", "")
        assert answer.json["has_more"] is bool(link)
        path = link.partition("<")[2].partition(">")[0]
    assert seen == [row["name"] for row in listed.get(f"{BUDGETS}?sort={sort}").json["data"]]
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("sort=id", "sort"),
        ("sort=", "sort"),
        ("cursor=x", "cursor"),
        ("colour=red", "colour"),
        ("status=open", "status"),
        ("from=20240401", "from"),
        ("to=2024-02-30", "to"),
        ("currency=usd", "currency"),
        ("q=%00", "q"),
    ],
)
def test_an_unknown_or_wrong_parameter_is_refused_by_name(budgets: Client, query: str, name: str) -> None:
    answer = budgets.get(f"{BUDGETS}?{query}")
    assert (answer.status_code, answer.json["message"], list(answer.json["errors"])) == (400, INVALID, [name])


# Versions


def test_a_change_can_insist_on_a_version(budgets: Client) -> None:
    path = f"{BUDGETS}/{make(budgets)['id']}"
    before = budgets.get(path).data
    for tag in ('"2"', 'W/"1"', '"0", "2"', ""):
        for answer in (
            budgets.put(path, json={"name": "b"}, headers={"If-Match": tag}),
            budgets.delete(path, headers={"If-Match": tag}),
        ):
            assert (answer.status_code, answer.json) == (412, {"message": "If-Match does not name the current version"})
    assert budgets.get(path).data == before
    for tag, name in (('"1"', "b"), ("*", "c"), ('"9", "3"', "d")):
        assert budgets.put(path, json={"name": name}, headers={"If-Match": tag}).json["data"]["name"] == name
    assert budgets.delete(path, headers={"If-Match": '"4"'}).status_code == 204


def test_of_many_who_insist_on_one_version_one_wins(budgets: Client) -> None:
    path = f"{BUDGETS}/{make(budgets)['id']}"
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(
                lambda n: budgets.put(path, json={"name": str(n)}, headers={"If-Match": '"1"'}).status_code, range(6)
            )
        )
    assert sorted(answers) == [200, 412, 412, 412, 412, 412]


def test_parallel_changes_of_different_fields_lose_nothing(budgets: Client) -> None:
    path = f"{BUDGETS}/{make(budgets)['id']}"
    changes = [{"name": "n"}, {"total_amount": 5}, {"end_date": "2024-01-01"}, {"status": "completed"}]
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda change: budgets.put(path, json=change).status_code, changes)) == {200}
    after = budgets.get(path).json["data"]
    assert {name: after[name] for change in changes for name in change} == {k: v for c in changes for k, v in c.items()}


# Keys


def test_each_keyed_write_is_done_once_and_answered_the_same(budgets: Client) -> None:
    path = f"{BUDGETS}/{make(budgets)['id']}"
    for method, where, body, status in (
        ("POST", BUDGETS, {"name": "b"}, 201),
        ("PUT", path, {"name": "c"}, 200),
        ("DELETE", path, None, 204),
    ):
        key = {"Idempotency-Key": f"{method}!~"}
        first, again = (budgets.open(method, where, json=body, headers=key) for _ in range(2))
        assert (first.status_code, "Idempotency-Replayed" in first.headers) == (status, False)
        assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (status, first.data, "true")
        for name in ("ETag", "Location", "Content-Type"):
            assert again.headers.get(name) == first.headers.get(name)
    assert [row["name"] for row in budgets.get(BUDGETS).json["data"]] == ["b"]


def test_another_request_under_the_same_key_is_refused(budgets: Client) -> None:
    budget, key = make(budgets), {"Idempotency-Key": "k"}
    path = f"{BUDGETS}/{budget['id']}"
    assert budgets.put(path, json={"name": "b"}, headers=key).status_code == 200
    for answer in (
        budgets.put(path, json={"name": "c"}, headers=key),
        budgets.put(f"{path}?x=1", json={"name": "b"}, headers=key),
        budgets.put(f"{BUDGETS}/{uuid4()}", json={"name": "b"}, headers=key),
        budgets.post(BUDGETS, json={"name": "b"}, headers=key),
        budgets.delete(path, headers=key),
    ):
        assert answer.status_code == 422
        assert answer.json == {"message": "This Idempotency-Key was used for another request"}
    assert [row["name"] for row in budgets.get(BUDGETS).json["data"]] == ["b"]


@pytest.mark.parametrize("key", ["", "a b", "\u00e9", "a" * 256, "a\tb"])
def test_a_key_of_another_shape_is_refused(budgets: Client, key: str) -> None:
    answer = budgets.post(BUDGETS, json={}, headers={"Idempotency-Key": key})
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["Idempotency-Key"])
    assert budgets.get(BUDGETS).json["data"] == []


def test_the_longest_key_is_taken(budgets: Client) -> None:
    key = {"Idempotency-Key": "~" * 255}
    assert budgets.post(BUDGETS, json={}, headers=key).data == budgets.post(BUDGETS, json={}, headers=key).data


def test_a_refusal_is_kept_and_a_mistake_is_not(budgets: Client) -> None:
    budget = make(budgets, total_amount=1, spent_amount=1)
    path, funds, missing = f"{BUDGETS}/{budget['id']}", {"Idempotency-Key": "f"}, {"Idempotency-Key": "m"}
    assert budgets.put(path, json={"spent_amount": 2}, headers=funds).status_code == 422
    assert budgets.put(path, json={"total_amount": 10}).status_code == 200
    again = budgets.put(path, json={"spent_amount": 2}, headers=funds)
    assert (again.status_code, again.json) == (422, {"message": "Insufficient funds"})
    assert again.headers["Idempotency-Replayed"] == "true"
    for replayed in (None, "true"):
        answer = budgets.delete(f"{BUDGETS}/{STRANGER}", headers=missing)
        assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (404, replayed)
    mistake = {"Idempotency-Key": "x"}
    assert budgets.put(path, json={"name": 1}, headers=mistake).status_code == 400
    assert budgets.put(path, json={"name": "b"}, headers=mistake | {"If-Match": '"99"'}).status_code == 412
    assert budgets.put(path, json={"name": "b"}, headers=mistake).status_code == 200


def test_keys_belong_to_a_workspace(budgets: Client) -> None:
    key = {"Idempotency-Key": "k"}
    first = budgets.post(BUDGETS, json={}, headers=key)
    other = budgets.seen_by(workspace_id=str(uuid4())).post(BUDGETS, json={"name": "other"}, headers=key)
    assert (other.status_code, "Idempotency-Replayed" in other.headers) == (201, False)
    assert other.json["data"]["id"] != first.json["data"]["id"]


def test_of_parallel_twins_one_is_done(budgets: Client) -> None:
    together = threading.Barrier(6)

    def twin(_: int) -> bytes:
        together.wait()
        return budgets.post(BUDGETS, json={}, headers={"Idempotency-Key": "k"}).data

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(twin, range(6)))) == 1
    assert len(budgets.get(BUDGETS).json["data"]) == 1


# Whose they are


def test_another_workspace_sees_changes_and_deletes_nothing(budgets: Client) -> None:
    mine = make(budgets, name="mine", total_amount=10)
    path = f"{BUDGETS}/{mine['id']}"
    stranger = budgets.seen_by(workspace_id=str(uuid4()))
    assert stranger.get(BUDGETS).json["data"] == []
    for answer in (
        stranger.get(path),
        stranger.put(path, json={"name": "theirs"}),
        stranger.delete(path),
        stranger.get(f"{path}/spends"),
    ):
        assert (answer.status_code, answer.json) == (404, {"message": "Resource not found"})
    assert spend(stranger, mine["id"], 1) == 404
    assert read(budgets, mine["id"]) == mine


@pytest.mark.parametrize(
    ("scopes", "method", "status"),
    [
        (("budgets:read",), "GET", 200),
        (("budgets:read",), "POST", 403),
        (("budgets:write",), "GET", 403),
        (("budgets:write",), "POST", 201),
        (("expenses:write", "invoices:read"), "GET", 403),
        (("admin",), "POST", 201),
        ((), "GET", 403),
    ],
)
def test_a_key_needs_the_scope(budgets: Client, scopes: tuple[str, ...], method: str, status: int) -> None:
    answer = budgets.seen_by(scopes=scopes).open(method, BUDGETS, json={} if method == "POST" else None)
    assert answer.status_code == status


def test_a_key_without_the_scope_is_refused_before_its_body_is_read(budgets: Client) -> None:
    reader, path = budgets.seen_by(scopes=("budgets:read",)), f"{BUDGETS}/{uuid4()}"
    for method, where in (("POST", BUDGETS), ("PUT", path), ("DELETE", path)):
        answer = reader.open(method, where, data=b"{", content_type="text/plain", headers={"Idempotency-Key": "a b"})
        assert (answer.status_code, answer.json) == (403, {"message": "This API key lacks the scope budgets:write"})


def test_a_stranger_is_refused_everywhere_whatever_the_body(budgets: Client) -> None:
    for path in (BUDGETS, f"{BUDGETS}/{uuid4()}", f"{BUDGETS}/{uuid4()}/spends", "/internal/spends/x", "/nowhere"):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = budgets.app.test_client().open(path, method=method, data=b"{" * 2_000_000)
            assert (answer.status_code, answer.json) == (401, {"message": "Invalid or missing API key"})
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="countinghouse"'


def test_what_services_say_is_not_for_keys(budgets: Client) -> None:
    for scopes in (("admin",), ("budgets:write",)):
        client = budgets.seen_by(scopes=scopes)
        assert client.put(f"/internal/spends/{uuid4()}", json={}).status_code == 403
    assert budgets.inside("expenses").get(BUDGETS).status_code == 403


# Bodies, paths, and the request's id


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"", None, 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b"1", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"total_amount": Infinity}', "application/json", 400),
        (b'{"total_amount": 1e99999999999999999999}', "application/json", 400),
        (b'{"total_amount": 1e999999999}', "application/json", 400),
        (b'{"name": "a", "name": "b"}', "application/json", 400),
        (b'{"\\ud800": 1}', "application/json", 400),
        (b'{"name": "\\ud800"}', "application/json", 400),
        (b'{"status": "\\ud800"}', "application/json", 400),
        (b'{"name": "\xff"}', "application/json", 400),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "application/json", 400),
        (b"name=a", "application/x-www-form-urlencoded", 415),
        (b"--b--", "multipart/form-data; boundary=b", 415),
        (b"{}", "text/plain", 415),
        (b"{}", None, 415),
        (b'{"name": "' + b"a" * 1024 * 1024 + b'"}', "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read_changes_nothing(
    budgets: Client, body: bytes, kind: str | None, status: int
) -> None:
    kept = make(budgets, name="kept")
    for method, path in (("POST", BUDGETS), ("PUT", f"{BUDGETS}/{kept['id']}")):
        for headers in ({}, {"Idempotency-Key": method}):
            answer = budgets.open(method, path, data=body, content_type=kind, headers=headers)
            assert (answer.status_code, answer.content_type) == (status, "application/json")
            assert answer.json.keys() <= {"message", "errors"}
    assert budgets.get(BUDGETS).json["data"] == [kept]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/vnd.x+json"])
def test_json_is_taken_under_its_names(budgets: Client, kind: str) -> None:
    assert budgets.post(BUDGETS, data=b'{"total_amount": 1e2}', content_type=kind).json["data"]["total_amount"] == 100


@pytest.mark.parametrize(
    "path", ["/nowhere", f"{BUDGETS}/", f"{BUDGETS}/x", f"{BUDGETS}/1/spends", "/v1/dev/finance/budgetss", "/"]
)
def test_an_unmatched_path_is_answered_in_the_words_of_the_dialect(budgets: Client, path: str) -> None:
    answer = budgets.get(path)
    assert (answer.status_code, answer.json) == (404, {"message": "Resource not found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", BUDGETS, {"GET", "POST"}),
        ("PATCH", f"{BUDGETS}/{STRANGER}", {"GET", "PUT", "DELETE"}),
        ("POST", f"{BUDGETS}/{STRANGER}/spends", {"GET"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(budgets: Client, method: str, path: str, allowed: set[str]) -> None:
    answer = budgets.open(method, path)
    assert (answer.status_code, answer.json) == (405, {"message": "Method not allowed"})
    assert set(answer.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == allowed


@pytest.mark.parametrize("asked", ["r-1", "a" * 128, "A:b/c+d=e@f._"])
def test_a_request_keeps_its_id(budgets: Client, asked: str) -> None:
    assert budgets.get(BUDGETS, headers={"X-Request-Id": asked}).headers["X-Request-Id"] == asked


@pytest.mark.parametrize("asked", ["", "a" * 129, "a b", "\u00e9", "<script>"])
def test_a_request_without_a_good_id_is_given_one(budgets: Client, asked: str) -> None:
    made = [budgets.get("/nowhere", headers={"X-Request-Id": asked}).headers["X-Request-Id"] for _ in range(2)]
    assert all(len(one) == 32 for one in made)
    assert made[0] != made[1] != asked


def test_the_service_says_that_it_is_alive_and_ready_to_anybody(budgets: Client) -> None:
    stranger = budgets.app.test_client()
    assert stranger.get("/healthz").json == {"status": "ok"}
    assert stranger.get("/readyz").json == {"status": "ready"}
