"""A small TCP proxy in front of a service, which lets some requests through badly.

All that the gateway and the services say to one another goes through one of these. What a network never does to a
request of TCP, it does not do either: only messages between services (`/internal/...`) are delivered twice or late, as
copies of those are promised to change nothing.
"""

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from tests.chaos.wire import Broken, Stream

PATIENCE = 60.0
LATEST = 4.0
"""Seconds by which a copy is late, at most."""
JITTER = 0.2
"""Seconds, at most, by which one in four answers between services comes later, so that races meet in many ways."""

LINGERING, LINGER = "lingering-", 1.0
"""What the id of a request begins with whose answers, between services, come so many seconds later."""


class Proxy:
    """Listens on a port of its own, and hands requests on to another."""

    def __init__(self, name: str, target: int, chance: random.Random) -> None:
        self.name, self.target = name, target
        self.badness = 0.0  # which part of the requests goes wrong
        self.done: Counter[str] = Counter()
        self._chance = chance
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._late = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is to be found."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way that is late."""
        return self._late == 0

    def close(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        stream = Stream(connection)
        with connection, suppress(OSError, ValueError):
            while True:
                self._handle(stream, stream.request())

    def _handle(self, client: Stream, request: bytes) -> None:
        way = self._way(request)
        if way is not _through:
            self.done[f"{self.name}: {way.__name__.strip('_').replace('_', ' ')}"] += 1
        way(self, client, request)

    def _way(self, request: bytes) -> "Way":
        if self._chance.random() >= self.badness:
            return _through
        return self._chance.choice([*ANY, *(COPIES if _internal(request) else ())])

    def ask(self, request: bytes) -> bytes:
        """The answer of the service behind. Raises OSError."""
        with socket.create_connection(("127.0.0.1", self.target), timeout=PATIENCE) as behind:
            behind.sendall(request)
            return Stream(behind).answer(request)

    def ask_later(self, request: bytes) -> None:
        """Ask after a while, and let nobody hear the answer."""

        def ask() -> None:
            time.sleep(self._chance.uniform(0.05, LATEST))
            with suppress(OSError):
                self.ask(request)
            self._late -= 1

        self._late += 1
        threading.Thread(target=ask, daemon=True).start()

    def wait(self) -> None:
        """A while."""
        time.sleep(self._chance.uniform(0.05, LATEST))

    def jitter(self, request: bytes) -> None:
        """A moment, sometimes; longer where the request's id asks for it."""
        if f"\r\nx-request-id: {LINGERING}".encode() in request.lower():
            time.sleep(LINGER)
        elif self._chance.random() < 0.25:
            time.sleep(self._chance.uniform(0.0, JITTER))


def _internal(request: bytes) -> bool:
    """Whether it is of one service to another."""
    return request.split(b" ", 2)[1].startswith(b"/internal/")


Way = Callable[[Proxy, Stream, bytes], None]


def _through(proxy: Proxy, client: Stream, request: bytes) -> None:
    answer = proxy.ask(request)
    if _internal(request):
        proxy.jitter(request)
    client.connection.sendall(answer)


def _delayed(proxy: Proxy, client: Stream, request: bytes) -> None:
    proxy.wait()
    _through(proxy, client, request)


def _answer_delayed(proxy: Proxy, client: Stream, request: bytes) -> None:
    answer = proxy.ask(request)
    proxy.wait()
    client.connection.sendall(answer)


def _answer_dropped(proxy: Proxy, _client: Stream, request: bytes) -> None:
    proxy.ask(request)
    raise Broken


def _answer_cut(proxy: Proxy, client: Stream, request: bytes) -> None:
    answer = proxy.ask(request)
    client.connection.sendall(answer[: len(answer) // 2])
    raise Broken


def _request_cut(proxy: Proxy, _client: Stream, request: bytes) -> None:
    with socket.create_connection(("127.0.0.1", proxy.target), timeout=PATIENCE) as behind:
        behind.sendall(request[: len(request) // 2])
    raise Broken


def _refused(_proxy: Proxy, _client: Stream, _request: bytes) -> None:
    raise Broken


def _delivered_twice(proxy: Proxy, client: Stream, request: bytes) -> None:
    proxy.ask_later(request)
    _through(proxy, client, request)


def _delivered_late(proxy: Proxy, _client: Stream, request: bytes) -> None:
    proxy.ask_later(request)
    raise Broken


ANY: tuple[Way, ...] = (_delayed, _answer_delayed, _answer_dropped, _answer_cut, _request_cut, _refused)
COPIES: tuple[Way, ...] = (_delivered_twice, _delivered_late, _delivered_late)
