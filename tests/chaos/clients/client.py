"""What all clients have in common: a desk, things of their own, and a loop."""

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

from tests.chaos.desk import Desk, Office
from tests.chaos.record import Facts, Thing

Act = Callable[[], object]


class Client:
    """Does one thing after the other at random until it is told to stop."""

    name = ""

    def __init__(self, office: Office, mark: str, stop: threading.Event, desk: Desk | None = None) -> None:
        """`mark`: what the marks of its things begin with, and the seed of its chance unless the desk has one."""
        self.office, self.ledger, self.stop = office, office.ledger, stop
        self.desk = desk or Desk(office, random.Random(mark))
        self.chance = self.desk.chance
        self._mark, self._made = mark, 0

    def acts(self) -> Sequence[Act]:
        """What it does; what is there twice it does twice as often."""
        raise NotImplementedError

    def run(self) -> None:
        """Go on until told to stop."""
        acts = self.acts()
        while not self.stop.is_set():
            self.chance.choice(acts)()

    def seldom(self, act: Act) -> Act:
        """That, one time in three."""
        return lambda: self.chance.random() < 0.34 and act()

    def new(self, kind: str) -> Thing:
        """A new thing, with a mark of its own."""
        self._made += 1
        return self.ledger.thing(kind, f"{self._mark}-{self._made}")

    def mine(self, kind: str, **facts: Any) -> Thing | None:
        """One of its own things of a kind that is there beyond doubt, and so."""
        fit = self.every(kind, **facts)
        return self.chance.choice(fit[-30:]) if fit else None

    def every(self, kind: str, **facts: Any) -> list[Thing]:
        """All of those."""
        own = [thing for thing in self.own(kind) if thing.usable]
        return [thing for thing in own if all(thing.known.get(name) == value for name, value in facts.items())]

    def own(self, kind: str) -> list[Thing]:
        """What it has made of a kind, or has tried to make."""
        return [thing for thing in self.ledger.of(kind) if thing.mark.startswith(f"{self._mark}-")]

    def turn(self) -> int:
        """A number that this client has not used before."""
        self._made += 1
        return self._made


def changed(thing: Thing, **facts: Any) -> Facts:
    """The facts of a thing after a change."""
    return thing.known | facts
