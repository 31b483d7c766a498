"""Strangers, other workspaces, bad input, versions and keys: what must never get through, and what it leaves behind."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from shared.caller import HEADER
from tests.client import WORKSPACE, Client
from tests.service.invoices.steps import (
    INVOICES,
    SETTINGS,
    Facts,
    actions,
    data,
    history,
    make,
    nothing_changes,
    read,
    url,
    wrong,
)

ELSEWHERE = "22222222-2222-4222-8222-222222222222"


def everything(client: Client, made: Facts, payment: Facts) -> list[int]:
    """The status of every operation on one invoice."""
    return [
        client.get(url(made)).status_code,
        client.put(url(made), json={"notes": "mine"}).status_code,
        client.post(url(made, "/send")).status_code,
        client.get(url(made, "/payments")).status_code,
        client.post(url(made, "/payments"), json={"amount": 1}).status_code,
        client.get(url(made, f"/payments/{payment['id']}")).status_code,
        client.get(url(made, "/history")).status_code,
        client.delete(url(made)).status_code,
    ]


@pytest.mark.parametrize("who", [{"workspace_id": ELSEWHERE}, {"account_ids": (ELSEWHERE,), "account_id": ELSEWHERE}])
def test_another_workspace_or_account_finds_nothing(invoices: Client, who: dict[str, Any]) -> None:
    made = make(invoices, status="sent", invoice_number="A", total=10, client_email="a@b.example")
    payment = data(invoices.post(url(made, "/payments"), json={"amount": 1}), 201)
    other = invoices.seen_by(**who)
    with nothing_changes(invoices, made):
        assert everything(other, made, payment) == [404] * 8
        assert other.get(INVOICES).json["data"] == []
    theirs = make(other, notes="theirs")
    assert other.get(INVOICES).json["data"] == [theirs]


def test_a_key_for_some_accounts_sees_those_also_after_deletion(invoices: Client) -> None:
    made = make(invoices)
    invoices.delete(url(made))
    assert actions(invoices.seen_by(account_ids=(invoices.caller.account_id,)), made) == ["created", "deleted"]
    assert invoices.seen_by(account_ids=(ELSEWHERE,)).get(url(made, "/history")).status_code == 404
    assert invoices.seen_by(account_ids=()).get(INVOICES).json["data"] == []


def test_a_payment_is_found_only_under_its_invoice(invoices: Client) -> None:
    one, other = (make(invoices, status="sent", total=10) for _ in range(2))
    payment = data(invoices.post(url(one, "/payments"), json={"amount": 1}), 201)
    assert invoices.get(url(other, f"/payments/{payment['id']}")).status_code == 404


def test_settings_are_a_workspaces_own(invoices: Client) -> None:
    admin = invoices.seen_by(scopes=("admin",))
    other = admin.seen_by(workspace_id=ELSEWHERE)
    data(admin.put(SETTINGS, json={"seller_name": "Me"}))
    assert data(other.get(SETTINGS))["seller_name"] is None


def test_a_scope_opens_only_what_it_names(invoices: Client) -> None:
    made = make(invoices)
    reader = invoices.seen_by(scopes=("invoices:read",))
    assert reader.get(url(made)).status_code == 200
    for answer in (
        reader.post(INVOICES, data="not json"),
        reader.put(url(made), json={}),
        reader.delete(url(made)),
        reader.post(url(made, "/send")),
        invoices.get(SETTINGS),
        invoices.put(SETTINGS, json={}),
        invoices.seen_by(scopes=("budgets:write",)).post(INVOICES, json={}),
    ):
        assert answer.status_code == 403


def test_a_stranger_is_refused_everywhere(app: Flask, invoices: Client) -> None:
    for rule in app.url_map.iter_rules():
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            path = rule.rule.replace("<uuid:invoice_id>", ELSEWHERE).replace("<uuid:payment_id>", ELSEWHERE)
            answer = invoices.open(method, path, headers={HEADER: "forged"}, data="{")
            assert answer.status_code == (401 if rule.endpoint not in ("healthz", "readyz") else 200), rule


# Bad input

BAD = {
    "total": ['"1"', "true", "NaN", "Infinity", "-1", "1e400", "1e999999999", "[]", "{}", "1.00001"],
    "client_name": ["1", "[]", '"a\\u0000b"', '"\\ud800"', '"\\u001b"', json.dumps("x" * 256)],
    "client_email": ['"a"', "1", json.dumps("a@b.example\n")],
    "notes": [json.dumps("x" * 10_001), '"\\u0007"'],
    "due_date": ['"2024-02-30"', '"20240201"', "20240201", '"2024-02-01T00:00:00"', '""'],
    "issue_date": ["null", '"tomorrow"'],
    "status": ['"Draft"', '"open"', "1", "null"],
    "currency": ['"usd"', '"XXX"', '"XAU"', "1"],
    "invoice_number": ['""', "1", json.dumps("x" * 256)],
    "items": [
        "{}",
        "[1]",
        "[null]",
        "[{}]",
        '[{"description": "x", "quantity": 1.5, "unit_price": 1}]',
        '[{"description": "x", "quantity": 0, "unit_price": 1}]',
        '[{"description": "x", "quantity": true, "unit_price": 1}]',
        '[{"description": "x", "quantity": "2", "unit_price": 1}]',
        '[{"description": "x", "quantity": 1000001, "unit_price": 1}]',
        '[{"description": "x", "quantity": 1e999999999, "unit_price": 1}]',
        '[{"description": "x", "quantity": 1, "unit_price": 0}]',
        '[{"description": "x", "quantity": 1, "unit_price": -1}]',
        '[{"description": "x", "quantity": 1, "unit_price": 0.0000001}]',
        '[{"description": "x", "quantity": 1, "unit_price": 1000000000}]',
        '[{"description": "x", "quantity": 1, "unit_price": "1"}]',
        '[{"description": "x", "quantity": 1, "unit_price": 1, "id": "x"}]',
        '[{"description": null, "quantity": 1, "unit_price": 1}]',
        json.dumps([{"description": "x", "quantity": 1, "unit_price": 1}] * 1001),
        json.dumps([{"description": "x" * 2001, "quantity": 1, "unit_price": 1}]),
    ],
}


UNKNOWN = ["Unknown field."]


def test_of_many_faults_a_hundred_are_named_and_the_rest_is_counted(invoices: Client) -> None:
    listed = invoices.get(INVOICES).data
    for count in (100, 101, 9_000):
        body = {"total": "x"} | {f"x{number}": 1 for number in range(count - 1)}
        said = invoices.post(INVOICES, json=body).json["errors"]
        assert said.pop("others", None) == ([f"{count - 100} more."] if count > 100 else None)
        assert said.pop("total") == ["Not a number."]
        assert list(said.values()) == [UNKNOWN] * 99
        assert said.keys() < body.keys()
    nested = {"items": [{f"x{number}": 1 for number in range(3)}] * 40}
    said = invoices.post(INVOICES, json=nested).json["errors"]
    assert said["others"] == ["140 more."]  # three that are unknown in each, and three that are missing
    assert sum(len(each) for each in said["items"].values()) == 100
    flat = invoices.post(f"/api/v1/invoices?accountId={WORKSPACE}", json={f"x{number}": 1 for number in range(150)})
    assert flat.json["error"].count("Unknown field.") == 100
    assert flat.json["error"].endswith("; others: 50 more.")
    assert invoices.get(INVOICES).data == listed


def test_a_body_of_more_than_twenty_thousand_values_is_refused_before_it_is_read(invoices: Client) -> None:
    most, listed = {f"x{number}": 1 for number in range(20_000)}, invoices.get(INVOICES).data
    answer = invoices.post(INVOICES, json=most)
    assert (answer.status_code, answer.json["errors"]["others"]) == (400, ["19900 more."])
    for more in (most | {"one": "more"}, {"z": [[]] * 10_000}, {"z": [{}] * 10_000}, {"z": [0] * 20_000}):
        answer = invoices.post(INVOICES, json=more)
        assert (answer.status_code, answer.json["errors"]) == (400, {"json": ["More than 20000 values."]})
    answer = invoices.post("/invoices.json", json={"invoice": most})
    why = "Invalid request parameters: json: More than 20000 values."
    assert (answer.status_code, answer.json["MESSAGE"]) == (400, why)
    assert invoices.get(INVOICES).data == listed
    most.popitem()
    assert invoices.post("/invoices.json", json={"invoice": most}).status_code == 201


def test_bad_input_is_named_and_leaves_nothing_behind(invoices: Client) -> None:
    made = make(invoices, total=5)
    listed = invoices.get(INVOICES).data
    with nothing_changes(invoices, made):
        for field, values in BAD.items():
            for value in values:
                body = f'{{"{field}": {value}}}'
                for answer in (
                    invoices.post(INVOICES, data=body, content_type="application/json"),
                    invoices.put(url(made), data=body, content_type="application/json"),
                ):
                    assert answer.status_code == 400, (body[:80], answer.data)
                    assert list(answer.json["errors"]) in ([field], ["json"]), (body[:80], answer.data)
    assert invoices.get(INVOICES).data == listed


@pytest.mark.parametrize("body", ["", "[]", "null", "1", '"x"', "{", '{"total": 1, "total": 2}', "[" * 40 + "]" * 40])
def test_a_body_that_is_no_object_is_refused(invoices: Client, body: str) -> None:
    made = make(invoices)
    with nothing_changes(invoices, made):
        for method, path in (("POST", INVOICES), ("PUT", url(made)), ("POST", url(made, "/payments"))):
            answer = invoices.open(method, path, data=body, content_type="application/json")
            assert answer.status_code == 400, (method, body)
    assert invoices.post(INVOICES, data="total=1", content_type="text/plain").status_code == 415


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_called_json_is_none_in_every_dialect(invoices: Client, kind: str | None) -> None:
    made = make(invoices, client_email="a@b.example", total=5)
    transaction_id = invoices.get("/api/invoices").json["invoices"][0]["transaction_id"]
    account = invoices.caller.account_id
    with nothing_changes(invoices, made):
        for method, path, body in (
            ("POST", INVOICES, {}),
            ("PUT", url(made), {"notes": "x"}),
            ("POST", url(made, "/send"), {}),
            ("PUT", SETTINGS, {}),
            ("POST", "/api/v1/invoices", {"accountId": account}),
            ("POST", "/api/invoices", {}),
            ("PUT", f"/api/invoices/{transaction_id}", {"notes": "x"}),
            ("DELETE", f"/api/invoices/{transaction_id}/destroy", {"user_email": "a@b.example"}),
            ("POST", "/projects.json", {"project": {"name": "x"}}),
            ("POST", "/companies.json", {"company": {"name": "x"}}),
        ):
            answer = invoices.seen_by(scopes=("admin",)).open(method, path, data=json.dumps(body), content_type=kind)
            assert answer.status_code == 415, (method, path, answer.data)
    assert len(invoices.get(INVOICES).json["data"]) == 1


def test_text_is_kept_to_the_letter(invoices: Client) -> None:
    text = "Ünï — 漢字\n\t'; DROP TABLE invoices; -- %s {0} <b> 😀"
    assert make(invoices, notes=text, client_name=text)["notes"] == text


# Versions


def test_only_the_current_version_can_be_insisted_on(invoices: Client) -> None:
    made = make(invoices, status="sent", total=10, client_email="a@b.example")
    stale = {"If-Match": '"0"'}
    with nothing_changes(invoices, made):
        for answer in (
            invoices.put(url(made), json={"notes": "x"}, headers=stale),
            invoices.delete(url(made), headers=stale),
            invoices.post(url(made, "/send"), headers=stale),
            invoices.post(url(made, "/payments"), json={"amount": 1}, headers=stale),
        ):
            assert answer.status_code == 412
    current = invoices.get(url(made)).headers["ETag"]
    changed = invoices.put(url(made), json={"notes": "x"}, headers={"If-Match": current})
    assert changed.status_code == 200
    assert invoices.put(url(made), json={"notes": "y"}, headers={"If-Match": current}).status_code == 412


def test_a_tag_changes_with_what_is_shown(invoices: Client) -> None:
    made = make(invoices, status="sent", total=10, due_date="2024-01-01")
    tag = invoices.get(url(made)).headers["ETag"]
    assert tag == '"1-overdue"'
    assert invoices.put(url(made), json={"notes": "x"}, headers={"If-Match": tag}).status_code == 200


# Keys


@pytest.mark.parametrize(
    "work",
    [
        lambda invoices, made, key: invoices.post(INVOICES, json={"total": 1}, headers=key),
        lambda invoices, made, key: invoices.post(url(made, "/payments"), json={"amount": 4}, headers=key),
        lambda invoices, made, key: invoices.put(url(made), json={"status": "paid"}, headers=key),
        lambda invoices, made, key: invoices.delete(url(made), headers=key),
    ],
)
def test_a_keyed_write_is_done_once(invoices: Client, work: Callable[..., Any]) -> None:
    made = make(invoices, status="sent", invoice_number="A", total=10)
    key = {"Idempotency-Key": "k"}
    first = work(invoices, made, key)
    again = work(invoices, made, key)
    assert first.status_code < 300
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers.get("Location") == first.headers.get("Location")
    assert len(history(invoices, made)) <= 2
    other = invoices.put(url(made), json={"notes": "another body"}, headers=key)
    assert other.status_code == 422


def test_a_refusal_stays_a_refusal_under_its_key(invoices: Client) -> None:
    made = make(invoices, total=10)
    key = {"Idempotency-Key": "k"}
    assert invoices.post(url(made, "/payments"), json={"amount": 4}, headers=key).status_code == 422
    data(invoices.put(url(made), json={"status": "sent"}))
    again = invoices.post(url(made, "/payments"), json={"amount": 4}, headers=key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (422, "true")
    assert read(invoices, made)["amount_paid"] == 0
    bad = {"Idempotency-Key": "k2"}
    wrong(invoices.post(url(made, "/payments"), json={"amount": 0}, headers=bad), "amount")
    assert invoices.post(url(made, "/payments"), json={"amount": 4}, headers=bad).status_code == 201


# Settings


def test_settings_begin_with_defaults_and_change_by_name(invoices: Client) -> None:
    admin = invoices.seen_by(scopes=("admin",))
    first = admin.get(SETTINGS)
    assert data(first)["number_format"] == "INV-{year}-{number:04d}"
    assert first.headers["ETag"] == '"0"'
    made = admin.put(SETTINGS, json={"seller_name": "Me"}, headers={"If-Match": '"0"'})
    assert made.headers["ETag"] == '"1"'
    changed = admin.put(SETTINGS, json={"bank_details": "IBAN", "seller_name": None})
    assert data(changed) == {**data(first), "bank_details": "IBAN"}
    assert data(admin.get(SETTINGS)) == data(changed)
    assert admin.put(SETTINGS, json={"seller_name": "x"}, headers={"If-Match": '"1"'}).status_code == 412
    for bad in ("{number.__class__}", "INV-{year}", "", None, "{number:9999999d}"):
        wrong(admin.put(SETTINGS, json={"number_format": bad, "seller_name": "x"}), "number_format")
    wrong(admin.put(SETTINGS, json={"logo": "x"}), "logo")
    assert data(admin.get(SETTINGS)) == data(changed)
