"""Messages to others: written in the transaction of what they report, delivered until they are acknowledged.

A message is state and version, never a difference. There is at most one for a thing (`topic`, `key`): a newer one
takes its place, so order per thing is kept by there being nothing to order. An *armed* message voids what
another service is asked to authorize; whoever takes its row, the request or the relay, decides alone how that ends.
"""

import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import structlog
from sqlalchemy import JSON, BigInteger, Connection, Index, String, bindparam, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.clock import FromNow
from shared.db import Base, Database, Serial, connection_of, insert, tasks_of
from shared.errors import Forbidden, NotFound, Refused
from shared.http import Peer, Rejected
from shared.logs import request_id
from shared.rows import Rows

LEASE = timedelta(seconds=20)
"""How long a claimed message is left alone, and so how long one waits whose relay was killed.

It outlasts a batch: BATCH deliveries of at most 10 seconds each.
"""

BATCH = 2

AT_ONCE = timedelta()

AT_ONCE_FOR = 1.0
"""Seconds for sending what a transaction has for one receiver right after its commit."""

LONGEST_WAIT = timedelta(minutes=1)
"""Between two attempts, at most."""

LONGEST_REST = timedelta(hours=1)
"""Between two attempts of what the receiver refuses, at most: until somebody mends it, that will not change."""

REASON = 500
"""Characters that are kept of what a receiver says."""

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
    due_at: Mapped[datetime] = mapped_column(FromNow)
    leased_until: Mapped[datetime | None] = mapped_column(FromNow)
    attempts: Mapped[int]
    request_id: Mapped[str] = mapped_column(String(128))
    refused: Mapped[str | None] = mapped_column(String(REASON))
    """What the receiver said when it refused the message, if that was its last word."""

    __table_args__ = (
        Index(None, "topic", "key", unique=True),
        Index(None, "workspace_id", "due_at"),
        {"sqlite_autoincrement": True},
    )


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


class Lost(Exception):
    """The lease of the message has lapsed, and another relay has taken it up."""


class Behind(Exception):
    """The receiver knows a newer version than the newest there is, as we were restored from an older copy."""

    def __init__(self, known: int) -> None:
        super().__init__(f"version {known} is known there")
        self.known = known


@dataclass(frozen=True)
class Topic:
    """How messages of one kind leave.

    `send` is called with no transaction open, and again until it returns or raises `Undeliverable`.
    `on_delivered` is called in the transaction that removes the message, with the reason when it was given up.
    `catch_up` counts the versions of a message's thing from the given one on, where the receiver knows it.
    `to`: who receives them. One who does not answer delays what is for him, and nothing else.
    """

    send: Callable[[Outbox], None]
    on_delivered: Callable[[Session, Outbox, str | None], None] = lambda _session, _message, _failure: None
    catch_up: Callable[[Session, Outbox, int], None] = lambda _session, _message, _version: None
    to: str = ""


Topics = Mapping[str, Topic]


@dataclass(frozen=True)
class PutState:
    """How the state of a thing leaves: PUT, with its version. The answer tells which version is known there."""

    peer: Peer
    path: Callable[[Outbox], str]
    deadline: float
    body: Callable[[Outbox], Mapping[str, Any]] = attrgetter("body")

    def __call__(self, message: Outbox) -> None:
        """Send it. Raises Behind, and what `Peer.put` raises."""
        body = {"version": message.version, **self.body(message)}
        answer = self.peer.put(self.path(message), body, workspace_id=message.workspace_id, deadline=self.deadline)
        if answer.get("version", 0) > message.version:
            raise Behind(answer["version"])


def put(
    session: Session | Connection,
    topic: str,
    key: str,
    *,
    workspace_id: str,
    version: int,
    body: dict[str, Any],
    armed_for: timedelta | None = None,
    at_once: bool = False,
) -> Outbox:
    """Write a message in this transaction, in the place of an older one about the same thing.

    `armed_for`: it is a void, which the relay takes only after that time. `at_once`: it is sent right after the commit,
    and the relay sends it only when that does not happen.
    """
    delivery = _delivery(session) if at_once else None
    message = MESSAGES.new(
        workspace_id=workspace_id,
        topic=topic,
        key=key,
        version=version,
        body=body,
        armed=armed_for is not None,
        due_at=armed_for or AT_ONCE,
        leased_until=LEASE if delivery else None,
        attempts=1 if delivery else 0,
        request_id=request_id.get(),
    )
    if not insert(session, message, unless=("topic", "key")):
        _replace(session, message)
    if delivery:
        delivery.messages.append(message)
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
    found = [MESSAGES.of(row) for row in connection_of(session).execute(there)]
    return {message.topic: message for message in found}


def refused(db: Database) -> list[Outbox]:
    """The messages that their receivers have refused, the oldest first. They are tried again, an hour apart at most."""
    with db.read() as session:
        return list(session.scalars(select(Outbox).where(Outbox.refused.is_not(None)).order_by(Outbox.id)))


def try_again(db: Database) -> int:
    """Let what was refused be tried at once, as what was wrong has been mended; how many messages that is."""
    again = update(Outbox).where(Outbox.refused.is_not(None)).values(due_at=AT_ONCE, attempts=0).returning(Outbox.id)
    with db.write() as session:
        return len(session.execute(again, execution_options=PLAIN).all())


def let_go(session: Session | Connection) -> None:
    """Let go at once what was in the hands of who is no more: leased messages, and armed ones, whose work is lost."""
    in_hand = update(Outbox).where(or_(Outbox.armed, Outbox.leased_until.is_not(None)))
    session.execute(in_hand.values(armed=False, due_at=AT_ONCE, leased_until=None), execution_options=PLAIN)


def disarm(session: Session, message: Outbox) -> bool:
    """Remove an armed message; False when somebody else has taken it."""
    return bool(connection_of(session).execute(DISARM, {"message": message.id, "of_version": message.version}).first())


def send_now(session: Session, message: Outbox) -> bool:
    """Let an armed message go at once, as what it guards has failed; False when somebody else has taken it."""
    return _changed(session, message, armed=False, due_at=AT_ONCE)


def take(session: Session, message: Outbox, body: dict[str, Any] | None = None) -> bool:
    """Send an armed message right after the commit; False when somebody else has taken it.

    `body`: what it says instead, under the same version, since nobody has seen the void it was.
    """
    delivery = _delivery(session)
    taken = MESSAGES.copy(message)
    taken.body, taken.armed, taken.attempts = message.body if body is None else body, False, 1 if delivery else 0
    leased = {"leased_until": LEASE if delivery else None, "attempts": taken.attempts}
    if not _changed(session, message, body=taken.body, armed=False, due_at=AT_ONCE, **leased):
        return False
    if delivery:
        delivery.messages.append(taken)
    return True


def advance(session: Session, message: Outbox, version: int) -> Outbox | None:
    """An armed message under a higher version; None when somebody else has taken it."""
    if not _changed(session, message, version=version):
        return None
    advanced = MESSAGES.copy(message)
    advanced.version = version
    return advanced


def _changed(session: Session, message: Outbox, **facts: Any) -> bool:
    """Change an armed message; False when somebody else has taken it."""
    armed = update(Outbox).where(Outbox.id == message.id, Outbox.version == message.version, Outbox.armed)
    return bool(session.execute(armed.values(facts).returning(Outbox.id), execution_options=PLAIN).first())


def deliver(db: Database, topics: Topics, message: Outbox) -> bool:
    """Send one leased message; whether it is delivered, or given up. When not, the relay tries again later."""
    token = request_id.set(message.request_id)
    failure: str | None = None
    try:
        topics[message.topic].send(message)
    except Undeliverable as why:
        failure = str(why)
    except Behind as why:
        _catch_up(db, topics[message.topic], message, why.known)
        return False
    except (
        Forbidden,
        NotFound,
        Refused,
        Rejected,
    ) as why:  # the receiver will say the same again until it, or we, are mended
        log.error("message.refused", topic=message.topic, key=message.key, attempts=message.attempts, why=str(why))
        _later(db, message, refused=str(why)[:REASON])
        return False
    except Exception as why:  # whatever it was, the message must stay
        log.warning("message.delayed", topic=message.topic, key=message.key, attempts=message.attempts, why=str(why))
        _later(db, message)
        return False
    finally:
        request_id.reset(token)
    with db.write() as session:
        if session.execute(delete(Outbox).where(*_still(message)).returning(Outbox.id)).first():
            topics[message.topic].on_delivered(session, message, failure)
    return True


def renew(db: Database, message: Outbox) -> None:
    """Lease a message anew, after what took long and before what cannot be taken back.

    Raises:
        Lost.
    """
    with db.write() as session:
        anew = update(Outbox).where(*_still(message)).values(leased_until=LEASE).returning(Outbox.id)
        if not session.execute(anew, execution_options=PLAIN).first():
            raise Lost


@dataclass
class _Delivery:
    """What a transaction writes to be sent at once: a task of after its commit.

    Each receiver has so many seconds at most, and no more after its first failure; the relay sends the rest.
    """

    db: Database
    messages: list[Outbox] = field(default_factory=list)

    def __call__(self) -> None:
        by_receiver: dict[str, list[Outbox]] = {}
        for message in self.messages:
            by_receiver.setdefault(self.db.topics[message.topic].to, []).append(message)
        for messages in by_receiver.values():
            self._to_one(messages)

    def _to_one(self, messages: Sequence[Outbox]) -> None:
        until, tried = time.monotonic() + AT_ONCE_FOR, 0
        try:
            for message in messages:
                if time.monotonic() > until:
                    break
                tried += 1
                if not deliver(self.db, self.db.topics, message):
                    break
        finally:
            if tried < len(messages):
                _give_back(self.db, messages[tried:])


def _delivery(session: Session | Connection) -> _Delivery | None:
    """The task that sends messages right after the commit; None where no topics are known, and the relay sends all."""
    if not isinstance(session, Session) or not session.info["database"].topics:
        return None
    tasks = tasks_of(session)
    delivery = next((task for task in tasks if isinstance(task, _Delivery)), None)
    if delivery is None:
        delivery = _Delivery(session.info["database"])
        tasks.append(delivery)
    return delivery


def _later(db: Database, message: Outbox, *, refused: str | None = None) -> None:
    most = LONGEST_WAIT if refused is None else LONGEST_REST
    wait = min(most, timedelta(seconds=0.25 * 2 ** min(message.attempts, 16))) * random.uniform(0.5, 1.0)
    with db.write() as session:
        session.execute(
            update(Outbox).where(*_still(message)).values(due_at=wait, leased_until=None, refused=refused),
            execution_options=PLAIN,
        )


def _catch_up(db: Database, topic: Topic, message: Outbox, known: int) -> None:
    """Let the relay send it above what the receiver knows; where it has been replaced, it was but late."""
    with db.write() as session:
        topic.catch_up(session, message, known + 1)  # first, as who writes a thing locks it before its messages
        above = update(Outbox).where(*_still(message)).values(version=known + 1, due_at=AT_ONCE, leased_until=None)
        if session.execute(above.returning(Outbox.id), execution_options=PLAIN).first():
            log.warning("message.behind", topic=message.topic, key=message.key, version=message.version, known=known)


def _give_back(db: Database, messages: Iterable[Outbox]) -> None:
    """End the leases of messages that nobody tries any more, where they are still ours."""
    with db.write() as session:
        for message in messages:
            session.execute(update(Outbox).where(*_still(message)).values(leased_until=None), execution_options=PLAIN)


def _still(message: Outbox) -> tuple[Any, ...]:
    """The row as this delivery leased it: neither replaced by a newer state nor leased to another."""
    return Outbox.id == message.id, Outbox.version == message.version, Outbox.attempts == message.attempts
