"""The signed caller: believed for a minute, by the one it is meant for, and only as it was signed."""

import hashlib
import hmac
from base64 import urlsafe_b64decode
from dataclasses import asdict, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeTimedSerializer

from shared.caller import CLOCKS, INTERNAL, MAX_AGE, Caller, sign, verify

SECRET = "a secret that callers are signed with"
NEXT = "the secret that they will be signed with"
CALLER = Caller(
    workspace_id="w",
    company_id=3,
    account_id="a",
    account_ids=("a", "b"),
    member_id=7,
    key_id="k",
    scopes=("budgets:read", "expenses:write"),
    currency="EUR",
    time_zone="Europe/Paris",
)


def test_what_was_signed_is_read_back() -> None:
    assert verify(sign(CALLER, SECRET, "budgets"), SECRET, "budgets") == CALLER
    nobody = Caller(workspace_id="w")
    assert verify(sign(nobody, SECRET, "budgets"), SECRET, "budgets") == nobody


def test_a_caller_is_bound_to_its_audience() -> None:
    assert verify(sign(CALLER, SECRET, "invoices"), SECRET, "budgets") is None


def test_a_caller_signed_with_another_secret_is_refused() -> None:
    assert verify(sign(CALLER, "another", "budgets"), SECRET, "budgets") is None


def test_a_caller_is_signed_with_sha_256_and_a_key_of_its_audience() -> None:
    token = sign(CALLER, SECRET, "budgets")
    signed = token.rpartition(".")[0]
    key = hmac.digest(SECRET.encode(), b"caller:budgets", hashlib.sha256)
    expected = hmac.digest(key, signed.encode(), hashlib.sha256)
    assert _signature(token) == expected


@pytest.mark.parametrize("secrets", [f"{NEXT},{SECRET}", f"{SECRET},{NEXT}", f" {NEXT} , {SECRET} "])
def test_one_of_several_secrets_is_believed(secrets: str) -> None:
    assert verify(sign(CALLER, SECRET, "budgets"), secrets, "budgets") == CALLER
    assert verify(sign(CALLER, NEXT, "budgets"), secrets, "budgets") == CALLER
    assert verify(sign(CALLER, "of another installation", "budgets"), secrets, "budgets") is None


def test_the_first_of_several_secrets_signs() -> None:
    token = sign(CALLER, f"{NEXT},{SECRET}", "budgets")
    assert verify(token, NEXT, "budgets") == CALLER
    assert verify(token, SECRET, "budgets") is None


def test_secrets_are_exchanged_without_a_moment_of_disbelief() -> None:
    """First every process accepts the new one, then it signs, then the old one goes: two neighbours always agree."""
    steps = [SECRET, f"{SECRET},{NEXT}", f"{NEXT},{SECRET}", NEXT]
    for before, after in pairwise(steps):
        assert verify(sign(CALLER, before, "budgets"), after, "budgets") == CALLER
        assert verify(sign(CALLER, after, "budgets"), before, "budgets") == CALLER


@pytest.mark.parametrize(
    ("age", "believed"),
    [(0, True), (MAX_AGE, True), (MAX_AGE + 1, False), (-1, True), (-CLOCKS, True), (-CLOCKS - 1, False)],
)
def test_a_caller_is_believed_for_a_minute_by_clocks_that_differ_by_seconds(
    monkeypatch: pytest.MonkeyPatch, age: int, believed: bool
) -> None:
    token = sign(CALLER, SECRET, "budgets")
    signed_at = _signed_at(token)
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: signed_at + age)
    assert (verify(token, SECRET, "budgets") == CALLER) is believed


@given(st.data())
def test_a_token_with_one_letter_changed_is_refused(data: st.DataObject) -> None:
    token = sign(CALLER, SECRET, "budgets")
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019-_."))
    forged = token[:at] + letter + token[at + 1 :]
    assert verify(forged, SECRET, "budgets") in ([CALLER] if _same_bits(forged, token) else [None])


@given(st.text())
def test_no_text_does_worse_than_being_refused(token: str) -> None:
    assert verify(token, SECRET, "budgets") is None


@pytest.mark.parametrize(
    "facts",
    [
        asdict(CALLER) | {"root": True},
        {"workspace_id": "w"},
        {},
        [],
        "w",
        None,
        7,
        asdict(CALLER) | {"scopes": None},
    ],
)
def test_facts_of_another_shape_are_refused(facts: object) -> None:
    token = _serializer().dumps(facts)
    assert verify(token, SECRET, "budgets") is None


def test_a_key_may_do_what_its_scopes_say() -> None:
    assert CALLER.may("budgets:read")
    assert not CALLER.may("budgets:write")
    assert not CALLER.may("admin")


def test_admin_may_do_everything_but_what_services_do() -> None:
    admin = replace(CALLER, scopes=("admin",))
    assert admin.may("budgets:write")
    assert admin.may("admin")
    assert not admin.may(INTERNAL)


def test_a_service_may_do_what_services_do_and_nothing_else() -> None:
    service = Caller.service("expenses", "w")
    assert (service.workspace_id, service.key_id, service.may(INTERNAL)) == ("w", "service:expenses", True)
    assert not service.may("budgets:read")
    assert not service.may("admin")


def _signed_at(token: str) -> int:
    _, at = _serializer().loads(token, return_timestamp=True)
    return int(at.timestamp())


def _serializer() -> URLSafeTimedSerializer:
    as_ours = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeTimedSerializer(SECRET, salt="caller:budgets", signer_kwargs=as_ours)


def _same_bits(forged: str, token: str) -> bool:
    """The last letter of a signature carries bits that nobody reads; changing those alone forges nothing."""
    return forged[:-1] == token[:-1] and _signature(forged) == _signature(token)


def _signature(token: str) -> bytes:
    return urlsafe_b64decode(token.rpartition(".")[2] + "=")
