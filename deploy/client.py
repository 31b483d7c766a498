"""A client's connection, on which nothing is waited for without end.

Whatever is under way has a moment by which it must be done, however the bytes trickle: a head; a body; an answer. Who
sends or takes much gets more time with each byte, but never more than at the beginning: a slow line is not cut off, and
a standing one is.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import gevent
from gevent.lock import Semaphore
from gunicorn.http.errors import LimitRequestHeaders

PACE = 8 * 1024
"""Bytes of a body or an answer for which there is a second more."""

HEAD_BYTES = 64 * 1024
"""The largest head. gunicorn bounds lines and their number, which together would be 800 KiB for each connection."""

PIECE = 64 * 1024
"""Bytes that are sent at once."""

SLICE = 0.002
"""Seconds of the processor after which others have their turn: a socket that takes or gives at once would keep it,
however small the pieces are that are made of it, such as chunks."""

LANE = Semaphore(1)
"""Those whom a slice is not enough go on one after the other: all of them together take no more turns than one."""

SEND_BUFFER = 128 * 1024
"""Bytes that the system keeps for a client who does not read. Of itself it would keep megabytes."""

LINGER = 2.0
LINGER_BYTES = 16 * 1024 * 1024
"""How long, and how much, is still taken and thrown away after an answer to a body that was not read. Many clients
read the answer only once they have sent everything; one that is cut off meanwhile does not hear why."""


class Client:
    """What gunicorn takes for the client's socket. TimeoutError: its time is over."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.address = address
        self.came = 0  # bytes, so far
        self.until = 0.0  # when its time is over, unless it earns more
        self.waited_for = False  # to send or to take, just now
        self.head = b""  # as it was sent, as far as it has come; and perhaps the beginning of a body
        self._sock = sock
        self._head_seconds: float | None = None  # None: no head is waited for
        self._most = 0.0  # seconds that can be left, where each byte gives some more; 0: it does not
        self._since = (0, 0.0)  # in which round of the loop, and from which time of the processor, it has others wait

    def await_head(self, idle: float, seconds: float) -> None:
        """A request may begin within `idle` seconds; then its head has `seconds` in all."""
        self.head, self._head_seconds, self._most = b"", seconds, 0.0
        self.until = time.monotonic() + idle

    def allow(self, seconds: float, *, earns: bool = True) -> None:
        """What follows has so many seconds; and, where it `earns` them, one more for each `PACE` bytes."""
        self._head_seconds, self._most = None, seconds if earns else 0.0
        self.until = time.monotonic() + seconds

    def recv(self, size: int) -> bytes:
        """What has come. Raises LimitRequestHeaders, also."""
        with self._bounded():
            piece = self._sock.recv(size)
        if self._head_seconds is not None:
            self._note(piece, self._head_seconds)
        self.came += len(piece)
        self._moved(piece)
        return piece

    def sendall(self, said: bytes) -> None:
        """Send it, piece by piece."""
        view = memoryview(said)
        for at in range(0, len(view), PIECE):
            piece = view[at : at + PIECE]
            with self._bounded():
                self._sock.sendall(piece)
            self._moved(piece)

    @property
    def asks_nothing(self) -> bool:
        """Whether its request, or the rest of that's head, is waited for."""
        return self.waited_for and self._head_seconds is not None

    def take_turns(self) -> None:
        """Let others have theirs, when this one has had all of it."""
        if self._since[0] != _round():  # it has waited since, so others have had theirs
            self._since = (_round(), time.thread_time())
        elif time.thread_time() - self._since[1] > SLICE and self._head_seconds is None:  # a head is short
            self.waited_for = True  # who only stands in line makes room, too
            try:
                with LANE:
                    gevent.sleep(0)
                # The lane is handed on here: who went on running would take it again before the next one is woken.
                gevent.sleep(0)
            finally:
                self.waited_for = False
            self._since = (_round(), time.thread_time())

    def hang_up(self) -> None:
        """End the connection from elsewhere: whoever waits for it is told that it has ended."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def linger(self) -> None:
        """Say that there is no more to be heard from us, and let the client finish its sentence."""
        self.allow(LINGER, earns=False)
        left = LINGER_BYTES
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            while left > 0 and (piece := self.recv(PIECE)):
                left -= len(piece)

    def close(self) -> None:
        """Let the connection go."""
        self._sock.close()

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        self._sock.settimeout(max(0.0, self.until - time.monotonic()))
        self.waited_for = True
        try:
            yield
        except BlockingIOError:  # there was no time left to wait
            raise TimeoutError from None
        finally:
            self.waited_for = False

    def _moved(self, piece: bytes | memoryview) -> None:
        if self._most:
            self.until = min(self.until + len(piece) / PACE, time.monotonic() + self._most)
        self.take_turns()

    def _note(self, piece: bytes, seconds: float) -> None:
        if not self.head:
            self.until = time.monotonic() + seconds
        self.head += piece
        if len(self.head) > HEAD_BYTES:
            raise LimitRequestHeaders("the head")


def _round() -> int:
    """How often the loop has looked who else there is."""
    count: int = gevent.get_hub().loop.iteration
    return count
