"""Keyed requests: what makes two of them the same, who gets the key, and which answers are repeated."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from shared import idempotency
from shared.db import Database, now
from shared.errors import Conflict, Refused
from shared.idempotency import KEPT_FOR, IdempotencyKey, IdempotencyRecord, Replay, fingerprint

KEYED = IdempotencyKey("w", "key", fingerprint("POST", "/x", b"{}"))

requests = st.tuples(st.text(), st.text(), st.lists(st.binary(), max_size=3))


@given(requests, requests)
def test_two_requests_have_one_fingerprint_only_when_they_are_the_same(
    one: tuple[str, str, list[bytes]], other: tuple[str, str, list[bytes]]
) -> None:
    prints = {fingerprint(method, path, *parts) for method, path, parts in (one, other)}
    assert len(prints) == (1 if one == other else 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((b"ab", b""), (b"a", b"b")),
        ((b"",), ()),
        ((b"a", b"b"), (b"b", b"a")),
    ],
)
def test_where_a_part_ends_matters(one: tuple[bytes, ...], other: tuple[bytes, ...]) -> None:
    assert fingerprint("POST", "/x", *one) != fingerprint("POST", "/x", *other)


def test_a_fingerprint_fits_its_column() -> None:
    assert len(KEYED.fingerprint) == 64


def test_an_answer_is_repeated(db: Database) -> None:
    with db.write() as session:
        idempotency.acquire(session, KEYED)
        idempotency.store_response(session, KEYED, 201, {"Location": "/x/1"}, b"{}")
    with pytest.raises(Replay) as kept, db.write() as session:
        idempotency.acquire(session, KEYED)
    assert (kept.value.status, kept.value.headers, kept.value.body) == (201, {"Location": "/x/1"}, b"{}")


def test_a_key_is_not_claimed_when_the_work_failed(db: Database) -> None:
    with suppress(RuntimeError), db.write() as session:
        idempotency.acquire(session, KEYED)
        raise RuntimeError
    with db.write() as session:
        idempotency.acquire(session, KEYED)


def test_another_request_under_the_same_key_is_refused(db: Database) -> None:
    with db.write() as session:
        idempotency.acquire(session, KEYED)
    with pytest.raises(Refused, match="This Idempotency-Key was used for another request"), db.write() as session:
        idempotency.acquire(session, IdempotencyKey("w", "key", fingerprint("POST", "/x", b"[]")))


def test_while_the_first_is_at_work_its_twin_comes_back_later(db: Database) -> None:
    with db.write() as session:
        idempotency.acquire(session, KEYED)
    with pytest.raises(Conflict), db.write() as session:
        idempotency.acquire(session, KEYED)


def test_a_key_belongs_to_a_workspace(db: Database) -> None:
    with db.write() as session:
        idempotency.acquire(session, KEYED)
        idempotency.acquire(session, IdempotencyKey("v", "key", "another"))
    assert count(db) == 2


def test_work_that_was_undone_gives_its_key_back_and_an_answer_does_not(db: Database) -> None:
    answered = IdempotencyKey("w", "answered", "f")
    with db.write() as session:
        for ticket in (KEYED, answered):
            idempotency.acquire(session, ticket)
        idempotency.store_response(session, answered, 200, {}, b"")
        for key in ("key", "answered", "unknown"):
            idempotency.release(session, "w", key)
        idempotency.release(session, "v", "answered")
    with db.read() as session:
        assert list(session.scalars(select(IdempotencyRecord.key))) == ["answered"]


def test_of_many_twins_one_does_the_work_and_the_others_repeat_its_answer(db: Database) -> None:
    together = threading.Barrier(8)

    def ask(number: int) -> int:
        together.wait()
        try:
            with db.write() as session:
                idempotency.acquire(session, KEYED)
                idempotency.store_response(session, KEYED, 200, {}, str(number).encode())
                return number
        except Replay as kept:
            return int(kept.body)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(8)))
    assert len(answers) == 1


def test_a_key_that_is_freed_while_it_is_looked_at_is_no_fault(db: Database) -> None:
    def claim_and_free(_: int) -> str:
        try:
            with db.write() as session:
                idempotency.acquire(session, KEYED)
        except Conflict:
            return "twin"
        with db.write() as session:
            idempotency.release(session, "w", "key")
        return "mine"

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(claim_and_free, range(100)))
    assert set(ends) <= {"mine", "twin"}
    assert count(db) == 0


def test_an_answer_is_forgotten_after_two_days_and_not_before(db: Database) -> None:
    assert timedelta(hours=24) <= KEPT_FOR
    with db.write() as session:
        for key, age in (("old", KEPT_FOR + timedelta(minutes=1)), ("young", KEPT_FOR - timedelta(minutes=1))):
            idempotency.acquire(session, IdempotencyKey("w", key, "f"))
            session.execute(
                update(IdempotencyRecord).where(IdempotencyRecord.key == key).values(created_at=now() - age)
            )
    with db.write() as session:
        assert idempotency.purge(session) == 1
    with db.read() as session:
        assert list(session.scalars(select(IdempotencyRecord.key))) == ["young"]


def count(db: Database) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(IdempotencyRecord)) or 0
