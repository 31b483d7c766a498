"""A breaker: after several failures in a row it refuses at once, and now and then lets a single call try again.

No lock is held during a call, so calls to a healthy service never wait for one another.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Open(Exception):
    """Refused without a try; the last ones failed."""


class Breaker:
    """Opens after `failures` in a row, for `rest` seconds at a time, until a trial succeeds."""

    def __init__(self, failures: int = 5, rest: float = 1.0) -> None:
        self._limit, self._rest = failures, rest
        self._failed = 0
        self._next_trial = 0.0
        self._lock = threading.Lock()

    def call(self, work: Callable[[], Result]) -> Result:
        """Do `work`; an exception from it is a failure.

        Raises:
            Open: it was not tried.
        """
        self.enter()
        return self.watch(work)

    def enter(self) -> None:
        """The first half of `call`, for who has something to do in between: claim a trial, where one is needed.

        Raises:
            Open: it is not to be tried.
        """
        if self._failed < self._limit:
            return
        with self._lock:
            if self._failed < self._limit:
                return
            if time.monotonic() < self._next_trial:
                raise Open("it is left alone for a moment")
            self._next_trial = time.monotonic() + self._rest  # also when this one hangs

    def watch(self, work: Callable[[], Result]) -> Result:
        """The second half: do `work`, and learn from how it ends."""
        try:
            result = work()
        except BaseException:
            self._leave(failed=True)
            raise
        self._leave(failed=False)
        return result

    def _leave(self, *, failed: bool) -> None:
        with self._lock:
            self._failed = self._failed + 1 if failed else 0
            if self._failed >= self._limit:
                self._next_trial = time.monotonic() + self._rest
