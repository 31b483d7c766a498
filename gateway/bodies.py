"""Bodies, of which memory holds a piece: what is larger waits in a file that has no name.

So whoever sends or takes slowly keeps a file of ours, and nothing of a service's.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from tempfile import SpooledTemporaryFile

from flask import Request
from werkzeug.exceptions import HTTPException

from shared.errors import Invalid, TooLarge, Unavailable

PIECE = 64 * 1024

ROOM = 1024 * 1024 * 1024
"""Bytes of all bodies together that are kept at once."""


class Room:
    """Counts what is kept."""

    def __init__(self, size: int = ROOM) -> None:
        self._free = size
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Raises Unavailable: there is not so much left."""
        with self._lock:
            if size > self._free:
                raise Unavailable
            self._free -= size

    def give_back(self, size: int) -> None:
        """So much is kept no longer."""
        with self._lock:
            self._free += size


room = Room()


class Body:
    """A body that is kept. Closed, it is gone."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=PIECE)  # noqa: SIM115 - `close` closes it
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that were written."""
        return self._size

    def write(self, piece: bytes) -> None:
        """Keep a piece after the others.

        Raises:
            Unavailable: there is no room for it, here or on the disk.
        """
        room.take(len(piece))
        self._size += len(piece)
        try:
            self._file.write(piece)
        except OSError as full:
            raise Unavailable from full

    def rewind(self) -> None:
        """From now on it is read.

        Raises:
            Unavailable: there is no room for it on the disk.
        """
        try:
            self._file.seek(0)  # writes what is written so far
        except OSError as full:
            raise Unavailable from full

    def read(self) -> bytes:
        """The next piece; nothing when that was all."""
        return self._file.read(PIECE)

    def close(self) -> None:
        """Keep it no longer."""
        with suppress(OSError):  # what is thrown away need not be written
            self._file.close()
        room.give_back(self._size)
        self._size = 0


def rest_of(body: Body) -> Iterator[bytes]:
    """What is left of it, piece by piece."""
    while piece := body.read():
        yield piece


def pieces(request: Request, limit: int) -> Iterator[bytes]:
    """The body as it comes in, counted.

    Raises:
        TooLarge, Invalid: there is more of it than `limit`, or less than was promised.
    """
    taken = 0
    while piece := _piece(request):
        taken += len(piece)
        if taken > limit:
            raise TooLarge
        yield piece


def _piece(request: Request) -> bytes:
    try:
        return request.stream.read(PIECE)
    except (OSError, HTTPException):  # the client hung up, dawdled, or broke the framing
        raise Invalid("The request body did not arrive whole") from None
