"""A large answer: taken off the service as fast as that gives it, and handed to the client as fast as this takes it."""

import http.client
from collections.abc import Iterator

from gateway.bodies import PIECE, Body, NoRoom
from gateway.upstream import Exchange, Upstream
from shared.errors import TooManyRequests

AHEAD = 32 * 1024 * 1024
"""Bytes that are taken before the client has any. Few answers are larger; the rest of one waits for the client."""


class Truncated(Exception):
    """A service's answer broke off; so does ours, so that nobody takes it for whole."""


class Download:
    """The body of an answer in pieces. Its connection is kept once all was read, and closed when it was not."""

    def __init__(self, upstream: Upstream, exchange: Exchange, owner: str) -> None:
        """Takes the answer, or the first `AHEAD` bytes of it, or as much as there is room for.

        Raises:
            OSError, HTTPException, Truncated: it breaks off before.
            Unavailable: there is no room for it on the disk.
        """
        self._upstream, self._exchange = upstream, exchange
        self._left = exchange.answer.length  # None: until the last chunk
        self._over = b""  # a piece that found no room
        self._ended = False  # whether the service has no more to say
        self._kept = Body(owner)
        try:
            while self._kept.size < AHEAD and (piece := self._next()):
                try:
                    self._kept.write(piece)
                except (TooManyRequests, NoRoom):  # what was asked is done: it must not look as if it were not
                    self._over = piece
                    break
            self._kept.rewind()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = self._kept.read() or self._taken_over() or self._next()
        except (OSError, http.client.HTTPException) as fault:
            self.close()
            raise Truncated(self._upstream.name) from fault
        if piece:
            return piece
        raise StopIteration

    def close(self) -> None:
        """Called by the server when the client has it all, or has gone."""
        self._kept.close()
        if not self._ended:
            self._ended = True
            self._exchange.answer.close()
            self._exchange.connection.close()

    def _taken_over(self) -> bytes:
        over, self._over = self._over, b""
        return over

    def _next(self) -> bytes:
        """What comes next from the service; nothing when that was all."""
        if self._ended:
            return b""
        piece = self._exchange.answer.read(PIECE)
        self._left = self._left and self._left - len(piece)
        if not piece and self._left:
            raise Truncated(self._upstream.name)
        if not piece or self._left == 0:
            self._ended = True
            self._upstream.give_back(self._exchange)
        return piece
