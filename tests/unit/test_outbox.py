"""The outbox: a message stays until it is acknowledged, goes to one at a time, and the newest state is what goes."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from shared import logs, outbox
from shared.db import Database, now, tasks_of
from shared.outbox import LEASE, LONGEST_WAIT, Outbox, Topic, Undeliverable
from shared.relay import Relay


def put(db: Database, key: str = "k", version: int = 1, **facts: Any) -> Outbox:
    with db.write() as session:
        return outbox.put(
            session, "t", key, **{"workspace_id": "w", "version": version, "body": {"version": version}} | facts
        )


def waiting(db: Database) -> list[Outbox]:
    with db.read() as session:
        return list(session.scalars(select(Outbox).order_by(Outbox.id)))


def let_time_pass(db: Database) -> None:
    """Everything is due, and every lease has ended."""
    with db.write() as session:
        session.execute(update(Outbox).values(due_at=now() - timedelta(seconds=1), leased_until=None))


def drain(db: Database, relay: Relay) -> None:
    while waiting(db):
        let_time_pass(db)
        relay.run_once()


class Receiver:
    """Keeps what it was sent, and does as it is told with each message."""

    def __init__(self, *ends: type[Exception] | None) -> None:
        self.ends = list(ends)
        self.got: list[tuple[str, int]] = []
        self.delivered: list[tuple[str, str | None]] = []

    def send(self, message: Outbox) -> None:
        self.got.append((message.key, message.version))
        if end := self.ends.pop(0) if self.ends else None:
            raise end("because")

    def topic(self) -> dict[str, Topic]:
        return {"t": Topic(self.send, lambda _session, message, why: self.delivered.append((message.key, why)))}


def test_a_message_is_sent_once_and_delivered(db: Database) -> None:
    receiver = Receiver()
    relay = Relay(db, receiver.topic())
    put(db)
    assert relay.run_once() == 1
    assert (receiver.got, receiver.delivered, waiting(db)) == ([("k", 1)], [("k", None)], [])
    assert relay.run_once() == 0


def test_a_message_of_a_write_that_failed_was_never_there(db: Database) -> None:
    with suppress(RuntimeError), db.write() as session:
        outbox.put(session, "t", "k", workspace_id="w", version=1, body={})
        raise RuntimeError
    assert waiting(db) == []


def test_a_newer_state_takes_the_place_of_an_older_one(db: Database) -> None:
    receiver = Receiver()
    first, second = put(db, version=1), put(db, version=2)
    assert first.id == second.id
    Relay(db, receiver.topic()).run_once()
    assert (receiver.got, waiting(db)) == ([("k", 2)], [])


def test_a_state_that_is_replaced_while_it_is_sent_does_not_take_the_newer_with_it(db: Database) -> None:
    receiver = Receiver()

    def send(message: Outbox) -> None:
        receiver.send(message)
        if message.version == 1:
            put(db, version=2)

    relay = Relay(db, {"t": Topic(send)})
    put(db)
    relay.run_once()
    assert [message.version for message in waiting(db)] == [2]
    relay.run_once()
    assert (receiver.got, waiting(db)) == ([("k", 1), ("k", 2)], [])


def test_no_transaction_is_open_while_a_message_is_sent(db: Database) -> None:
    relay = Relay(db, {"t": Topic(lambda message: _elsewhere(lambda: put(db, key=f"{message.key}+", version=9)))})
    put(db)
    relay.run_once()
    assert [message.key for message in waiting(db)] == ["k+"]


def test_a_message_that_fails_waits_longer_each_time_and_a_minute_at_most(db: Database) -> None:
    relay = Relay(db, Receiver(*[OSError] * 14).topic())
    put(db)
    for attempt in range(1, 15):
        began = now()
        assert relay.run_once() == 1
        (message,) = waiting(db)
        wait = min(LONGEST_WAIT.total_seconds(), 0.25 * 2**attempt)
        assert wait * 0.5 <= (message.due_at - began).total_seconds() <= wait + 5
        assert (message.attempts, message.leased_until) == (attempt, None)
        assert relay.run_once() == 0
        let_time_pass(db)
    assert relay.run_once() == 1
    assert waiting(db) == []


def test_what_can_never_be_delivered_is_settled_with_the_reason(db: Database) -> None:
    receiver = Receiver(Undeliverable)
    put(db)
    Relay(db, receiver.topic()).run_once()
    assert (receiver.delivered, waiting(db)) == ([("k", "because")], [])


def test_a_message_of_an_unknown_topic_stays_and_holds_up_no_other(db: Database) -> None:
    receiver = Receiver()
    with db.write() as session:
        outbox.put(session, "unknown", "k", workspace_id="w", version=1, body={})
    put(db, key="other")
    assert Relay(db, receiver.topic()).run_once() == 1
    assert receiver.got == [("other", 1)]
    assert [message.topic for message in waiting(db)] == ["unknown"]


def test_a_leased_message_is_left_alone_until_its_lease_ends(db: Database) -> None:
    receiver = Receiver()
    relay = Relay(db, receiver.topic())
    db.topics = receiver.topic()
    with db.write() as session:
        outbox.put(session, "t", "k", workspace_id="w", version=1, body={}, at_once=True)
        tasks_of(session).clear()  # as if the process had died here
    assert relay.run_once() == 0
    with db.write() as session:
        session.execute(update(Outbox).values(leased_until=now() - timedelta(seconds=1)))
    assert relay.run_once() == 1
    assert receiver.got == [("k", 1)]


def test_a_lease_outlasts_a_batch_of_the_slowest_deliveries() -> None:
    assert timedelta(seconds=outbox.BATCH * 2) <= LEASE


def test_a_crash_between_sending_and_settling_delivers_again(db: Database) -> None:
    receiver = Receiver(SystemExit)  # type: ignore[arg-type]
    relay = Relay(db, receiver.topic())
    put(db)
    with pytest.raises(SystemExit):
        relay.run_once()
    assert relay.run_once() == 0
    let_time_pass(db)
    assert relay.run_once() == 1
    assert (receiver.got, waiting(db)) == ([("k", 1), ("k", 1)], [])


def test_the_writer_delivers_after_its_commit_and_the_relay_when_it_could_not(db: Database) -> None:
    receiver = Receiver(OSError)
    db.topics = receiver.topic()
    with db.write() as session:
        outbox.put(session, "t", "k", workspace_id="w", version=1, body={}, at_once=True)
        assert receiver.got == []
    assert receiver.got == [("k", 1)]
    drain(db, Relay(db, receiver.topic()))
    assert receiver.got == [("k", 1), ("k", 1)]


def test_what_is_written_at_once_for_one_receiver_waits_for_the_relay_after_its_first_failure(db: Database) -> None:
    failing, other = Receiver(OSError), Receiver()
    db.topics = {"t": Topic(failing.send, to="failing"), "u": Topic(other.send, to="other")}
    with db.write() as session:
        for topic, key in (("t", "1"), ("t", "2"), ("u", "3")):
            outbox.put(session, topic, key, workspace_id="w", version=1, body={}, at_once=True)
    assert (failing.got, other.got) == ([("1", 1)], [("3", 1)])
    assert [(message.key, message.leased_until) for message in waiting(db)] == [("1", None), ("2", None)]


def test_where_no_topics_are_known_what_is_written_at_once_is_the_relays(db: Database) -> None:
    receiver = Receiver()
    put(db, at_once=True)
    assert Relay(db, receiver.topic()).run_once() == 1


def test_a_message_carries_the_id_of_the_request_it_came_from(db: Database) -> None:
    before = logs.request_id.get()
    token = logs.request_id.set("r-1")
    put(db)
    logs.request_id.reset(token)
    seen: list[str] = []
    Relay(db, {"t": Topic(lambda _message: seen.append(logs.request_id.get()))}).run_once()
    assert seen == ["r-1"]
    assert logs.request_id.get() == before


# Armed messages


def test_an_armed_message_is_not_due_before_its_time(db: Database) -> None:
    receiver = Receiver()
    message = put(db, armed_for=timedelta(seconds=15))
    assert Relay(db, receiver.topic()).run_once() == 0
    with db.write() as session:
        assert outbox.disarm(session, message)
    let_time_pass(db)
    assert Relay(db, receiver.topic()).run_once() == 0
    assert receiver.got == []


def test_a_fired_message_goes_at_once_and_cannot_be_disarmed(db: Database) -> None:
    receiver = Receiver()
    message = put(db, armed_for=timedelta(seconds=15))
    with db.write() as session:
        outbox.send_now(session, message)
        assert not outbox.disarm(session, message)
    assert Relay(db, receiver.topic()).run_once() == 1
    assert receiver.got == [("k", 1)]


@pytest.mark.parametrize("body", [None, {"instead": 1}])
def test_an_armed_message_that_is_taken_is_sent_after_the_commit_as_it_is_or_saying_something_else(
    db: Database, body: dict[str, int] | None
) -> None:
    sent: list[tuple[dict[str, Any], int, bool]] = []
    db.topics = {"t": Topic(lambda message: sent.append((message.body, message.version, message.armed)))}
    message = put(db, armed_for=timedelta(seconds=15))
    with db.write() as session:
        assert outbox.take(session, message, body)
        assert not outbox.disarm(session, message)
        assert not outbox.take(session, message)
        assert sent == []
    assert sent == [(message.body if body is None else body, message.version, False)]
    assert waiting(db) == []


def test_messages_about_a_thing_are_found_by_their_topics(db: Database) -> None:
    for topic, key in (("t", "k"), ("u", "k"), ("v", "k"), ("t", "other")):
        with db.write() as session:
            outbox.put(session, topic, key, workspace_id="w", version=len(topic), body={"of": topic + key})
    with db.read() as session:
        found = outbox.about(session, "k", ("t", "u"))
    assert {topic: message.body for topic, message in found.items()} == {"t": {"of": "tk"}, "u": {"of": "uk"}}


def test_a_message_that_was_replaced_can_neither_be_disarmed_nor_fired_by_the_old_one(db: Database) -> None:
    old = put(db, version=1, armed_for=timedelta(seconds=15))
    put(db, version=2, armed_for=timedelta(seconds=15))
    with db.write() as session:
        assert not outbox.disarm(session, old)
        outbox.send_now(session, old)
    assert [(message.version, message.armed) for message in waiting(db)] == [(2, True)]


def test_of_a_request_that_disarms_and_a_relay_that_claims_exactly_one_wins(db: Database) -> None:
    receiver = Receiver()
    relay = Relay(db, receiver.topic())
    disarmed: list[str] = []
    for number in range(25):
        message = put(db, key=str(number), armed_for=timedelta(seconds=-1))
        together = threading.Barrier(2)

        def request(message: Outbox = message, together: threading.Barrier = together) -> None:
            together.wait()
            with db.write() as session:
                if outbox.disarm(session, message):
                    disarmed.append(message.key)

        def claim(together: threading.Barrier = together) -> None:
            together.wait()
            relay.run_once()

        with ThreadPoolExecutor(2) as pool:
            for work in [pool.submit(request), pool.submit(claim)]:
                work.result()
    drain(db, relay)
    sent = [key for key, _ in receiver.got]
    assert sorted(sent + disarmed, key=int) == [str(number) for number in range(25)]


# Several relays, faults


def test_two_relays_never_have_one_message_at_the_same_time_and_deliver_all(db: Database) -> None:
    at_work: set[str] = set()
    delivered: list[str] = []
    guard = threading.Lock()

    def send(message: Outbox) -> None:
        with guard:
            assert message.key not in at_work
            at_work.add(message.key)
        fail = random.random() < 0.1
        with guard:
            at_work.remove(message.key)
            if not fail:
                delivered.append(message.key)
        if fail:
            raise OSError("a fault in ten")

    keys = [str(number) for number in range(60)]
    for key in keys:
        put(db, key=key)
    relays = [Relay(Database(db.url.render_as_string(hide_password=False)), {"t": Topic(send)}) for _ in range(2)]

    def run(relay: Relay) -> None:
        while relay.run_once():
            pass

    while waiting(db):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, relays))
        let_time_pass(db)
    assert sorted(delivered, key=int) == keys
    for relay in relays:
        relay.db.close()


def test_a_running_relay_survives_a_fault_and_stops_when_it_is_told(db: Database) -> None:
    stop, looked = threading.Event(), threading.Event()
    receiver = Receiver()
    faults = [OSError("a chore that fails once")]

    def chore() -> None:
        if faults:
            raise faults.pop()

    def send(message: Outbox) -> None:
        receiver.send(message)
        looked.set()

    running = threading.Thread(target=Relay(db, {"t": Topic(send)}, chores=[chore]).run, args=(stop,))
    put(db)
    running.start()
    assert looked.wait(10)
    stop.set()
    running.join(10)
    assert not running.is_alive()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 2)),
        st.tuples(st.just("run"), st.sampled_from([None, OSError, Undeliverable])),
        st.tuples(st.just("crash"), st.none()),
        st.tuples(st.just("later"), st.none()),
    ),
    max_size=25,
)


def test_whatever_happens_the_newest_state_of_everything_arrives(db: Database) -> None:
    @settings(max_examples=25, deadline=None)
    @given(steps)
    def law(program: list[tuple[str, Any]]) -> None:
        prefix = uuid4().hex[:8]
        receiver, newest = Receiver(), dict[str, int]()
        given_up: set[tuple[str, int]] = set()
        relay = Relay(db, receiver.topic())
        for what, how in program:
            if what == "put":
                key = f"{prefix}{how}"
                newest[key] = newest.get(key, 0) + 1
                put(db, key=key, version=newest[key])
            elif what == "later":
                let_time_pass(db)
            else:
                receiver.ends = [SystemExit if what == "crash" else how]  # type: ignore[list-item]
                before = len(receiver.got)
                with suppress(SystemExit):
                    relay.run_once()
                if how is Undeliverable and len(receiver.got) > before:
                    given_up.add(receiver.got[before])
                receiver.ends = []
        drain(db, relay)
        for key, version in newest.items():
            assert (key, version) in receiver.got
            versions = [sent for one, sent in receiver.got if one == key]
            assert versions == sorted(versions)
        assert {key for key, why in receiver.delivered if why} == {key for key, _ in given_up}

    law()
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Outbox)) == 0


def _elsewhere(work: Callable[[], object]) -> None:
    """Do it in another thread, as another request would: a lock held here would stop it."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result(timeout=5)
