"""A bulkhead: so many at a time, that what is stuck behind it does not fill the whole process.

As long as places become free, whoever comes waits for one; once none has for a while, all of them are stuck, and who
comes is refused at once.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Full(Exception):
    """All places are taken, and nothing moves."""


class Bulkhead:
    """`places` at a time; nobody waits for one when none has become free for `patience` seconds."""

    def __init__(self, places: int, patience: float) -> None:
        self._free, self._patience = places, patience
        self._moved = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for this block.

        Raises:
            Full: there is none.
        """
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._changed:
            while not self._free:
                left = self._moved + self._patience - time.monotonic()
                if left <= 0:
                    raise Full("all places are taken")
                self._changed.wait(left)
            self._free -= 1
            self._moved = time.monotonic()

    def _leave(self) -> None:
        with self._changed:
            self._free += 1
            self._moved = time.monotonic()
            self._changed.notify()
