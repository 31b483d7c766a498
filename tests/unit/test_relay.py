"""The relay: no receiver waits for another, no workspace for another's letters, and no clock decides alone."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

import shared.db
from shared import outbox
from shared.db import Database
from shared.errors import NotFound
from shared.http import NoAnswer, Rejected
from shared.outbox import BATCH, LONGEST_REST, LONGEST_WAIT, Outbox, Topic
from shared.relay import Relay
from tests.product import PATIENCE, wait_until

SHIFTED = """
CREATE TABLE clock_shift AS SELECT interval '0' AS shift;
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + (SELECT shift FROM clock_shift)';
"""
Jump = Callable[[timedelta], None]

FORWARD, BACK = timedelta(hours=3), timedelta(hours=-3)


@pytest.fixture
def jump(db: Database, backend: str, monkeypatch: pytest.MonkeyPatch) -> Jump:
    """Sets the database's clock, from now on."""
    if backend == "sqlite":
        shifted, told = [timedelta()], shared.db.now
        monkeypatch.setattr(shared.db, "now", lambda: told() + shifted[0])
        return lambda by: shifted.__setitem__(0, by)
    with db.engine.begin() as connection:
        connection.execute(text(SHIFTED))
        connection.execute(text(f'ALTER DATABASE "{db.url.database}" SET search_path = public, pg_catalog'))
    db.close()  # new connections have the new path

    def shift(by: timedelta) -> None:
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE clock_shift SET shift = :by"), {"by": by})

    return shift


class Receiver:
    """Keeps what it was sent; fails in this way, when it is told to."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.fails = fails
        self.got: list[str] = []

    def send(self, message: Outbox) -> None:
        self.got.append(message.key)
        if self.fails:
            raise self.fails

    @property
    def topics(self) -> dict[str, Topic]:
        return {"t": Topic(self.send)}


def put(
    db: Database, key: str = "k", workspace: str = "w", *, topic: str = "t", version: int = 1, **how: Any
) -> Outbox:
    with db.write() as session:
        return outbox.put(session, topic, key, workspace_id=workspace, version=version, body={}, **how)


def waiting(db: Database) -> list[Outbox]:
    with db.read() as session:
        return list(session.scalars(select(Outbox).order_by(Outbox.id)))


def disarmed(db: Database, message: Outbox) -> bool:
    with db.write() as session:
        return outbox.disarm(session, message)


def trust(relay: Relay) -> None:
    """As long as somebody may be at work on a message passes."""
    for lane in relay._lanes:
        lane._clock._trusted_from = 0.0


# Receivers and workspaces


def test_a_receiver_that_does_not_answer_delays_nobody_elses_messages(db: Database) -> None:
    hangs, stop, quick = threading.Event(), threading.Event(), Receiver()
    topics = {
        "slow": Topic(lambda _message: hangs.wait(PATIENCE) and None, to="slow"),  # type: ignore[func-returns-value]
        "quick": Topic(quick.send, to="quick"),
    }
    for number in range(3 * BATCH):
        put(db, f"slow {number}", topic="slow")
    running = threading.Thread(target=Relay(db, topics).run, args=(stop,))
    running.start()
    try:
        for key in ("one", "two"):
            put(db, key, topic="quick")
            wait_until(lambda key=key: key in quick.got)  # type: ignore[misc]
        wait_until(lambda: len(waiting(db)) == 3 * BATCH)
    finally:
        hangs.set()
        stop.set()
        running.join(PATIENCE)


def test_a_workspace_with_many_messages_holds_up_no_other(db: Database) -> None:
    receiver = Receiver()
    relay = Relay(db, receiver.topics)
    for number in range(50):
        put(db, f"many {number}", "b")
    for workspace in ("a", "c"):
        put(db, workspace, workspace)
    while not {"a", "c"} <= set(receiver.got):
        assert relay.run_once() > 0
    assert len(receiver.got) <= 3 * BATCH
    while relay.run_once():
        pass
    assert [key for key in receiver.got if "many" in key] == [f"many {number}" for number in range(50)]


# Clocks


@pytest.mark.parametrize("by", [FORWARD, BACK])
def test_a_clock_that_jumps_undoes_nothing_under_a_running_request(db: Database, jump: Jump, by: timedelta) -> None:
    receiver = Receiver()
    relay = Relay(db, receiver.topics)
    assert relay.run_once() == 0
    message = put(db, armed_for=timedelta(seconds=15))
    jump(by)
    assert relay.run_once() == 0
    assert disarmed(db, message)
    assert (receiver.got, waiting(db)) == ([], [])


@pytest.mark.parametrize("by", [FORWARD, BACK])
def test_what_was_armed_before_a_jump_is_undone_in_the_end_and_a_late_request_has_lost(
    db: Database, jump: Jump, by: timedelta
) -> None:
    receiver = Receiver()
    relay = Relay(db, receiver.topics)
    relay.run_once()
    message = put(db, armed_for=timedelta(seconds=15))
    jump(by)
    assert relay.run_once() == 0
    trust(relay)
    assert relay.run_once() == 1
    assert not disarmed(db, message)
    assert (receiver.got, waiting(db)) == (["k"], [])


@pytest.mark.parametrize("by", [FORWARD, BACK])
def test_of_a_late_request_and_a_relay_after_a_jump_exactly_one_wins(db: Database, jump: Jump, by: timedelta) -> None:
    receiver = Receiver()
    relay = Relay(db, receiver.topics)
    relay.run_once()
    messages = [put(db, str(number), armed_for=timedelta(seconds=15)) for number in range(20)]
    jump(by)
    relay.run_once()
    trust(relay)
    with ThreadPoolExecutor(2) as pool:
        late = pool.submit(lambda: [message.key for message in messages if disarmed(db, message)])
        pool.submit(lambda: [relay.run_once() for _ in range(20)]).result()
    assert sorted(late.result() + receiver.got, key=int) == [str(number) for number in range(20)]


def test_a_message_that_waits_is_tried_at_once_when_the_clock_is_set_back(db: Database, jump: Jump) -> None:
    receiver = Receiver(OSError())
    relay = Relay(db, receiver.topics)
    put(db)
    assert relay.run_once() == 1
    receiver.fails = None
    jump(BACK)
    assert relay.run_once() == 1
    assert waiting(db) == []


@pytest.mark.parametrize("by", [FORWARD, BACK])
def test_a_lease_holds_when_the_clock_jumps_and_no_longer_than_ever(db: Database, jump: Jump, by: timedelta) -> None:
    receiver = Receiver(SystemExit())  # type: ignore[arg-type]
    relay, other = Relay(db, receiver.topics), Relay(db, receiver.topics)
    other.run_once()
    put(db)
    with suppress(SystemExit):
        relay.run_once()  # it is killed with a message in its hands
    receiver.fails = None
    jump(by)
    assert other.run_once() == 0
    trust(other)
    assert other.run_once() == 1
    assert (receiver.got, waiting(db)) == (["k", "k"], [])


def test_a_relay_that_starts_trusts_no_clock_yet(db: Database) -> None:
    receiver, stop = Receiver(), threading.Event()
    put(db, "armed", armed_for=timedelta(seconds=-60))
    running = threading.Thread(target=Relay(db, receiver.topics).run, args=(stop,))
    running.start()
    put(db, "plain")
    wait_until(lambda: "plain" in receiver.got)
    stop.set()
    running.join(PATIENCE)
    assert [message.key for message in waiting(db)] == ["armed"]


# What receivers refuse


@pytest.mark.parametrize("why", [NotFound("No such expense"), Rejected("expenses: 400")])
def test_what_a_receiver_refuses_is_kept_shown_and_tried_an_hour_apart(db: Database, why: Exception) -> None:
    receiver = Receiver(why)
    relay = Relay(db, receiver.topics)
    put(db)
    for _ in range(20):
        assert relay.run_once() == 1
        (message,) = outbox.refused(db)
        assert (message.key, message.refused) == ("k", str(why))
        left = message.due_at - shared.db.now()
        with db.write() as session:
            session.execute(update(Outbox).values(due_at=timedelta()))
    assert LONGEST_REST / 2 - timedelta(minutes=5) < left <= LONGEST_REST
    receiver.fails = None
    assert relay.run_once() == 1
    assert (outbox.refused(db), waiting(db)) == ([], [])


def test_one_who_does_not_answer_is_not_taken_for_one_who_refuses(db: Database) -> None:
    receiver = Receiver(NoAnswer("expenses: 503"))
    relay = Relay(db, receiver.topics)
    put(db)
    for _ in range(20):
        assert relay.run_once() == 1
        (message,) = waiting(db)
        assert message.due_at - shared.db.now() <= LONGEST_WAIT
        with db.write() as session:
            session.execute(update(Outbox).values(due_at=timedelta()))
    assert outbox.refused(db) == []


def test_what_was_refused_goes_at_once_when_it_is_told_to_or_when_there_is_news(db: Database) -> None:
    receiver = Receiver(NotFound())
    relay = Relay(db, receiver.topics)
    put(db)
    relay.run_once()
    assert outbox.try_again(db) == 1
    assert relay.run_once() == 1
    put(db, version=2)
    assert outbox.refused(db) == []
    receiver.fails = None
    assert relay.run_once() == 1
    assert (receiver.got, waiting(db)) == (["k"] * 3, [])
