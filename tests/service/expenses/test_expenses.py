"""Expenses through their routes: JSON and forms, every field, lists, keys, versions, and whose they are."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from services.expenses.app import HISTORY, create_app
from services.expenses.settings import Settings
from tests.client import SECRET, Client

from .conftest import EXPENSES, Both

NOBODY = "11111111-2222-4333-8444-555555555555"
STRANGER = "99999999-2222-4333-8444-555555555555"

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"


@pytest.fixture(scope="session")
def apps(
    lasting_database: Callable[[str, Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Flask]]:
    """The app on a backend, made once a worker, with no budget service to ask."""
    made: dict[str, Flask] = {}

    def app(backend: str) -> Flask:
        if backend not in made:
            settings = Settings(
                database_url=lasting_database(backend, HISTORY),
                caller_secret=SECRET,
                receipts_url=tmp_path_factory.mktemp("receipts").as_uri(),
            )
            made[backend] = create_app(settings)
        return made[backend]

    yield app
    for one in made.values():
        one.extensions["service"].db.close()


@pytest.fixture
def expenses(backend: str, apps: Callable[[str], Flask]) -> Client:
    """The expense service, on each database we support, in a workspace that nobody else has."""
    return Client(apps(backend)).seen_by(workspace_id=str(uuid4()))


def form(*parts: tuple[str, str] | tuple[str, str, str], boundary: str = "b") -> dict[str, Any]:
    """A form written by hand: (name, value), or (name, file name, value)."""
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
        + "".join(f'; filename="{file}"' for file in more[:-1])
        + f"\r\n\r\n{more[-1]}\r\n"
        for name, *more in parts
    )
    return {
        "data": f"{body}--{boundary}--\r\n".encode("latin-1"),
        "content_type": f"multipart/form-data; boundary={boundary}",
    }


# What can be written


def test_an_expense_reads_back_as_it_was_written(expenses: Client) -> None:
    made = expenses.post(
        EXPENSES,
        json={
            "amount": 100.5,
            "description": "Office Supplies",
            "category": "supplies",
            "date": "2024-01-15",
            "receipt_url": "https://example.com/r",
            "currency": "EUR",
        },
    )
    data = made.json["data"]
    assert made.status_code == 201
    assert made.headers["Location"] == f"{EXPENSES}/{data['id']}"
    assert made.headers["ETag"] == '"1"'
    assert b'"amount":100.50,"currency":"EUR"' in made.data
    assert data == {
        "id": data["id"],
        "description": "Office Supplies",
        "amount": Decimal("100.50"),
        "currency": "EUR",
        "date": "2024-01-15",
        "category": "supplies",
        "receipt_url": "https://example.com/r",
        "budget_id": None,
        "created_at": data["created_at"],
        "updated_at": data["updated_at"],
    }
    assert datetime.fromisoformat(data["created_at"]).tzinfo == UTC
    assert expenses.get(f"{EXPENSES}/{data['id']}").json["data"] == data
    assert expenses.get(f"{EXPENSES}/{data['id'].upper()}").json["data"] == data


def test_everything_is_optional(expenses: Client) -> None:
    data = expenses.post(EXPENSES, json={}).json["data"]
    told = {name: data[name] for name in ("description", "amount", "currency", "date", "category", "receipt_url")}
    assert told == {
        "description": None,
        "amount": Decimal("0.00"),
        "currency": "USD",
        "date": None,
        "category": None,
        "receipt_url": None,
    }


def test_the_currency_is_the_workspaces_unless_given(expenses: Client) -> None:
    answer = expenses.seen_by(currency="JPY").post(EXPENSES, json={"amount": 7})
    assert b'"amount":7,"currency":"JPY"' in answer.data


def test_an_update_changes_what_it_names_and_nothing_else(expenses: Client) -> None:
    made = expenses.post(EXPENSES, json={"amount": 1, "description": "a", "category": "b", "date": "2024-01-01"})
    before = made.json["data"]
    answer = expenses.put(f"{EXPENSES}/{before['id']}", json={"description": "c", "date": None})
    after = answer.json["data"]
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"2"'
    assert after == before | {"description": "c", "date": None, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]


def test_a_deleted_expense_is_gone(expenses: Client) -> None:
    path = f"{EXPENSES}/{expenses.post(EXPENSES, json={}).json['data']['id']}"
    gone = expenses.delete(path)
    assert (gone.status_code, gone.data) == (204, b"")
    for answer in (expenses.get(path), expenses.put(path, json={}), expenses.delete(path)):
        assert (answer.status_code, answer.json) == (404, {"message": "Resource not found"})


WRONG: list[tuple[str, Any]] = [
    ("amount", True),
    ("amount", "1"),
    ("amount", None),
    ("amount", -0.01),
    ("amount", 1.005),
    ("amount", 10**13),
    ("amount", 10**18),
    ("amount", []),
    ("description", 1),
    ("description", "a\x00b"),
    ("description", "a\rb"),
    ("description", "a" * 2001),
    ("category", "a" * 256),
    ("date", "20240401"),
    ("date", "2024-W01-1"),
    ("date", "2024-02-30"),
    ("date", "2024-4-1"),
    ("date", 20240401),
    ("receipt_url", "javascript:alert(1)"),
    ("receipt_url", "ftp://example.com"),
    ("receipt_url", "http://"),
    ("budget_id", "not-a-uuid"),
    ("budget_id", 1),
    ("currency", "usd"),
    ("currency", None),
    ("id", NOBODY),
    ("colour", "red"),
    ("created_at", "2024-04-01T00:00:00Z"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_field_is_named_and_nothing_changes(expenses: Client, name: str, value: Any) -> None:
    kept = expenses.post(EXPENSES, json={"amount": 5}).json["data"]
    for answer in (
        expenses.post(EXPENSES, json={name: value}),
        expenses.put(f"{EXPENSES}/{kept['id']}", json={name: value}),
    ):
        assert answer.status_code == 400
        assert answer.json["message"] == "Invalid request parameters"
        assert list(answer.json["errors"]) == [name]
    assert expenses.get(EXPENSES).json["data"] == [kept]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"", None, 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b'"x"', "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"amount": NaN}', "application/json", 400),
        (b'{"amount": 1e99999999999999999999}', "application/json", 400),
        (b'{"amount": 1, "amount": 1}', "application/json", 400),
        (b'{"\\ud800": 1}', "application/json", 400),
        (b'{"category": "\\ud800"}', "application/json", 400),
        (b'{"amount": 1000000000000000000000000000000}', "application/json", 400),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "application/json", 400),
        (b"amount=1", "application/x-www-form-urlencoded", 415),
        (b"<a/>", "application/xml", 415),
        (b"{}", "text/plain", 415),
        (b'{"description": "' + b"a" * 1024 * 1024 + b'"}', "application/json", 413),
        (b"x", "multipart/form-data", 400),
        (b'{"amount": 1}', "multipart/form-data; boundary=b", 400),
        (b'--b\r\nContent-Disposition: form-data; name="amount"\r\n\r\n1', "multipart/form-data; boundary=b", 400),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 400),
        (b"", "multipart/form-data; boundary=b", 400),
    ],
)
def test_a_body_that_cannot_be_read_creates_nothing(
    expenses: Client, body: bytes, kind: str | None, status: int
) -> None:
    answer = expenses.post(EXPENSES, data=body, content_type=kind)
    assert (answer.status_code, answer.is_json) == (status, True)
    assert expenses.get(EXPENSES).json["data"] == []


# Forms


def test_a_form_says_the_same_as_json(expenses: Client) -> None:
    answer = expenses.post(
        EXPENSES,
        **form(
            ("amount", "100.00"),
            ("description", "Office Supplies"),
            ("category", "supplies"),
            ("date", "2024-01-15"),
            ("receipt", "receipt.png", PNG.decode("latin-1")),
        ),
    )
    data = answer.json["data"]
    assert answer.status_code == 201
    assert b'"amount":100.00' in answer.data
    assert (data["description"], data["category"], data["date"]) == ("Office Supplies", "supplies", "2024-01-15")
    assert data["receipt_url"] == f"{EXPENSES}/{data['id']}/receipt"


def test_a_form_puts_an_expense_on_a_budget(both: Both) -> None:
    budget = both.budget(100)
    answer = both.expenses.post(EXPENSES, **form(("amount", "99.99"), ("budget_id", budget)))
    assert answer.json["data"]["budget_id"] == budget
    assert both.spent(budget) == 99.99


def test_an_empty_field_of_a_form_stands_for_null(expenses: Client) -> None:
    made = expenses.post(EXPENSES, json={"description": "a", "date": "2024-01-01", "amount": 3}).json["data"]
    answer = expenses.put(f"{EXPENSES}/{made['id']}", **form(("description", ""), ("date", ""), ("budget_id", "")))
    after = answer.json["data"]
    assert (after["description"], after["date"], after["budget_id"], after["amount"]) == (None, None, None, 3)


def test_a_file_field_that_was_left_empty_is_no_file(expenses: Client) -> None:
    answer = expenses.post(EXPENSES, **form(("amount", "1"), ("receipt", "", "")))
    assert (answer.status_code, answer.json["data"]["receipt_url"]) == (201, None)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ([("amount", "1"), ("amount", "1")], "amount"),
        ([("amount", "1"), ("amount", "a.png", "x")], "amount"),
        ([("receipt", "a.png", "x"), ("receipt", "b.png", "x")], "receipt"),
        ([("photo", "a.png", "x")], "photo"),
        ([("receipt", "not a file")], "receipt"),
        ([("colour", "red")], "colour"),
        ([("amount", "")], "amount"),
        ([("amount", "ten")], "amount"),
        ([("amount", "1e2")], "amount"),
        ([("amount", "1_000")], "amount"),
        ([("amount", "-1")], "amount"),
        ([("amount", "1.005")], "amount"),
        ([("amount", "9" * 25)], "amount"),
        ([("date", "15/01/2024")], "date"),
        ([("budget_id", "uuid-here")], "budget_id"),
        ([("description", "a\x00")], "description"),
    ],
)
def test_a_wrong_part_of_a_form_is_named_and_creates_nothing(expenses: Client, parts: list[Any], name: str) -> None:
    answer = expenses.post(EXPENSES, **form(*parts))
    assert (answer.status_code, list(answer.json["errors"])) == (400, [name])
    assert expenses.get(EXPENSES).json["data"] == []


# Lists


@pytest.fixture
def listed(expenses: Client) -> Client:
    """Four expenses: d is undated, e-acute is in yen."""
    for facts in (
        {"description": "Taxi 100%", "category": "travel", "amount": 10, "date": "2024-01-10"},
        {"description": "taxi home", "category": "travel", "amount": 20.5, "date": "2024-02-10"},
        {"description": "\u00c9clair", "category": "food", "amount": 30, "date": "2024-03-10", "currency": "JPY"},
        {"description": "d", "amount": 40},
    ):
        assert expenses.post(EXPENSES, json=facts).status_code == 201
    return expenses


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["d", "\u00c9clair", "taxi home", "Taxi 100%"]),
        ("sort=created_at", ["Taxi 100%", "taxi home", "\u00c9clair", "d"]),
        ("sort=-date", ["d", "\u00c9clair", "taxi home", "Taxi 100%"]),
        ("sort=date", ["Taxi 100%", "taxi home", "\u00c9clair", "d"]),
        ("category=travel&sort=created_at", ["Taxi 100%", "taxi home"]),
        ("from=2024-02-10&sort=date", ["taxi home", "\u00c9clair"]),
        ("to=2024-02-10&sort=date", ["Taxi 100%", "taxi home"]),
        ("from=2024-02-10&to=2024-02-10", ["taxi home"]),
        ("currency=JPY", ["\u00c9clair"]),
        ("min_amount=20.5&sort=created_at", ["taxi home", "\u00c9clair", "d"]),
        ("max_amount=20.5&sort=created_at", ["Taxi 100%", "taxi home"]),
        ("min_amount=29.5&max_amount=30.5", ["\u00c9clair"]),
        ("min_amount=4715679424811039", []),
        ("max_amount=4715679424811039&sort=created_at", ["Taxi 100%", "taxi home", "\u00c9clair", "d"]),
        ("q=TAXI&sort=created_at", ["Taxi 100%", "taxi home"]),
        ("q=0%25", ["Taxi 100%"]),
        ("q=%25&sort=created_at", ["Taxi 100%"]),
        ("q=_", []),
        ("q=\u00e9CLAIR", ["\u00c9clair"]),
        ("q=travel&sort=created_at", ["Taxi 100%", "taxi home"]),
        (f"budget_id={NOBODY}", []),
    ],
)
def test_a_list_is_narrowed_and_sorted(listed: Client, query: str, found: list[str]) -> None:
    answer = listed.get(f"{EXPENSES}?{query}")
    assert [row["description"] for row in answer.json["data"]] == found
    assert (answer.json["has_more"], answer.json["next_cursor"]) == (False, None)
    assert "Link" not in answer.headers


def test_a_list_is_walked_by_its_links(listed: Client) -> None:
    path, seen = f"{EXPENSES}?limit=1&sort=description&q=a", []
    while path:
        answer = listed.get(path)
        seen += [row["description"] for row in answer.json["data"]]
        link = answer.headers.get("Link", "")
        assert answer.json["has_more"] is bool(link)
        path = link.partition("<")[2].partition(">")[0]
    assert sorted(seen) == ["Taxi 100%", "taxi home", "\u00c9clair"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=1.5", "limit"),
        ("sort=id", "sort"),
        ("cursor=x", "cursor"),
        ("colour=red", "colour"),
        ("status=active", "status"),
        ("from=20240401", "from"),
        ("budget_id=x", "budget_id"),
        ("min_amount=x", "min_amount"),
        (f"min_amount={'9' * 25}", "min_amount"),
        ("currency=usd", "currency"),
        ("q=%00", "q"),
        ("from_=2024-04-01", "from_"),
    ],
)
def test_an_unknown_or_wrong_parameter_is_refused_by_name(expenses: Client, query: str, name: str) -> None:
    answer = expenses.get(f"{EXPENSES}?{query}")
    assert (answer.status_code, list(answer.json["errors"])) == (400, [name])


# Versions


def test_a_change_can_insist_on_a_version(expenses: Client) -> None:
    path = f"{EXPENSES}/{expenses.post(EXPENSES, json={'amount': 1}).json['data']['id']}"
    for tag in ('"2"', 'W/"1"', '"0", "2"', ""):
        for answer in (
            expenses.put(path, json={"amount": 2}, headers={"If-Match": tag}),
            expenses.delete(path, headers={"If-Match": tag}),
        ):
            assert answer.status_code == 412
            assert answer.json == {"message": "If-Match does not name the current version"}
    assert expenses.get(path).headers["ETag"] == '"1"'
    for tag, after in (('"1"', '"2"'), ("*", '"3"'), ('"9", "3"', '"4"')):
        assert expenses.put(path, json={"amount": 2}, headers={"If-Match": tag}).headers["ETag"] == after
    assert expenses.delete(path, headers={"If-Match": '"4"'}).status_code == 204


def test_a_raise_that_insists_on_another_version_asks_no_budget(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=1, budget_id=budget)["id"]
    both.line.cut = "before"
    answer = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 2}, headers={"If-Match": '"7"'})
    assert answer.status_code == 412
    assert both.outbox() == []


# Keys


def test_a_keyed_create_is_done_once(expenses: Client) -> None:
    key = {"Idempotency-Key": "k"}
    first = expenses.post(EXPENSES, json={"amount": 1}, headers=key)
    again = expenses.post(EXPENSES, json={"amount": 1}, headers=key)
    assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (201, first.data, "true")
    assert [again.headers[name] for name in ("ETag", "Location")] == [first.headers[n] for n in ("ETag", "Location")]
    assert "Idempotency-Replayed" not in first.headers
    other = expenses.post(EXPENSES, json={"amount": 2}, headers=key)
    assert (other.status_code, other.json) == (422, {"message": "This Idempotency-Key was used for another request"})
    assert len(expenses.get(EXPENSES).json["data"]) == 1


def test_a_form_sent_again_with_another_boundary_is_the_same_request(both: Both) -> None:
    key = {"Idempotency-Key": "k"}
    parts = [("amount", "1"), ("description", "a"), ("receipt", "r.png", PNG.decode("latin-1"))]
    first = both.expenses.post(EXPENSES, **form(*parts), headers=key)
    again = both.expenses.post(EXPENSES, **form(*parts[::-1], boundary="another"), headers=key)
    assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (201, first.data, "true")
    assert (len(both.all_expenses()), len(both.objects())) == (1, 1)
    for other in (
        [*parts[:2], ("receipt", "r.png", PNG.decode("latin-1") + "x")],
        parts[:2],
        [("amount", "2"), *parts[1:]],
    ):
        assert both.expenses.post(EXPENSES, **form(*other), headers=key).status_code == 422
    assert (len(both.all_expenses()), len(both.objects())) == (1, 1)


def test_keyed_changes_and_deletions_are_done_once(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=1, budget_id=budget)["id"]
    path = f"{EXPENSES}/{expense}"
    for _ in range(2):
        assert both.expenses.put(path, json={"amount": 50}, headers={"Idempotency-Key": "raise"}).status_code == 200
    assert both.expenses.get(path).headers["ETag"] == '"2"'
    for _ in range(2):
        assert both.expenses.delete(path, headers={"Idempotency-Key": "gone"}).status_code == 204
    assert both.expenses.delete(path).status_code == 404
    assert both.spent(budget) == 0


def test_a_keyed_refusal_is_kept_and_a_keyed_mistake_is_not(both: Both) -> None:
    key = {"Idempotency-Key": "k"}
    missing = f"{EXPENSES}/{uuid4()}"
    for _ in range(2):
        assert both.expenses.put(missing, json={"amount": 1}, headers=key).status_code == 404
    kept = both.expenses.put(missing, json={"amount": 1}, headers=key)
    assert kept.headers["Idempotency-Replayed"] == "true"
    mistake = {"Idempotency-Key": "m"}
    assert both.expenses.post(EXPENSES, json={"amount": "x"}, headers=mistake).status_code == 400
    assert both.expenses.post(EXPENSES, json={"amount": 1.005}, headers=mistake).status_code == 400
    assert both.expenses.post(EXPENSES, json={"amount": 1}, headers=mistake).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "\u00e9", "a" * 256, "a\tb"])
def test_a_key_of_another_shape_is_refused(expenses: Client, key: str) -> None:
    for body in ({"json": {}}, form(("amount", "1"))):
        answer = expenses.post(EXPENSES, headers={"Idempotency-Key": key}, **body)
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["Idempotency-Key"])
    assert expenses.get(EXPENSES).json["data"] == []


def test_keys_belong_to_a_workspace(expenses: Client) -> None:
    key = {"Idempotency-Key": "k"}
    first = expenses.post(EXPENSES, json={}, headers=key)
    other = expenses.seen_by(workspace_id=str(uuid4())).post(EXPENSES, json={}, headers=key)
    assert (other.status_code, "Idempotency-Replayed" in other.headers) == (201, False)
    assert first.json["data"]["id"] != other.json["data"]["id"]


# Whose they are


def test_another_workspace_sees_changes_and_deletes_nothing(both: Both) -> None:
    mine = both.expense(amount=1)
    path = f"{EXPENSES}/{mine['id']}"
    stranger = both.expenses.seen_by(workspace_id=STRANGER)
    assert stranger.get(EXPENSES).json["data"] == []
    for answer in (
        stranger.get(path),
        stranger.put(path, json={"amount": 2}),
        stranger.put(path, json={"description": "mine now"}),
        stranger.delete(path),
        stranger.get(f"{path}/receipt"),
    ):
        assert (answer.status_code, answer.json) == (404, {"message": "Resource not found"})
    assert both.all_expenses() == [mine]


def test_a_deleted_budget_of_another_workspace_unlinks_nothing(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=1, budget_id=budget)["id"]
    stranger = both.expenses.seen_by(workspace_id=STRANGER).inside("budgets")
    assert stranger.put(f"/internal/budgets/{budget}", json={"deleted": True}).json == {"unlinked": 0}
    assert both.expenses.get(f"{EXPENSES}/{expense}").json["data"]["budget_id"] == budget


@pytest.mark.parametrize(
    ("scopes", "method", "status"),
    [
        (("expenses:read",), "GET", 200),
        (("expenses:read",), "POST", 403),
        (("expenses:write",), "GET", 403),
        (("expenses:write",), "POST", 201),
        (("budgets:write", "invoices:read"), "GET", 403),
        (("admin",), "POST", 201),
        ((), "GET", 403),
    ],
)
def test_a_key_needs_the_scope(expenses: Client, scopes: tuple[str, ...], method: str, status: int) -> None:
    answer = expenses.seen_by(scopes=scopes).open(method, EXPENSES, json={} if method == "POST" else None)
    assert answer.status_code == status


def test_a_key_without_the_scope_is_refused_before_its_body_is_read(expenses: Client) -> None:
    reader = expenses.seen_by(scopes=("expenses:read",))
    for body in ({"data": b"{", "content_type": "application/json"}, form(("colour", "red"))):
        answer = reader.post(EXPENSES, headers={"Idempotency-Key": "a b"}, **body)
        assert (answer.status_code, answer.json) == (403, {"message": "This API key lacks the scope expenses:write"})


def test_a_stranger_is_refused_before_the_body_is_read(expenses: Client) -> None:
    for path in (EXPENSES, f"{EXPENSES}/{uuid4()}", "/internal/budgets/x", "/nowhere"):
        answer = expenses.app.test_client().post(path, data=b"{", headers={"Idempotency-Key": "a b"})
        assert (answer.status_code, answer.json) == (401, {"message": "Invalid or missing API key"})
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_what_services_say_is_not_for_keys(expenses: Client) -> None:
    for scopes in (("admin",), ("expenses:write",)):
        answer = expenses.seen_by(scopes=scopes).put(f"/internal/budgets/{uuid4()}", json={"deleted": True})
        assert answer.status_code == 403
    assert expenses.inside("budgets").get(EXPENSES).status_code == 403
