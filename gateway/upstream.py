"""A service as the gateway reaches it: kept connections, deadlines, and which failures may be tried again.

A connection is used by one request at a time. Kept ones lie on a stack that all threads share, so the warmest is used
first and the surplus grows old.
"""

import http.client
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from gateway.answer import Answer
from shared.breaker import Attempt, Breaker, Open
from shared.bulkhead import Bulkhead, Full
from shared.errors import DeadlineExceeded, Unavailable

CONNECT: Final = 1.0
"""Seconds to wait for a connection."""

IDLE: Final = 15.0
"""Seconds after which a kept connection is not used again; the services keep theirs for 30."""

PLACES: Final = 256
"""The most requests that wait for one service at once."""

PATIENCE: Final = 1.0
"""Seconds to wait for a place among them while it answers none."""

FAILURES: Final = 3
"""Requests in a row without an answer after which it is left alone. One key has so many places at eight threads."""

REPEATABLE: Final = frozenset({"GET", "HEAD"})


@dataclass(slots=True)
class Ask:
    """A request in the form it is sent in."""

    method: str
    head: bytes  # with the body, when that is small
    pieces: Iterable[bytes] | None = None  # the body, when it is large; it can be had only once


class Lost(Exception):
    """The connection ended before an answer began."""


class Connection:
    """One TCP connection to a service."""

    __slots__ = ("idle_since", "kept", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.kept = False  # whether it has carried a request before
        self.idle_since = 0.0

    def usable(self) -> bool:
        """Whether it is young, and quiet: one that can be read while idle has been closed by the service."""
        return time.monotonic() - self.idle_since < IDLE and not self.readable()

    def readable(self) -> bool:
        """Whether there is something to read, be it the end."""
        patience = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.sock.settimeout(patience)
        return True

    def send(self, ask: Ask) -> bool:
        """Send all of it; False when the service spoke or hung up before it had it all."""
        try:
            self.sock.sendall(ask.head)
        except OSError:
            return False
        for piece in ask.pieces or ():
            if self.readable():
                return False
            try:
                self.sock.sendall(piece)
            except OSError:
                return False
        return True

    def receive(self, method: str) -> Answer:
        """The answer, up to its body.

        Raises:
            Lost, DeadlineExceeded: there is none.
        """
        answer = Answer(self.sock, method)
        try:
            answer.begin()
        except TimeoutError:
            answer.close()
            raise DeadlineExceeded from None
        except (OSError, http.client.HTTPException) as fault:
            answer.close()
            raise Lost(str(fault)) from fault
        return answer

    def close(self) -> None:
        """Hang up."""
        self.sock.close()


@dataclass(slots=True)
class Exchange:
    """An answer under way, and the connection it comes over."""

    answer: Answer
    connection: Connection
    whole: bool  # whether the service took the whole request, so that the connection can carry another


class Upstream:
    """One service at one address."""

    def __init__(self, name: str, url: str, deadline: float) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{name}: the address of a service is http://host:port, not {url}")
        self.name = name
        self.deadline = deadline
        self.host = parts.netloc
        self._address = (parts.hostname, parts.port or 80)
        self._idle: deque[Connection] = deque()
        self._breaker, self._bulkhead = Breaker(FAILURES), Bulkhead(PLACES, PATIENCE)

    @contextmanager
    def expected(self) -> Iterator[Attempt]:
        """Leave to ask it within this block, before anything else is waited for.

        Raises:
            Unavailable: the last ones had no answer, and another is just trying again.
        """
        try:
            attempt = self._breaker.enter()
        except Open:
            raise Unavailable from None
        try:
            yield attempt
        finally:
            attempt.give_back()

    def ask(self, ask: Ask, attempt: Attempt) -> Exchange:
        """Send a request, with leave from `expected`, and wait for its answer to begin.

        It is sent a second time only if it changes nothing and the service had closed the kept connection it was
        sent on; anything else that was accepted is never repeated.

        Raises:
            Unavailable: no connection, or it ended without an answer. Or it was not sent: the last
                ones had no answer, or too many wait for theirs.
            DeadlineExceeded: no answer in time.
        """
        try:
            with self._bulkhead.place():
                return attempt.make(lambda: self._asked(ask))
        except (Full, Open):
            raise Unavailable from None

    def _asked(self, ask: Ask) -> Exchange:
        connection = self._kept() or self._connect()
        try:
            return self._try(connection, ask)
        except Lost:
            if not connection.kept or ask.method not in REPEATABLE or ask.pieces is not None:
                raise Unavailable from None
        try:
            return self._try(self._connect(), ask)
        except Lost:
            raise Unavailable from None

    def give_back(self, exchange: Exchange) -> None:
        """Keep the connection of an answer that has been read to its end."""
        if not exchange.whole or exchange.answer.will_close:
            exchange.connection.close()
            return
        exchange.connection.kept = True
        exchange.connection.idle_since = time.monotonic()
        self._idle.append(exchange.connection)

    def ready(self, deadline: float) -> bool:
        """Whether it says so within so many seconds, over a connection of its own."""
        connection = http.client.HTTPConnection(*self._address, timeout=deadline)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def close(self) -> None:
        """Hang up on all kept connections."""
        while self._idle:
            self._idle.pop().close()

    def _try(self, connection: Connection, ask: Ask) -> Exchange:
        try:
            whole = connection.send(ask)
            if not whole:
                connection.sock.settimeout(CONNECT)  # if there is an answer, it is here already
            return Exchange(connection.receive(ask.method), connection, whole)
        except BaseException:
            connection.close()
            raise

    def _kept(self) -> Connection | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.usable():
                return connection
            connection.close()

    def _connect(self) -> Connection:
        try:
            return Connection(self._dial())
        except OSError:
            raise Unavailable from None

    def _dial(self) -> socket.socket:
        try:
            sock = socket.create_connection(self._address, CONNECT)
        except ConnectionRefusedError:  # nothing was sent: another replica may be behind the same name
            sock = socket.create_connection(self._address, CONNECT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(self.deadline)
        return sock
