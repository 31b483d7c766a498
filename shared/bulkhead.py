"""A bulkhead: so many at a time, that what is stuck behind it does not fill the whole process.

As long as places become free, whoever comes waits for one, and who came first has it first; once none has for a while,
all of them are stuck, and who comes is refused at once.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Full(Exception):
    """All places are taken, and nothing moves."""


class Bulkhead:
    """`places` at a time; nobody waits for one when none has become free for `patience` seconds."""

    def __init__(self, places: int, patience: float) -> None:
        self._free, self._patience = places, patience
        self._moved = 0.0
        self._waiting: deque[threading.Event] = deque()  # each is set when its place is there
        self._lock = threading.Lock()

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
        with self._lock:
            if self._free:
                self._free -= 1
                self._moved = time.monotonic()
                return
            mine = threading.Event()
            self._waiting.append(mine)
        try:
            while not mine.wait(max(0.0, self._left())):
                if self._left() <= 0:
                    raise Full("all places are taken")
        except BaseException:
            self._give_up(mine)
            raise

    def _left(self) -> float:
        """Seconds until whoever waits has waited in vain."""
        return self._moved + self._patience - time.monotonic()

    def _give_up(self, mine: threading.Event) -> None:
        with self._lock:
            if not mine.is_set():
                self._waiting.remove(mine)
                return
        self._leave()  # it came at the last moment

    def _leave(self) -> None:
        """Hand the place to who has waited longest: were it only free, whoever comes just now could take it first."""
        with self._lock:
            self._moved = time.monotonic()
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
