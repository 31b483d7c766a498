"""The load: kept connections, each with one request under way, driven by one thread so that the servers keep the CPU.

A measurement ends by itself: at its deadline nothing new is sent, and what is under way is waited for.
"""

import re
import select
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

PATIENCE = 20.0
"""Seconds after which an answer that has not come is an error."""

_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)


class Wrong(Exception):
    """An answer that must not be: another status than expected, or none."""


@dataclass(frozen=True)
class Target:
    """Where requests go, and the headers they go with."""

    name: str
    port: int
    headers: Mapping[str, str]

    def message(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """A request as it is sent."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


@dataclass
class Measured:
    """What one measurement saw."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)  # seconds, one a request

    @property
    def rate(self) -> float:
        """Requests answered a second."""
        return len(self.times) / self.seconds

    def percentile(self, share: float) -> float:
        """The time, in milliseconds, within which this share of the requests was answered."""
        ordered = sorted(self.times)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000


class Connection:
    """One client: sends a request, waits for the whole answer, sends the next."""

    def __init__(self, port: int, messages: Iterator[bytes], status: int) -> None:
        self._messages, self._begins = messages, b"HTTP/1.1 %d " % status
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._had, self._expected = b"", 0
        self.sent_at = 0.0

    def send(self) -> None:
        """The next request."""
        self._had, self._expected = b"", 0
        self.sent_at = time.perf_counter()
        self.sock.sendall(next(self._messages))

    def receive(self) -> bool:
        """Take what has come; whether the answer is whole. Raises Wrong."""
        piece = self.sock.recv(262144)
        if not piece:
            raise Wrong(f"hung up after {self._had[:200]!r}")
        self._had += piece
        if not self._expected:
            end = self._had.find(b"\r\n\r\n")
            if end < 0:
                return False
            length = _LENGTH.search(self._had, 0, end)
            if not self._had.startswith(self._begins) or length is None:
                raise Wrong(f"expected {self._begins.decode()}and got {self._had[:600]!r}")
            self._expected = end + 4 + int(length[1])
        return len(self._had) >= self._expected

    @property
    def body(self) -> bytes:
        """The answer's body."""
        return self._had.partition(b"\r\n\r\n")[2]


def measure(port: int, messages: list[Iterator[bytes]], *, status: int, seconds: float) -> Measured:
    """Keep every connection busy for so long; one connection for each of `messages`.

    Raises:
        Wrong: an answer with another status, or none.
    """
    connections = {each.sock.fileno(): each for each in (Connection(port, one, status) for one in messages)}
    poll = select.epoll()
    for number in connections:
        poll.register(number, select.EPOLLIN)
    seen = Measured()
    try:
        began = time.perf_counter()
        for each in connections.values():
            each.send()
        _drive(poll, connections, seen, until=began + seconds)
        seen.seconds = time.perf_counter() - began
    finally:
        poll.close()
        for each in connections.values():
            each.sock.close()
    return seen


def ask(port: int, message: bytes, *, status: int) -> bytes:
    """One request; the body of its answer. Raises Wrong."""
    connection = Connection(port, iter([message]), status)
    try:
        connection.send()
        while not connection.receive():
            pass
        return connection.body
    finally:
        connection.sock.close()


def _drive(poll: select.epoll, connections: Mapping[int, Connection], seen: Measured, *, until: float) -> None:
    under_way = len(connections)
    while under_way:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise Wrong(f"{under_way} answers have not come within {PATIENCE:.0f} seconds")
        for number, _ in ready:
            connection = connections[number]
            if not connection.receive():
                continue
            now = time.perf_counter()
            seen.times.append(now - connection.sent_at)
            if now < until:
                connection.send()
            else:
                under_way -= 1
