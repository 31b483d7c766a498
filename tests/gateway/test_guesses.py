"""Guessed keys: soon refused without a look into the database, whoever else calls from the same address."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import CapturingLogger

from gateway.address import Proxies
from gateway.guesses import Guesses
from gateway.keys import actions, secret
from shared.db import new_id
from shared.errors import TooManyRequests
from tests.gateway.conftest import KEY_SECRET, Clock, Gateway, Start

TARGET = "/v1/dev/finance/invoices"


def guess(gateway: Gateway, target: str = TARGET, **headers: str) -> tuple[int, Any]:
    """What is answered to a key that nobody has."""
    reply = gateway.get(target, key=secret.new_key(new_id()), headers=headers)
    return reply.status, reply.json


@contextmanager
def statements(gateway: Gateway) -> Iterator[list[str]]:
    """The queries that the gateway's database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append(statement)

    for pool in gateway.components.db.pools:
        event.listen(pool, "before_cursor_execute", note)
    yield asked
    for pool in gateway.components.db.pools:
        event.remove(pool, "before_cursor_execute", note)


def test_guesses_are_refused_before_the_database_is_asked(start: Start) -> None:
    gateway = start(guess_limit=5)
    with statements(gateway) as asked:
        answers = [guess(gateway)[0] for _ in range(20)]
    assert answers[:5] == [401] * 5
    assert answers.count(429) >= 14  # on a slow machine another may be free meanwhile
    assert len(asked) == answers.count(401)
    assert gateway.asked == 0


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (TARGET, {"message": "Too many requests"}),
        ("/api/invoices", {"message": "Too many requests"}),
        ("/api/v1/invoices", {"success": False, "message": "Too many requests", "error": "Too many requests"}),
        ("/invoices.json", {"STATUS": "Error", "MESSAGE": "Too many requests"}),
    ],
)
def test_a_guess_too_many_is_told_when_to_come_again(start: Start, target: str, said: dict[str, Any]) -> None:
    gateway = start(guess_limit=1)
    guess(gateway, target)
    reply = gateway.get(target, key=secret.new_key(new_id()))
    assert (reply.status, reply.json) == (429, said)
    assert 1 <= int(reply.headers["Retry-After"]) <= 60


def test_an_address_sends_so_many_requests_without_a_valid_key_and_those_with_one_go_on(
    start: Start, clock: Clock
) -> None:
    gateway = start(stranger_limit=5, rate_limit=100)
    unknown = secret.new_key(new_id())
    elsewhere = {"Authorization": "Basic eDp5", "Sec-Fetch-Site": "cross-site"}
    for said, status in (
        ({"key": None}, 401),
        ({"key": "nonsense"}, 401),
        ({"key": unknown}, 401),
        ({"key": unknown}, 401),
        ({"key": None, "headers": elsewhere}, 403),
        ({"key": None}, 429),
        ({"key": "nonsense"}, 429),
        ({"key": unknown}, 429),
        ({"key": None, "headers": elsewhere}, 429),
    ):
        assert gateway.get(TARGET, **said).status == status
    reply = gateway.get(TARGET, key=None)
    assert (reply.json, reply.headers["Retry-After"]) == ({"message": "Too many requests"}, "12")
    assert (gateway.get(TARGET).status, gateway.get("/healthz", key=None).status) == (200, 200)
    clock.now += 12
    assert [gateway.get(TARGET, key=None).status for _ in range(2)] == [401, 429]


def test_one_that_is_shown_again_and_again_is_looked_for_once(gateway: Gateway) -> None:
    wrong = secret.new_key(new_id())
    with statements(gateway) as asked:
        assert [gateway.get(TARGET, key=wrong).status for _ in range(3)] == [401] * 3
    assert len(asked) == 1


def test_a_key_that_was_valid_goes_on_from_an_address_that_guesses(start: Start) -> None:
    gateway = start(guess_limit=1)
    assert gateway.get(TARGET).status == 200
    while guess(gateway)[0] != 429:
        pass
    assert gateway.get(TARGET).status == 200
    time.sleep(1.0)  # what is remembered of it is no longer believed
    while guess(gateway)[0] != 429:
        pass
    assert gateway.get(TARGET).status == 200


def test_valid_keys_that_are_new_are_no_guesses(start: Start) -> None:
    gateway = start(guess_limit=2)
    keys = [actions.issue(gateway.components.db, KEY_SECRET, "Acme").key for _ in range(5)]
    assert [gateway.get(TARGET, key=key).status for key in keys] == [200] * 5


def test_where_a_stranger_comes_from_is_logged_and_of_a_caller_it_is_not(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr("shared.web.log", log)
    guess(gateway)
    gateway.get(TARGET)
    assert [call.kwargs["address"] for call in log.calls] == ["127.0.0.1", None]


@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8"])
def test_what_anybody_says_of_addresses_is_not_believed(start: Start, trusted: str) -> None:
    gateway = start(guess_limit=1, trusted_proxies=trusted)
    answers = [guess(gateway, **{"X-Forwarded-For": f"192.0.2.{number}"})[0] for number in range(3)]
    assert answers == [401, 429, 429]


def test_a_trusted_proxy_says_where_requests_come_from(start: Start) -> None:
    gateway = start(guess_limit=1, trusted_proxies="127.0.0.1, 10.0.0.0/8")

    def told(forwarded: str) -> int:
        return guess(gateway, **{"X-Forwarded-For": forwarded})[0]

    assert [told("192.0.2.1"), told("192.0.2.2"), told("192.0.2.2")] == [401, 401, 429]
    assert told("198.51.100.9, 192.0.2.1, 10.1.1.1") == 429  # only what the proxies have added counts


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("", "10.0.0.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.9, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("nonsense, 10.0.0.2", "10.0.0.2"),
        ("192.0.2.1, nonsense", "10.0.0.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_proxy(forwarded: str, client: str) -> None:
    assert Proxies.written("10.0.0.0/8").client("10.0.0.1", forwarded) == client
    assert Proxies().client("10.0.0.1", forwarded) == "10.0.0.1"


def test_networks_that_are_none_are_refused_at_the_start(start: Start) -> None:
    with pytest.raises(SystemExit, match="TRUSTED_PROXIES"):
        start(trusted_proxies="everybody")


def refused(guesses: Guesses, address: str) -> bool:
    """Whether one more is refused."""
    try:
        guesses.take(address)
    except TooManyRequests:
        return True
    return False


def test_guesses_are_forgotten_one_after_the_other(clock: Clock) -> None:
    guesses = Guesses(60)
    assert [refused(guesses, "192.0.2.1") for _ in range(61)] == [False] * 60 + [True]
    with pytest.raises(TooManyRequests) as soon:
        guesses.take("192.0.2.1")
    assert soon.value.headers == {"Retry-After": "1"}
    clock.now += 2
    assert [refused(guesses, "192.0.2.1") for _ in range(3)] == [False, False, True]
    assert not refused(guesses, "192.0.2.2")


def test_an_ipv6_network_is_one_address() -> None:
    guesses = Guesses(1)
    assert not refused(guesses, "2001:db8::1")
    assert refused(guesses, "2001:db8::2")
    assert not refused(guesses, "2001:db8:0:1::1")


def test_the_addresses_that_are_remembered_are_bounded() -> None:
    guesses = Guesses(1, addresses=3)
    assert not any(refused(guesses, f"192.0.2.{number}") for number in range(9))
    assert len(guesses._made) == 3
    assert refused(guesses, "192.0.2.8")
