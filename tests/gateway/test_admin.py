"""Keys and workspaces over HTTP: who may make, see, rotate and revoke which, and that a secret is shown once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gateway.keys import queries, secret
from gateway.keys.scopes import READING, SCOPES
from shared.db import new_id, now
from tests.gateway.office import KEY_SECRET, Office

KEYS, WORKSPACES = "/v1/dev/finance/keys", "/v1/dev/finance/workspaces"
TABLES = ("workspaces", "accounts", "members", "api_keys", "audit", "idempotency")


def made(office: Office, *, key: str = "", **facts: Any) -> dict[str, Any]:
    """A new key."""
    answer = office.open("POST", KEYS, key=key, json=facts)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json["data"]
    return data


def all_rows(office: Office) -> list[Any]:
    return [office.rows(table) for table in TABLES]


def own_id(office: Office, key: str = "") -> str:
    """The id of a key."""
    found = queries.find(office.db, KEY_SECRET, key or office.key)
    assert found
    return found.caller.key_id


def works(office: Office, key: str) -> bool:
    return queries.find(office.db, KEY_SECRET, key) is not None


def test_a_new_key_may_read_unless_more_is_said_and_works_at_once(office: Office) -> None:
    answer = office.open("POST", KEYS, json={})
    shown = answer.json["data"]
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{KEYS}/{shown['id']}")
    assert answer.headers["ETag"] == '"1"'
    assert shown["key"].startswith(f"{shown['prefix']}_")
    expected = {"scopes": list(READING), "account_ids": None, "status": "active", "expires_at": None}
    assert {name: shown[name] for name in expected} == expected
    found = queries.find(office.db, KEY_SECRET, shown["key"])
    assert found
    assert (found.caller.workspace_id, found.caller.key_id) == (office.workspace_id, shown["id"])
    assert office.get("/me.json", key=shown["key"]).status_code == 200
    assert office.open("POST", KEYS, key=shown["key"], json={}).status_code == 403


def test_a_key_has_what_was_said(office: Office) -> None:
    person = office.made()
    end = (now() + timedelta(days=1)).replace(microsecond=0)
    facts = {
        "scopes": ["expenses:write", "invoices:read"],
        "account_ids": [office.workspace_id],
        "member_id": person,
        "expires_at": end.isoformat(),
    }
    shown = made(office, **facts)
    found = queries.find(office.db, KEY_SECRET, shown["key"])
    assert found
    assert found.expires_at == end
    caller = found.caller
    assert (caller.scopes, caller.account_ids, caller.member_id) == (
        ("invoices:read", "expenses:write"),
        (office.workspace_id,),
        person,
    )


@pytest.mark.parametrize(
    ("facts", "status", "blamed"),
    [
        ({"scopes": []}, 400, "scopes"),
        ({"scopes": ["all"]}, 400, "scopes"),
        ({"scopes": ["internal"]}, 400, "scopes"),
        ({"scopes": ["operator"]}, 400, "scopes"),
        ({"account_ids": []}, 400, "account_ids"),
        ({"account_ids": ["7"]}, 400, "account_ids"),
        ({"member_id": "7"}, 400, "member_id"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, 400, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, 400, "expires_at"),
        ({"expires_at": "2099-01-01T00:00:00"}, 400, "expires_at"),
        ({"expires_at": 7}, 400, "expires_at"),
        ({"name": "x"}, 400, "name"),
        ({"member_id": 999999}, 404, None),
        ({"account_ids": ["99999999-9999-4999-8999-999999999999"]}, 422, None),
    ],
)
def test_what_makes_no_key_leaves_none(office: Office, facts: dict[str, Any], status: int, blamed: str | None) -> None:
    before = all_rows(office)
    answer = office.open("POST", KEYS, json=facts)
    assert answer.status_code == status, answer.text
    assert blamed is None or blamed in answer.json["errors"]
    assert all_rows(office) == before


def test_a_key_that_expires_makes_none_that_outlives_it(office: Office) -> None:
    end = (now() + timedelta(days=1)).replace(microsecond=0)
    lasting = made(office, scopes=["admin"])
    short = made(office, scopes=["admin"], expires_at=end.isoformat())["key"]
    ends = [
        made(office, key=short, **facts)["expires_at"]
        for facts in ({}, {"expires_at": None}, {"expires_at": (end - timedelta(hours=1)).isoformat()})
    ]
    assert ends == [f"{each:%Y-%m-%dT%H:%M:%S}Z" for each in (end, end, end - timedelta(hours=1))]
    before = all_rows(office)
    later = office.open("POST", KEYS, key=short, json={"expires_at": (end + timedelta(seconds=1)).isoformat()})
    rotated = office.open("POST", f"{KEYS}/{lasting['id']}/rotate", key=short)
    assert (later.status_code, rotated.status_code) == (403, 403)
    assert later.json == rotated.json == {"message": "This API key expires before that one would"}
    assert all_rows(office) == before
    assert office.open("POST", f"{KEYS}/{own_id(office, short)}/rotate", key=short).status_code == 200


def test_a_key_never_gets_another_workspaces_account_or_person(office: Office) -> None:
    office.issue("Beta")
    theirs = queries.find(office.db, KEY_SECRET, office.key_of("bea@example.com", workspace="Beta"))
    assert theirs
    assert theirs.caller.member_id == 2
    assert office.get("/people/2.json").status_code == 404
    before = all_rows(office)
    account = office.open("POST", KEYS, json={"account_ids": [office.workspace_id, theirs.caller.workspace_id]})
    person = office.open("POST", KEYS, json={"member_id": theirs.caller.member_id})
    assert (account.status_code, person.status_code) == (422, 404)
    assert all_rows(office) == before


def test_the_keys_of_a_workspace_are_listed_page_by_page_without_their_secrets(office: Office) -> None:
    office.issue("Beta")
    keys = [made(office, scopes=["invoices:read"]) for _ in range(4)]
    listed: list[dict[str, Any]] = []
    path = f"{KEYS}?limit=2"
    while True:
        answer = office.get(path)
        assert answer.status_code == 200, answer.text
        for each in keys:
            assert each["key"] not in answer.text
        listed += answer.json["data"]
        if not answer.json["has_more"]:
            break
        path = f"{KEYS}?limit=2&cursor={answer.json['next_cursor']}"
    assert [each["id"] for each in listed] == [own_id(office), *(each["id"] for each in keys)]
    assert all("key" not in each and "digest" not in each for each in listed)
    newest = office.get(f"{KEYS}?sort=-created_at&limit=1").json["data"]
    assert [each["id"] for each in newest] == [keys[-1]["id"]]
    one = office.get(f"{KEYS}/{keys[0]['id']}")
    assert (one.status_code, one.headers["ETag"]) == (200, '"1"')
    assert one.json["data"] == {name: value for name, value in keys[0].items() if name != "key"}


def test_a_rotated_key_has_two_secrets_for_as_long_as_was_said(office: Office) -> None:
    key = made(office)
    path = f"{KEYS}/{key['id']}/rotate"
    again = office.open("POST", path)
    assert (again.status_code, again.headers["ETag"]) == (200, '"2"')
    fresh = again.json["data"]
    assert fresh["key"] != key["key"]
    assert fresh["prefix"] == key["prefix"]
    assert fresh["older_secret_until"] is not None
    assert [works(office, each) for each in (key["key"], fresh["key"])] == [True, True]
    at_once = office.open("POST", path, json={"overlap_seconds": 0}).json["data"]
    assert [works(office, each["key"]) for each in (key, fresh, at_once)] == [False, False, True]
    for wrong in ({"overlap_seconds": -1}, {"overlap_seconds": "1"}, {"overlap": 1}):
        assert office.open("POST", path, json=wrong).status_code == 400
    assert works(office, at_once["key"])


def test_a_revoked_key_is_useless_and_still_listed(office: Office) -> None:
    key = made(office)
    path = f"{KEYS}/{key['id']}"
    for _ in range(2):  # twice is fine
        answer = office.open("DELETE", path)
        assert (answer.status_code, answer.data) == (204, b"")
    assert not works(office, key["key"])
    assert office.get(path).json["data"]["status"] == "revoked"
    assert office.open("POST", f"{path}/rotate").status_code == 422


def test_only_the_version_that_was_read_is_changed_where_that_is_asked(office: Office) -> None:
    key = made(office)
    path, stale = f"{KEYS}/{key['id']}", {"If-Match": '"7"'}
    before = all_rows(office)
    assert office.open("POST", f"{path}/rotate", headers=stale).status_code == 412
    assert office.open("DELETE", path, headers=stale).status_code == 412
    assert all_rows(office) == before
    assert office.open("DELETE", path, headers={"If-Match": '"1"'}).status_code == 204


def test_a_repeat_makes_no_second_key_and_no_secret_is_kept(office: Office) -> None:
    keyed = {"Idempotency-Key": "k"}
    first, again = (office.open("POST", KEYS, json={"scopes": ["admin"]}, headers=keyed) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (first.headers["ETag"], first.headers["Location"]) == (again.headers["ETag"], again.headers["Location"])
    assert again.json["data"] == first.json["data"] | {"key": None}
    path = f"{KEYS}/{first.json['data']['id']}/rotate"
    rotated, repeated = (office.open("POST", path, headers={"Idempotency-Key": "r"}) for _ in range(2))
    assert (rotated.status_code, repeated.status_code) == (200, 200)
    assert repeated.json["data"] == rotated.json["data"] | {"key": None}
    assert len(office.get(KEYS).json["data"]) == 2
    secrets = [each.json["data"]["key"] for each in (first, rotated)]
    assert [works(office, each) for each in secrets] == [True, True]
    with office.db.read() as session:
        tables = (
            session.execute(text("SELECT body FROM idempotency")).all(),
            office.rows("audit"),
            office.rows("outbox"),
        )
    for each in secrets:
        assert each[len("ch_12345678") :] not in str(tables)


def test_each_change_has_an_entry_in_the_history_by_whoever_made_it(office: Office) -> None:
    key = made(office, scopes=["invoices:read"])
    office.open("POST", f"{KEYS}/{key['id']}/rotate")
    office.open("DELETE", f"{KEYS}/{key['id']}")
    query = "SELECT action, subject, workspace_id, key_id FROM audit WHERE subject_id = :id ORDER BY id"
    with office.db.read() as session:
        told = [tuple(row) for row in session.execute(text(query), {"id": key["id"]})]
    us = ("key", office.workspace_id, own_id(office))
    assert told == [("created", *us), ("rotated", *us), ("revoked", *us)]


def test_keys_are_for_admins_of_all_accounts(office: Office) -> None:
    key = made(office)
    others = [scope for scope in SCOPES if scope != "admin"]
    poor = office.issue(scopes=[*others, "operator"])
    limited = office.issue(account=new_id())
    for who in (poor, limited):
        before = all_rows(office)
        for method, path in (
            ("GET", KEYS),
            ("POST", KEYS),
            ("GET", f"{KEYS}/{key['id']}"),
            ("POST", f"{KEYS}/{key['id']}/rotate"),
            ("DELETE", f"{KEYS}/{key['id']}"),
        ):
            assert office.open(method, path, key=who, json={}).status_code == 403, (method, path)
        assert all_rows(office) == before


def test_another_workspaces_key_is_not_there(office: Office) -> None:
    theirs = own_id(office, office.issue("Beta"))
    before = all_rows(office)
    for method, path in (("GET", ""), ("POST", "/rotate"), ("DELETE", "")):
        assert office.open(method, f"{KEYS}/{theirs}{path}").status_code == 404, (method, path)
    assert all_rows(office) == before


def test_an_admin_gets_no_secret_of_a_key_that_may_do_more(office: Office) -> None:
    theirs = own_id(office, office.issue(scopes=["operator", "admin"]))
    before = all_rows(office)
    for method, path in (("POST", f"{KEYS}/{theirs}/rotate"), ("DELETE", f"{KEYS}/{theirs}")):
        answer = office.open(method, path)
        assert (answer.status_code, answer.json) == (403, {"message": "This API key lacks the scope operator"})
    assert all_rows(office) == before
    operator = office.issue(scopes=["operator", "admin"])
    assert office.open("DELETE", f"{KEYS}/{theirs}", key=operator).status_code == 204


def test_an_operator_makes_a_workspace_with_a_first_key(office: Office) -> None:
    operator = office.issue(scopes=["operator"])
    owner = {"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}
    facts = {"name": "Beispiel", "currency": "EUR", "time_zone": "Europe/Berlin", "owner": owner}
    keyed = {"Idempotency-Key": "w"}
    first, again = (office.open("POST", WORKSPACES, key=operator, json=facts, headers=keyed) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    shown = first.json["data"]
    assert again.json["data"] == shown | {"key": None}
    found = queries.find(office.db, KEY_SECRET, shown["key"])
    assert found
    assert (found.caller.workspace_id, found.caller.currency, found.caller.time_zone) == (
        shown["id"],
        "EUR",
        "Europe/Berlin",
    )
    assert found.caller.scopes == SCOPES
    person = office.get("/me.json", key=shown["key"]).json["person"]
    assert (person["first-name"], person["email-address"], person["administrator"]) == ("Ada", "ada@example.com", "1")
    assert made(office, key=shown["key"])["status"] == "active"
    read = office.get(f"{WORKSPACES}/{shown['id']}", key=operator)
    assert read.json["data"] == {name: value for name, value in shown.items() if name != "key"}
    listed = office.get(WORKSPACES, key=operator).json["data"]
    assert [each["name"] for each in listed] == ["Acme", "Beispiel"]
    query = "SELECT DISTINCT workspace_id FROM audit WHERE key_id = :key"
    with office.db.read() as session:
        assert session.execute(text(query), {"key": own_id(office, operator)}).all() == [(shown["id"],)]


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, 400),
        ({"name": " "}, 400),
        ({"name": "x" * 256}, 400),
        ({"name": "a\x00"}, 400),
        ({"name": "Beta", "currency": "XXX"}, 400),
        ({"name": "Beta", "time_zone": "Europe/Nowhere"}, 400),
        ({"name": "Beta", "owner": {"email": "ada@example.com"}}, 400),
        ({"name": "Acme"}, 422),
    ],
)
def test_what_makes_no_workspace_leaves_none(office: Office, facts: dict[str, Any], status: int) -> None:
    operator = office.issue(scopes=["operator"])
    before = all_rows(office)
    answer = office.open("POST", WORKSPACES, key=operator, json=facts)
    assert answer.status_code == status, answer.text
    assert all_rows(office) == before


def test_workspaces_are_the_operators_alone(office: Office) -> None:
    before = all_rows(office)
    for method, path in (("GET", WORKSPACES), ("POST", WORKSPACES), ("GET", f"{WORKSPACES}/{office.workspace_id}")):
        assert office.open(method, path, json={"name": "Beta"}).status_code == 403, (method, path)
    assert all_rows(office) == before


def test_they_are_described_in_finance(office: Office) -> None:
    app = office.app.extensions["gateway"].in_process["admin"]
    paths = app.extensions["api"].described()["paths"]
    assert set(paths) == {KEYS, f"{KEYS}/{{key_id}}", f"{KEYS}/{{key_id}}/rotate", WORKSPACES} | {
        f"{WORKSPACES}/{{workspace_id}}"
    }


def test_a_secret_looks_like_one(office: Office) -> None:
    assert secret.well_formed(made(office)["key"])
