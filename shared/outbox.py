"""Messages to others: written in the transaction of what they report, delivered until they are acknowledged.

A message is state and version, never a difference. There is at most one for a thing (`topic`, `key`): a newer one
takes its place, so order per thing is kept by there being nothing to order. An *armed* message undoes a promise asked
of another service; whoever takes its row, the request that made it or the relay, decides alone how the matter ends.
"""

import random
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import JSON, BigInteger, Connection, Index, String, bindparam, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared import chain, idempotency
from shared.db import Base, Database, Instant, Serial, insert, now, plainly
from shared.logs import request_id
from shared.rows import Rows

LEASE = timedelta(seconds=20)
"""How long a claimed message is left alone, and so how long one waits whose relay was killed.

It outlasts a batch: BATCH deliveries of at most 10 seconds each.
"""

BATCH = 2

HOUR = 3600.0

LONGEST_WAIT = 60.0
"""Seconds between two attempts, at most."""

log = structlog.get_logger()


class Outbox(Base):
    """A message that somebody has not acknowledged yet."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(String(36))
    topic: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    armed: Mapped[bool]
    due_at: Mapped[datetime] = mapped_column(Instant, index=True)
    leased_until: Mapped[datetime | None] = mapped_column(Instant)
    attempts: Mapped[int]
    request_id: Mapped[str] = mapped_column(String(128))

    __table_args__ = (Index(None, "topic", "key", unique=True), {"sqlite_autoincrement": True})


SAID = tuple(column.key for column in Outbox.__mapper__.column_attrs if column.key not in ("id", "topic", "key"))
PLAIN = {"synchronize_session": False}
"""Statements about messages touch no loaded object."""

MESSAGES = Rows(Outbox)

DISARM = (
    delete(Outbox.__table__)  # type: ignore[arg-type]
    .where(Outbox.id == bindparam("message"), Outbox.version == bindparam("of_version"), Outbox.armed)
    .returning(Outbox.id)
)
"""Built once, as it is on the path of every expense on a budget."""


class Undeliverable(Exception):
    """The receiver will never take this message: do not try again."""


@dataclass(frozen=True)
class Topic:
    """How messages of one kind leave.

    `send` is called with no transaction open, and again until it returns or raises `Undeliverable`.
    `settled` is called in the transaction that removes the message, with the reason when it was given up.
    """

    send: Callable[[Outbox], None]
    settled: Callable[[Session, Outbox, str | None], None] = lambda _session, _message, _failure: None


Topics = Mapping[str, Topic]


def put(
    session: Session | Connection,
    topic: str,
    key: str,
    *,
    workspace_id: str,
    version: int,
    body: dict[str, Any],
    armed_for: timedelta | None = None,
    leased: bool = False,
) -> Outbox:
    """Write a message in this transaction, in the place of an older one about the same thing.

    `armed_for`: it is an undo, which the relay takes up only after that time. `leased`: the writer delivers it itself
    right after the commit, and the relay only when that does not happen.
    """
    message = MESSAGES.new(
        workspace_id=workspace_id,
        topic=topic,
        key=key,
        version=version,
        body=body,
        armed=armed_for is not None,
        due_at=now() + (armed_for or timedelta()),
        leased_until=now() + LEASE if leased else None,
        attempts=1 if leased else 0,
        request_id=request_id.get(),
    )
    if not insert(session, message, unless=("topic", "key")):
        _replace(session, message)
    return message


def _replace(session: Session | Connection, message: Outbox) -> None:
    said = {name: getattr(message, name) for name in SAID}
    older = update(Outbox).where(Outbox.topic == message.topic, Outbox.key == message.key)
    replaced = session.execute(older.values(said).returning(Outbox.id), execution_options=PLAIN).scalar()
    if replaced is None:  # it was delivered and removed just now
        insert(session, message)
    else:
        message.id = replaced


def about(session: Session, key: str, topics: Collection[str]) -> Mapping[str, Outbox]:
    """The messages about a thing that are still to be acknowledged, by topic."""
    there = select(*MESSAGES.columns).where(Outbox.topic.in_(topics), Outbox.key == key)
    found = [MESSAGES.of(row) for row in plainly(session).execute(there)]
    return {message.topic: message for message in found}


def disarm(session: Session, message: Outbox) -> bool:
    """Remove an armed message; False when somebody else has taken it up."""
    return bool(plainly(session).execute(DISARM, {"message": message.id, "of_version": message.version}).first())


def fire(session: Session, message: Outbox) -> bool:
    """Let an armed message go at once, as what it guards has failed; False when somebody else has taken it up."""
    gone = update(Outbox).where(Outbox.id == message.id, Outbox.version == message.version, Outbox.armed)
    fired = gone.values(armed=False, due_at=now()).returning(Outbox.id)
    return bool(session.execute(fired, execution_options=PLAIN).first())


def take_up(session: Session, message: Outbox, body: dict[str, Any] | None = None) -> Outbox | None:
    """The armed message, to be delivered by the caller right after the commit; None when somebody else has taken it up.

    `body`: what it says instead, under the same version, since nobody has seen the undo it was.
    """
    taken = MESSAGES.copy(message)
    taken.body, taken.attempts = message.body if body is None else body, 1
    armed = update(Outbox).where(Outbox.id == message.id, Outbox.version == message.version, Outbox.armed)
    said = armed.values(body=taken.body, armed=False, due_at=now(), leased_until=now() + LEASE, attempts=taken.attempts)
    done = session.execute(said.returning(Outbox.id), execution_options=PLAIN).first()
    return taken if done else None


def deliver(db: Database, topics: Topics, message: Outbox) -> bool:
    """Send one leased message; whether it is settled. When not, the relay tries again later."""
    token = request_id.set(message.request_id)
    failure: str | None = None
    try:
        topics[message.topic].send(message)
    except Undeliverable as why:
        failure = str(why)
    except Exception as why:  # whatever it was, the message must stay
        log.warning("message.delayed", topic=message.topic, key=message.key, attempts=message.attempts, why=str(why))
        _later(db, message)
        return False
    finally:
        request_id.reset(token)
    with db.write() as session:
        if session.execute(delete(Outbox).where(*_still(message)).returning(Outbox.id)).first():
            topics[message.topic].settled(session, message, failure)
    return True


def deliver_some(db: Database, topics: Topics, messages: Sequence[Outbox], *, within: float) -> None:
    """Send leased messages one after the other, for so many seconds, and until one fails; the relay sends the rest."""
    until = time.monotonic() + within
    for sent, message in enumerate(messages):
        if time.monotonic() > until or not deliver(db, topics, message):
            _give_back(db, messages[sent:])
            return


class Relay:
    """Delivers what is due. Two of them on one database do no harm: each message is leased to one."""

    def __init__(self, db: Database, topics: Topics, *, chores: Iterable[Callable[[], object]] = ()) -> None:
        """`chores`: what else is to be done, once at the start and then every hour."""
        self.db, self.topics = db, topics
        self._chores = (self._forget, *chores)
        self._chores_at = 0.0

    def run(self, stop: threading.Event, *, idle: float = 0.25) -> None:
        """Deliver, and chain the history, until `stop` is set. With nothing to deliver, look every `idle` seconds."""
        chaining = threading.Thread(target=chain.keep_sealing, args=(self.db, stop), name="chain")
        chaining.start()  # apart: neither waits for the other
        self._deliver(stop, idle)
        chaining.join()

    def _deliver(self, stop: threading.Event, idle: float) -> None:
        while not stop.is_set():
            try:
                self._tidy()
                found = self.run_once()
            except Exception as fault:  # a database that is away comes back
                log.error("relay.failed", why=str(fault))
                found = 0
            if not found:
                stop.wait(idle)

    def run_once(self) -> int:
        """Deliver one batch; the number of messages tried."""
        messages = self._claim()
        for message in messages:
            deliver(self.db, self.topics, message)
        return len(messages)

    def _tidy(self) -> None:
        if time.monotonic() >= self._chores_at:
            self._chores_at = time.monotonic() + HOUR
            for chore in self._chores:
                _try(chore)

    def _forget(self) -> None:
        with self.db.write() as session:
            idempotency.forget(session)

    def _claim(self) -> list[Outbox]:
        due = (
            select(Outbox.id)
            .where(Outbox.due_at <= now(), or_(Outbox.leased_until.is_(None), Outbox.leased_until < now()))
            .order_by(Outbox.due_at)
            .limit(BATCH)
        )
        with self.db.read() as session:  # a look that takes no lock, so that an idle relay disturbs nobody
            if not session.execute(due).first():
                return []
        claim = (
            update(Outbox)
            .where(Outbox.id.in_(due.with_for_update(skip_locked=True).scalar_subquery()))
            .values(leased_until=now() + LEASE, armed=False, attempts=Outbox.attempts + 1)
            .returning(Outbox)
        )
        with self.db.write() as session:
            return list(session.scalars(claim, execution_options={"synchronize_session": False}))


def _try(chore: Callable[[], object]) -> None:
    try:
        chore()
    except Exception as fault:  # the others are still to be done
        log.error("chore.failed", exc_info=fault)


def _later(db: Database, message: Outbox) -> None:
    wait = min(LONGEST_WAIT, 0.25 * 2.0 ** min(message.attempts, 12)) * random.uniform(0.5, 1.0)
    with db.write() as session:
        session.execute(
            update(Outbox).where(*_still(message)).values(due_at=now() + timedelta(seconds=wait), leased_until=None)
        )


def _give_back(db: Database, messages: Iterable[Outbox]) -> None:
    """End the leases of messages that nobody tries any more, where they are still ours."""
    with db.write() as session:
        for message in messages:
            session.execute(update(Outbox).where(*_still(message)).values(leased_until=None), execution_options=PLAIN)


def _still(message: Outbox) -> tuple[Any, ...]:
    """The row as this delivery leased it: neither replaced by a newer state nor leased to another."""
    return Outbox.id == message.id, Outbox.version == message.version, Outbox.attempts == message.attempts
