"""What every answer carries, the limits, and the health pages."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from structlog.testing import CapturingLogger

from gateway import limits
from gateway.keys import actions
from gateway.limits import Allowance, RateLimit
from shared.errors import TooManyRequests
from tests.gateway.conftest import KEY_SECRET, Clock, Gateway, Start
from tests.gateway.peers import respond

TARGET = "/v1/dev/finance/invoices"


@pytest.mark.parametrize("target", [TARGET, "/nothing", "/healthz", "/readyz", "/docs", "/openapi/finance.json"])
def test_every_answer_is_guarded(gateway: Gateway, target: str) -> None:
    reply = gateway.get(target)
    assert reply.headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert reply.headers.get_all("X-Frame-Options") == ["DENY"]
    assert reply.headers.get_all("Referrer-Policy") == ["no-referrer"]
    assert len(reply.headers.get_all("X-Request-Id") or []) == 1
    assert len(reply.headers.get_all("Content-Security-Policy") or []) == 1


def test_an_api_answer_is_not_kept_and_runs_nothing(gateway: Gateway) -> None:
    reply = gateway.get(TARGET)
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_without_a_limit_there_are_no_limit_headers(gateway: Gateway) -> None:
    assert "RateLimit-Limit" not in gateway.get(TARGET).headers


def test_a_key_has_so_many_requests_a_minute(start: Start) -> None:
    gateway = start(rate_limit=2)
    other = actions.issue(gateway.components.db, KEY_SECRET, "Acme")
    for left in ("1", "0"):
        reply = gateway.get(TARGET)
        assert (reply.status, reply.headers["RateLimit-Limit"], reply.headers["RateLimit-Remaining"]) == (
            200,
            "2",
            left,
        )
        assert 0 < int(reply.headers["RateLimit-Reset"]) <= 60
    reply = gateway.call("POST", TARGET, body=b"{}")
    assert (reply.status, reply.json) == (429, {"message": "Too many requests"})
    assert 0 < int(reply.headers["Retry-After"]) <= 60
    assert reply.headers["Retry-After"] == reply.headers["RateLimit-Reset"]
    assert (reply.headers["RateLimit-Limit"], reply.headers["RateLimit-Remaining"]) == ("2", "0")
    assert gateway.asked == 2
    assert gateway.get(TARGET, key=other.key).status == 200


def taken(limit: RateLimit, times: int) -> int:
    """How many of so many requests are let through."""
    passed = 0
    for _ in range(times):
        try:
            limit.hit("k")
        except TooManyRequests:
            continue
        passed += 1
    return passed


def test_no_minute_wherever_it_begins_has_more_than_the_limit(clock: Clock) -> None:
    limit = RateLimit(10, "memory://")
    clock.now += 59  # the last second of a minute of the clock
    assert taken(limit, 11) == 10
    clock.now += 2
    assert taken(limit, 11) == 0
    clock.now += 57.5
    assert taken(limit, 11) == 0
    clock.now += 1
    assert taken(limit, 11) == 10


def test_what_is_left_comes_back_a_minute_after_it_was_taken(clock: Clock) -> None:
    limit = RateLimit(2, "memory://")
    assert limit.hit("k") == Allowance(2, 1, 60)
    clock.now += 20
    assert limit.hit("k") == Allowance(2, 0, 40)
    clock.now += 10
    with pytest.raises(TooManyRequests) as refused:
        limit.hit("k")
    assert refused.value.headers == {
        "RateLimit-Limit": "2",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "30",
        "Retry-After": "30",
    }
    assert limit.hit("another") == Allowance(2, 1, 60)
    clock.now += 30.5
    assert limit.hit("k") == Allowance(2, 0, 20)


def test_a_key_that_was_quiet_for_a_minute_takes_no_memory(clock: Clock) -> None:
    here = limits._Here(1)
    for key in ("a", "b", "c"):
        assert here.hit(key)[0]
        clock.now += 25
    assert here.hit("d")[0]
    assert list(here._hits) == ["b", "c", "d"]
    assert not here.hit("b")[0]
    assert list(here._hits) == ["c", "d", "b"]


def test_when_the_counting_place_is_away_requests_pass_and_it_is_left_alone_for_a_while(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(limits, "log", log)
    monkeypatch.setattr("shared.breaker.time", SimpleNamespace(monotonic=lambda: 0.0))
    gateway = start(rate_limit=1, limits_url="redis://127.0.0.1:9/0")
    for _ in range(5):
        reply = gateway.get(TARGET)
        assert reply.status == 200
        assert "RateLimit-Limit" not in reply.headers
    assert [call.args for call in log.calls] == [("limits.unavailable",)]


def test_healthz_says_that_the_process_lives(gateway: Gateway) -> None:
    reply = gateway.get("/healthz", key=None)
    assert (reply.status, reply.json) == (200, {"status": "ok"})
    assert gateway.asked == 0


def test_readyz_says_when_every_service_is_ready(gateway: Gateway) -> None:
    reply = gateway.get("/readyz", key=None)
    assert (reply.status, reply.json) == (200, {"status": "ready"})
    assert [peer.requests[0].target for peer in gateway.peers.values()] == ["/readyz"] * 3


def test_all_who_ask_readyz_at_once_are_told_what_one_was(gateway: Gateway) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: gateway.get("/readyz", key=None), range(8)))
    assert [(reply.status, reply.json) for reply in replies] == [(200, {"status": "ready"})] * 8
    assert [len(peer.requests) for peer in gateway.peers.values()] == [1] * 3


def test_readyz_names_what_is_not_ready(start: Start) -> None:
    gateway = start(expenses_url="http://127.0.0.1:9")
    gateway.peers["budgets"].respond = lambda handler, _: respond(handler, 503, b"{}")
    reply = gateway.get("/readyz", key=None)
    assert reply.status == 503
    assert reply.json == {
        "status": "not ready",
        "message": "not ready: budgets, expenses",
        "not_ready": ["budgets", "expenses"],
    }


def test_readyz_says_when_the_migrations_are_not_done(gateway: Gateway) -> None:
    with gateway.components.db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    reply = gateway.get("/readyz", key=None)
    assert (reply.status, reply.json["not_ready"]) == (503, ["gateway"])
