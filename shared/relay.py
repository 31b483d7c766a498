"""The relay: delivers what is due in an outbox, to each receiver on its own, and to each workspace in its turn.

Whose turn it is to act on a message, an instant in its row says, and the clock it is of may jump. So an instant further
away than any is written counts as past, and after a jump what somebody may be at work on is left alone for as long as
he may be: a lease, and an armed message, whose request would find it taken.
"""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, literal, or_, select, update

from shared import chain, idempotency
from shared.clock import clock, from_now
from shared.db import Database, Instant
from shared.outbox import BATCH, LEASE, LONGEST_REST, LONGEST_WAIT, PLAIN, Outbox, Topics, deliver

HOUR = 3600.0

JUMP = 1.0
"""Seconds that the database's clock may be off our own between two looks at both."""

log = structlog.get_logger()


class Relay:
    """Delivers what is due. Two of them on one database do no harm: each message is leased to one."""

    def __init__(self, db: Database, topics: Topics, *, chores: Iterable[Callable[[], object]] = ()) -> None:
        """`chores`: what else is to be done, once at the start and then every hour."""
        self.db = db
        self._lanes = [Lane(db, topics, receiver) for receiver in sorted({topic.to for topic in topics.values()})]
        self._known = sorted(topics)
        self._chores = (self._forget, self._find_strays, *chores)
        self._chores_at = 0.0

    def run(self, stop: threading.Event, *, idle: float = 0.25) -> None:
        """Deliver, and chain the history, until `stop` is set. With nothing to deliver, look every `idle` seconds."""
        threads = [threading.Thread(target=lane.run, args=(stop, idle), name=lane.receiver) for lane in self._lanes]
        threads.append(threading.Thread(target=chain.keep_sealing, args=(self.db, stop), name="chain"))
        for thread in threads:  # apart: none waits for another
            thread.start()
        while not stop.is_set():
            self._tidy()
            stop.wait(idle)
        for thread in threads:
            thread.join()

    def run_once(self) -> int:
        """Deliver one batch to each receiver, one after the other; the number of messages tried."""
        return sum(lane.run_once() for lane in self._lanes)

    def _tidy(self) -> None:
        if time.monotonic() >= self._chores_at:
            self._chores_at = time.monotonic() + HOUR
            for chore in self._chores:
                _try(chore)

    def _forget(self) -> None:
        with self.db.write() as session:
            idempotency.purge(session)

    def _find_strays(self) -> None:
        """Say which messages nobody here delivers."""
        with self.db.read() as session:
            strays = select(Outbox.topic).where(Outbox.topic.not_in(self._known)).distinct()
            if topics := session.scalars(strays).all():
                log.error("messages.stray", topics=topics)


class Lane:
    """What goes to one receiver, one message after the other."""

    def __init__(self, db: Database, topics: Topics, receiver: str) -> None:
        self.receiver = receiver
        self._db, self._topics = db, topics
        self._mine = [name for name, topic in topics.items() if topic.to == receiver]
        self._served = ""  # the workspace whose turn was last
        self._clock = _Watch()

    def run(self, stop: threading.Event, idle: float) -> None:
        """Deliver until `stop` is set."""
        self._clock.distrust()  # nobody knows whether it jumped while nobody looked
        while not stop.is_set():
            try:
                found = self.run_once()
            except Exception as fault:  # a database that is away comes back
                log.error("relay.failed", receiver=self.receiver, why=str(fault))
                found = 0
            if not found:
                stop.wait(idle)

    def run_once(self) -> int:
        """Deliver one batch; the number of messages tried."""
        messages = self._claim()
        for message in messages:
            deliver(self._db, self._topics, message)
        return len(messages)

    def _claim(self) -> list[Outbox]:
        with self._db.read() as session:  # a look that takes no lock, so that an idle relay disturbs nobody
            at = self._clock.look(lambda: session.scalars(select(clock())).one())
            due = (Outbox.topic.in_(self._mine), *_due(at, trusted=self._clock.trusted))
            if not self._whose_turn(lambda after: session.scalar(_first(due, after).limit(1))):
                return []
        first = _first(due, self._served).limit(BATCH).with_for_update(skip_locked=True)
        claim = (
            update(Outbox)
            .where(Outbox.id.in_(first.scalar_subquery()))
            .values(leased_until=LEASE, armed=False, attempts=Outbox.attempts + 1)
            .returning(Outbox)
        )
        with self._db.write() as session:
            claimed = list(session.scalars(claim, execution_options=PLAIN))
        claimed.sort(key=lambda message: (message.workspace_id, message.due_at, message.id))
        if claimed:
            self._served = claimed[-1].workspace_id
        return claimed

    def _whose_turn(self, has: Callable[[str], int | None]) -> bool:
        """Whether any workspace has something due: one after the last that was served, or else any, from the first."""
        if has(self._served):
            return True
        before, self._served = self._served, ""
        return bool(before) and has("") is not None


class _Watch:
    """Compares the database's clock with our own, which never jumps."""

    def __init__(self) -> None:
        self._seen: tuple[datetime, float, float] | None = None
        self._trusted_from = 0.0

    @property
    def trusted(self) -> bool:
        """Whether it has not jumped for as long as somebody may be at work on a message."""
        return time.monotonic() >= self._trusted_from

    def distrust(self) -> None:
        """Take it as having jumped just now."""
        self._trusted_from = time.monotonic() + LEASE.total_seconds()

    def look(self, read: Callable[[], datetime]) -> datetime:
        """What the database's clock says."""
        before, at, after = time.monotonic(), read(), time.monotonic()
        if self._seen:
            passed = (at - self._seen[0]).total_seconds()
            if not before - self._seen[2] - JUMP <= passed <= after - self._seen[1] + JUMP:
                log.warning("clock.jumped", seconds=round(passed - (before - self._seen[1]), 3))
                self.distrust()
        self._seen = at, before, after
        return at


def _due(at: datetime, *, trusted: bool) -> tuple[ColumnElement[bool], ...]:
    """What is to be done at that instant by the database's clock."""
    past = or_(
        Outbox.due_at <= _instant(at),
        _beyond(Outbox.due_at, LONGEST_REST, at),
        and_(Outbox.refused.is_(None), _beyond(Outbox.due_at, LONGEST_WAIT, at)),
    )
    if not trusted:
        return past, Outbox.leased_until.is_(None), Outbox.armed.is_(False)
    lapsed = or_(Outbox.leased_until < _instant(at), _beyond(Outbox.leased_until, LEASE, at))
    return past, or_(Outbox.leased_until.is_(None), lapsed)


def _beyond(column: Any, most: timedelta, at: datetime) -> ColumnElement[bool]:
    """Whether it is further away than is ever written, be it seen from `at` or, as time has passed since, from now."""
    return and_(column > _instant(at + most), column > from_now(most.total_seconds()))


def _instant(at: datetime) -> ColumnElement[datetime]:
    return literal(at, Instant())


def _first(due: tuple[ColumnElement[bool], ...], after: str) -> Any:
    """The first messages that are due of the first workspace after this one, and so on."""
    return (
        select(Outbox.id)
        .where(*due, Outbox.workspace_id > after)
        .order_by(Outbox.workspace_id, Outbox.due_at, Outbox.id)
    )


def _try(chore: Callable[[], object]) -> None:
    try:
        chore()
    except Exception as fault:  # the others are still to be done
        log.error("chore.failed", exc_info=fault)
