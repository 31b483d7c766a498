"""Bodies, of which memory holds a piece: what is larger waits in a file that has no name.

So whoever sends or takes slowly keeps a file of ours, and nothing of a service's.
"""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO

from flask import Request
from werkzeug.exceptions import HTTPException

from shared.errors import Invalid, TooLarge

PIECE = 64 * 1024


def kept() -> IO[bytes]:
    """A file for a body. Closed, it is gone."""
    return SpooledTemporaryFile(max_size=PIECE)


def rest_of(file: IO[bytes]) -> Iterator[bytes]:
    """What is left of it, piece by piece."""
    while piece := file.read(PIECE):
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
