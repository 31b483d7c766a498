"""What goes wrong: one fault after the other, drawn from a seed, each ended before the next one begins."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from tests.chaos.world import PATIENCE, PROCESSES, SERVICES, World

PAST_EVERY_LEASE = 23.0
"""Seconds: longer than a relay's lease (`shared.outbox.LEASE`), and than an armed message waits."""

RESPITE = 1.5
"""Seconds between two faults, on average."""


class Faults:
    """Lets one fault after the other happen to a world."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.done: Counter[str] = Counter()
        self.skipped = [] if world.disk.small else ["disk full (no small disk can be mounted here)"]

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; whatever is wrong then is put right."""
        kinds = self._kinds()
        while not stop.wait(self.chance.uniform(0.2, 2 * RESPITE)):
            fault = self.chance.choice(kinds)
            self.done[fault(stop)] += 1
            self._revive()
        self._revive()

    def counted(self) -> Counter[str]:
        """How often each kind of fault has happened."""
        around = [self.world.postbox.done, *(proxy.done for proxy in self.world.proxies.values())]
        return sum(around, self.done)

    def _kinds(self) -> list[Callable[[threading.Event], str]]:
        everywhere = [self._kill, self._kill, self._kill_worker, self._stop, self._network, self._network, self._clock]
        mail = [self._mail] if self.world.mail == "smtp" else []
        disk = [self._disk] if self.world.disk.small else []
        postgres = [self._restart, self._end_backends, self._kill_backend] if self.world.postgres else []
        return [*everywhere, *mail, *disk, *postgres, self._kill_all]

    def _kill(self, _stop: threading.Event) -> str:
        name = self.chance.choice(PROCESSES)
        for pid in self.world.product.pids(_line(name)):
            _signal(pid, signal.SIGKILL)
        return f"kill -9 {name}"

    def _kill_worker(self, _stop: threading.Event) -> str:
        name = self.chance.choice(("gateway", *SERVICES))
        for pid in self.world.product.pids(_line(name))[1:]:
            _signal(pid, signal.SIGKILL)
        return f"kill -9 {name}'s worker"

    def _kill_all(self, _stop: threading.Event) -> str:
        self.world.product.kill()
        return "kill -9 the supervisor, and so everything"

    def _stop(self, stop: threading.Event) -> str:
        name, long = self.chance.choice(PROCESSES), self.chance.random() < 0.3
        pids = self.world.product.pids(_line(name))
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        stop.wait(PAST_EVERY_LEASE if long else self.chance.uniform(1, 6))
        for pid in pids:
            _signal(pid, signal.SIGCONT)
        return f"SIGSTOP {name}" + (", past every lease" if long else "")

    def _network(self, stop: threading.Event) -> str:
        proxies = self.chance.sample(list(self.world.proxies.values()), self.chance.randint(1, 3))
        for proxy in proxies:
            proxy.badness = self.chance.uniform(0.05, 0.4)
        stop.wait(self.chance.uniform(2, 8))
        for proxy in proxies:
            proxy.badness = 0.0
        return "a bad network"

    def _mail(self, stop: threading.Event) -> str:
        self.world.postbox.badness = self.chance.uniform(0.3, 1)
        stop.wait(self.chance.uniform(2, 6))
        self.world.postbox.badness = 0.0
        return "a mail server that refuses"

    def _clock(self, stop: threading.Event) -> str:
        name = self.chance.choice(PROCESSES)
        seconds = self.chance.choice((-1, 1)) * self.chance.choice((0.5, 3, 30, 600))
        self.world.clocks.set(name, seconds)
        stop.wait(self.chance.uniform(2, 6))
        self.world.clocks.set(name, 0.0)
        return "a clock that jumps, and back"

    def _disk(self, stop: threading.Event) -> str:
        self.world.disk.fill()
        stop.wait(self.chance.uniform(1, 4))
        self.world.disk.free()
        return "disk full"

    def _restart(self, _stop: threading.Event) -> str:
        mode = self.chance.choice(("fast", "immediate"))
        assert self.world.postgres
        self.world.postgres.restart(mode)
        return f"PostgreSQL restarted ({mode})"

    def _end_backends(self, _stop: threading.Event) -> str:
        assert self.world.postgres
        with suppress(SQLAlchemyError):
            self.world.postgres.end_backends(self.chance)
        return "PostgreSQL's backends ended"

    def _kill_backend(self, _stop: threading.Event) -> str:
        assert self.world.postgres
        with suppress(SQLAlchemyError):
            self.world.postgres.kill_backend(self.chance)
        return "PostgreSQL's backend killed"

    def _revive(self) -> None:
        """Wait until the product is up; start it where it has given up, as whoever runs it would."""
        until = time.monotonic() + PATIENCE
        while not self.world.product.ready():
            if not self.world.product.running():
                self.world.product.launch()
            if time.monotonic() > until:
                self.done["(not ready in time)"] += 1
                return
            time.sleep(0.3)


def _line(name: str) -> str:
    return "relay" if name == "relay" else f"serve {name}"


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
