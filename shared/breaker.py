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
        return self.enter().make(work)

    def enter(self) -> "Attempt":
        """Leave for a call that is made later; where a trial is needed, it is this one's.

        Raises:
            Open: it is not to be tried.
        """
        if self._closed:
            return Attempt(self, trial=False)
        with self._lock:
            if self._closed:
                return Attempt(self, trial=False)
            if time.monotonic() < self._next_trial:
                raise Open("it is left alone for a moment")
            self._next_trial = time.monotonic() + self._rest  # also when this one hangs
        return Attempt(self, trial=True)

    @property
    def _closed(self) -> bool:
        return self._failed < self._limit

    def _give_back(self) -> None:
        with self._lock:
            self._next_trial = min(self._next_trial, time.monotonic())

    def _leave(self, *, failed: bool) -> None:
        with self._lock:
            self._failed = self._failed + 1 if failed else 0
            if not self._closed:
                self._next_trial = time.monotonic() + self._rest


class Attempt:
    """Leave for one call. A trial that is not made is given back, for another to try."""

    def __init__(self, breaker: Breaker, *, trial: bool) -> None:
        self._breaker, self._trial = breaker, trial

    def make(self, work: Callable[[], Result]) -> Result:
        """Do `work`, and let the breaker learn from how it ends.

        Raises:
            Open: it is not to be tried any more.
        """
        if not self._trial and not self._breaker._closed:
            raise Open("it has failed meanwhile")
        self._trial = False
        try:
            result = work()
        except BaseException:
            self._breaker._leave(failed=True)
            raise
        self._breaker._leave(failed=False)
        return result

    def give_back(self) -> None:
        """It is not going to be made, if it has not been."""
        if self._trial:
            self._trial = False
            self._breaker._give_back()
