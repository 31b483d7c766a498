"""One workspace, or one key, with many requests under way: the others are answered at once."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import pytest

from gateway import places
from gateway.keys import actions
from tests.gateway.conftest import KEY_SECRET, Gateway, Reply, Start
from tests.gateway.peers import Seen, plain, respond
from tests.product import wait_until

INVOICES = "/v1/dev/finance/invoices"
PDF = f"{INVOICES}/7f8b4f1e-5d4b-4c43-9a3f-0d2f2a1f4a10.pdf"


class Slow:
    """A service that is at work on what `path` ends with until it is told to finish."""

    def __init__(self, path: str) -> None:
        self._path, self._done = path, threading.Event()
        self.working = 0

    def respond(self, handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        if seen.target.endswith(self._path):
            self.working += 1
            self._done.wait(60)
        plain(handler, seen)

    def finish(self) -> None:
        self._done.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as pool:
        yield pool


def waiting(gateway: Gateway) -> int:
    """How many requests wait in the gateway."""
    known = gateway.components.places
    return sum(len(turns._waiting) for turns in (known._drawing, *known._at.values()))


def crowd(gateway: Gateway, pool: ThreadPoolExecutor, slow: Slow, target: str, at_once: int) -> list[Future[Reply]]:
    """Twelve requests for the same; `at_once` of them have come to the service, the others wait."""
    gateway.invoices.respond = slow.respond
    asked = [pool.submit(gateway.get, target) for _ in range(12)]
    wait_until(lambda: (slow.working, waiting(gateway)) == (at_once, 12 - at_once))
    return asked


@pytest.mark.parametrize(("target", "at_once"), [(PDF, 1), (INVOICES + "/1", 3)])
def test_one_key_leaves_places_to_the_others(
    gateway: Gateway, pool: ThreadPoolExecutor, target: str, at_once: int
) -> None:
    slow = Slow(target)
    asked = crowd(gateway, pool, slow, target, at_once)
    for workspace in ("Acme", "Beta"):
        other = actions.issue(gateway.components.db, KEY_SECRET, workspace).key
        assert gateway.get(INVOICES, key=other).status == 200
    assert slow.working == at_once
    slow.finish()
    assert [each.result().status for each in asked] == [200] * 12
    assert slow.working == 12
    wait_until(lambda: not gateway.components.places._at["invoices"]._of_owner)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (INVOICES + "/1", {"message": "Too many requests at once"}),
        (
            "/api/v1/invoices/1",
            {"success": False, "message": "Too many requests", "error": "Too many requests at once"},
        ),
        ("/api/invoices/1", {"message": "Too many requests at once"}),
        ("/invoices/1.json", {"STATUS": "Error", "MESSAGE": "Too many requests at once"}),
    ],
)
def test_who_waits_too_long_is_told_so_in_the_words_of_the_dialect(
    start: Start, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, target: str, said: dict[str, object]
) -> None:
    monkeypatch.setattr(places, "PATIENCE", 0.05)
    gateway, slow = start(), Slow(target)
    gateway.invoices.respond = slow.respond
    asked = [pool.submit(gateway.get, target) for _ in range(3)]
    wait_until(lambda: slow.working == 3)
    reply = gateway.get(target)
    slow.finish()
    assert (reply.status, reply.json, reply.headers["Retry-After"]) == (429, said, "1")
    assert slow.working == 3
    assert [each.result().status for each in asked] == [200] * 3


def test_a_download_has_its_place_until_it_ends(gateway: Gateway) -> None:
    def large(handler: BaseHTTPRequestHandler, _: Seen) -> None:
        respond(handler, 200, b"x" * 200_000)

    gateway.invoices.respond = large
    for _ in range(12):
        assert len(gateway.get(INVOICES).body) == 200_000
    wait_until(lambda: not gateway.components.places._at["invoices"]._of_owner)


def test_a_failure_gives_the_place_back(start: Start) -> None:
    gateway = start(invoices_url="http://127.0.0.1:9")
    assert [gateway.get(INVOICES).status for _ in range(12)] == [503] * 12
    assert not gateway.components.places._at["invoices"]._of_owner
