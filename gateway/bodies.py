"""Bodies, of which memory holds a piece: what is larger waits in a file that has no name.

So whoever sends or takes slowly keeps a file of ours, and nothing of a service's.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from tempfile import SpooledTemporaryFile

import structlog
from flask import Request
from werkzeug.exceptions import HTTPException

from shared.errors import Invalid, TooLarge, TooManyRequests, Unavailable
from shared.logs import Seldom

PIECE = 64 * 1024

ROOM = 1024 * 1024 * 1024
"""Bytes of all bodies together that are kept at once."""

SHARE = ROOM // 4
"""Bytes of them that may be one workspace's."""

log = Seldom(structlog.get_logger())


class NoRoom(Unavailable):
    """Too much is kept."""


class Room:
    """Counts what is kept, and whose it is."""

    def __init__(self, size: int = ROOM, share: int = SHARE) -> None:
        self._free, self._share = size, share
        self._of: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, owner: str, size: int) -> None:
        """Room for so many bytes more.

        Raises:
            TooManyRequests: the owner has its share.
            NoRoom: there is not so much left for anybody.
        """
        with self._lock:
            if self._of[owner] + size > self._share:
                raise TooManyRequests("Too much at once", headers={"Retry-After": "1"})
            if size > self._free:
                log.warning("bodies.full", held_by=dict(self._of.most_common(5)))
                raise NoRoom
            self._free -= size
            self._of[owner] += size

    def give_back(self, owner: str, size: int) -> None:
        """So much is kept no longer."""
        with self._lock:
            self._free += size
            self._of[owner] -= size
            if not self._of[owner]:
                del self._of[owner]


room = Room()


class Body:
    """A body that is kept for a workspace, its `owner`. Closed, it is gone.

    Its first piece is in memory, and always finds room: who asks for little is not kept waiting by who sends much.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._file = SpooledTemporaryFile(max_size=PIECE)  # noqa: SIM115 - `close` closes it
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that were written."""
        return self._size

    def write(self, piece: bytes) -> None:
        """Keep a piece after the others.

        Raises:
            TooManyRequests, Unavailable: there is no room for it, here or on the disk.
        """
        size = self._size + len(piece)
        room.take(self._owner, _counted(size) - _counted(self._size))
        self._size = size
        try:
            self._file.write(piece)
        except OSError as full:
            raise _unwritten(full) from full

    def rewind(self) -> None:
        """From now on it is read.

        Raises:
            Unavailable: there is no room for it on the disk.
        """
        try:
            self._file.seek(0)  # writes what is written so far
        except OSError as full:
            raise _unwritten(full) from full

    def read(self) -> bytes:
        """The next piece; nothing when that was all."""
        return self._file.read(PIECE)

    def close(self) -> None:
        """Keep it no longer."""
        with suppress(OSError):  # what is thrown away need not be written
            self._file.close()
        room.give_back(self._owner, _counted(self._size))
        self._size = 0


def _counted(size: int) -> int:
    """How much room a body of that size takes: what is beyond its first piece."""
    return max(size - PIECE, 0)


def _unwritten(full: OSError) -> Unavailable:
    log.warning("bodies.unwritten", why=full.strerror)
    return Unavailable()


def rest_of(body: Body) -> Iterator[bytes]:
    """What is left of it, piece by piece."""
    while piece := body.read():
        yield piece


@contextmanager
def taken_in(request: Request, owner: str, limit: int) -> Iterator[Body]:
    """The request's body, all of it, while the block lasts.

    Raises:
        TooLarge, Invalid: there is more of it than `limit`, or less than was promised.
        TooManyRequests, Unavailable: there is no room for it.
    """
    if (request.content_length or 0) > limit:
        raise TooLarge
    with closing(Body(owner)) as body:
        for piece in _pieces(request, limit):
            body.write(piece)
        body.rewind()
        yield body


def _pieces(request: Request, limit: int) -> Iterator[bytes]:
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
