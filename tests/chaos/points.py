"""A kill at every statement boundary of every operation: before and after each statement, before and after each commit.

A request is marked by its id, `kill-<process>-<n>-...`: what is inside the processes (`inside/sitecustomize.py`) ends
the one that works on it at the n-th boundary. n goes up until the operation ends without being killed. Each point is
tried without a key, where it must be whole or not at all, and with one, where repeats must end in one effect.
"""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from tests.chaos.desk import Office
from tests.chaos.observe import unsettled
from tests.chaos.record import Outcome
from tests.chaos.rounds import Result, judged
from tests.chaos.scenes import SCENES, Cast, Scene
from tests.chaos.world import World, world
from tests.product import wait_until

AT_ONCE = 4
"""Operations under fire at once: most of the time a keyed one waits for what its death has left to be undone."""

YOUNG = 5.5
"""Seconds: a process that dies earlier is thought broken by the supervisor, when that happens again and again."""


class Points:
    """Goes through the points of a world."""

    def __init__(self, made: World, office: Office, every: int) -> None:
        """`every`: each how many-th boundary is tried; 1 is all of them."""
        self.made, self.office, self.every = made, office, every
        self.done: Counter[str] = Counter()
        self._relay, self._relay_died, self._tried = threading.Lock(), 0.0, count(1)

    def all(self) -> None:
        """Every operation, in every process that has a part in it, without a key and with one."""
        todo = [(each, process, keyed) for each in SCENES for process in each.processes for keyed in (False, True)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(lambda one: self._points(*one), todo):
                pass

    def _points(self, scene: Scene, process: str, keyed: bool) -> None:
        first = 1 + random.Random(f"{scene.name} {process} {keyed}").randrange(self.every)
        for number in count(first, self.every):
            while (killed := self._killed(scene, process, number, keyed=keyed)) is None:
                pass
            if not killed:
                return
            self.done[f"{scene.name}: {process}"] += 1

    def _killed(self, scene: Scene, process: str, number: int, *, keyed: bool) -> bool | None:
        """Try one point; whether there is such a point. None when another's death came between."""
        name = f"p{next(self._tried)}"
        mark = f"kill-{process}-{number}-{name}"
        cast = Cast(self.office, name, scene.name)
        act = scene.prepare(cast)
        cast.desk.next_id, cast.desk.keys = mark, float(keyed)
        if process != "relay":
            act()
            return True if self._fired(mark) else self._undisturbed(mark)
        with self._relay:
            time.sleep(max(0.0, self._relay_died + YOUNG - time.monotonic()))
            act()
            wait_until(lambda: self._fired(mark) or not self._queued(mark), self.made.product.patience)
            self._relay_died = time.monotonic() if self._fired(mark) else self._relay_died
        return self._fired(mark)

    def _undisturbed(self, mark: str) -> bool | None:
        """None also when another's death was in what went before: then this one had nothing to do it with."""
        done = [each.outcome for each in self.office.ledger.operations if each.request_id == mark]
        return None if done in ([], [Outcome.UNKNOWN]) else False

    def _queued(self, mark: str) -> bool:
        return any(mark in message for message in unsettled(self.made))

    def _fired(self, mark: str) -> bool:
        return (self.made.fired / mark).exists()


def points_of(backend: str, every: int, keep: Path) -> Result:
    """Every operation, and then the checker."""
    with world(backend, random.Random(backend)) as made:
        office = made.office("demo", "USD")
        points = Points(made, office, every)
        points.all()
        return judged(made, [office], Result(backend, f"POINTS={every}", faults=points.done), keep)
