"""Turns at something scarce, such as a service's threads: no owner takes so many that there is no room for another.

An owner may have as many as if one more than there are were to share them all. Counted in this process alone.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from shared.errors import TooManyRequests


@dataclass(eq=False, slots=True)
class _Waiting:
    owner: str
    key: str | None
    admitted: threading.Event = field(default_factory=threading.Event)


class Turns:
    """`places` to share among owners, and each owner's among its keys: one key leaves a place to the others.

    `most`: how many there are in all, when it matters that there are never more; else each owner has one at least.
    `patience`: seconds to wait for a turn. `queue`: how many of an owner may wait.
    """

    def __init__(self, places: int, *, most: int | None = None, patience: float = 0.0, queue: int = 0) -> None:
        self._places, self._most = places, most
        self._patience, self._queue = patience, queue
        self._of_owner: Counter[str] = Counter()
        self._of_key: Counter[str] = Counter()
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, owner: str, key: str | None = None) -> Iterator[None]:
        """One turn, while the block lasts.

        Raises:
            TooManyRequests: the owner, or the key, has had its share for too long.
        """
        self._take(owner, key)
        try:
            yield
        finally:
            self._leave(owner, key)

    def _take(self, owner: str, key: str | None) -> None:
        with self._lock:
            if self._fits(owner, key):
                self._count(owner, key, 1)
                return
            if sum(each.owner == owner for each in self._waiting) >= self._queue:
                raise _too_many()
            waiting = _Waiting(owner, key)
            self._waiting.append(waiting)
        self._wait(waiting)

    def _wait(self, waiting: _Waiting) -> None:
        try:
            waiting.admitted.wait(self._patience)
        except BaseException:  # the server ends this thread, or greenlet
            if not self._withdraw(waiting):
                self._leave(waiting.owner, waiting.key)
            raise
        if self._withdraw(waiting):
            raise _too_many()

    def _withdraw(self, waiting: _Waiting) -> bool:
        """Wait no longer; False when it has been admitted."""
        with self._lock:
            if waiting.admitted.is_set():
                return False
            self._waiting.remove(waiting)
            return True

    def _leave(self, owner: str, key: str | None) -> None:
        with self._lock:
            self._count(owner, key, -1)
            for each in [*self._waiting]:
                if self._fits(each.owner, each.key):
                    self._count(each.owner, each.key, 1)
                    self._waiting.remove(each)
                    each.admitted.set()

    def _fits(self, owner: str, key: str | None) -> bool:
        if self._most is not None and self._of_owner.total() >= self._most:
            return False
        owners = len(self._of_owner) + (owner not in self._of_owner)
        share = max(self._places // (owners + 1), 1)
        return self._of_owner[owner] < share and (key is None or self._of_key[key] < max(share - 1, 1))

    def _count(self, owner: str, key: str | None, change: int) -> None:
        for counter, name in ((self._of_owner, owner), (self._of_key, key)):
            if name is None:
                continue
            counter[name] += change
            if not counter[name]:
                del counter[name]


def _too_many() -> TooManyRequests:
    return TooManyRequests("Too many requests at once", headers={"Retry-After": "1"})
