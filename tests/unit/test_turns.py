"""Turns: how many an owner has, who waits, who is refused, and that none is ever lost."""

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from shared.errors import TooManyRequests
from shared.turns import Turns
from tests.product import wait_until


def had(turns: Turns, owner: str, key: str | None = None, *, of: int = 20) -> ExitStack:
    """As many turns as there are to be had, all at once."""
    held = ExitStack()
    for _ in range(of):
        try:
            held.enter_context(turns.taken(owner, key))
        except TooManyRequests:
            break
    return held


def count(held: ExitStack) -> int:
    return len(held._exit_callbacks)  # type: ignore[attr-defined]


def test_an_owner_alone_leaves_room_for_another() -> None:
    turns = Turns(8)
    with had(turns, "a") as first, had(turns, "b") as second, had(turns, "c") as third:
        assert [count(each) for each in (first, second, third)] == [4, 2, 2]
    with had(turns, "a") as again:
        assert count(again) == 4


def test_a_key_leaves_one_to_the_other_keys_of_its_owner() -> None:
    turns = Turns(8)
    with had(turns, "a", "1") as first, had(turns, "a", "2") as second:
        assert [count(each) for each in (first, second)] == [3, 1]


@pytest.mark.parametrize("places", [1, 2, 3])
def test_everybody_has_one_however_few_there_are(places: int) -> None:
    turns = Turns(places)
    with ExitStack() as stack:
        held = [stack.enter_context(had(turns, str(owner), str(owner))) for owner in range(5)]
        assert [count(each) for each in held] == [1] * 5


def test_there_are_never_more_than_the_most() -> None:
    turns = Turns(8, most=5)
    with had(turns, "a") as first, had(turns, "b") as second, had(turns, "c") as third:
        assert [count(each) for each in (first, second, third)] == [4, 1, 0]


def test_who_is_refused_is_told_when_to_come_again() -> None:
    turns = Turns(1)
    with turns.taken("a"), pytest.raises(TooManyRequests) as refused, turns.taken("a"):
        pass
    assert refused.value.headers == {"Retry-After": "1"}


@contextmanager
def waiting(turns: Turns, owner: str) -> Iterator[threading.Event]:
    """Somebody who waits, and is done at once; whether the turn came."""
    came = threading.Event()

    def work() -> None:
        with turns.taken(owner):
            came.set()

    before = len(turns._waiting)
    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: len(turns._waiting) > before)
    yield came
    thread.join()


def test_who_waits_is_let_in_when_one_leaves() -> None:
    turns = Turns(1, patience=60, queue=1)
    with ExitStack() as stack:
        held = stack.enter_context(ExitStack())
        held.enter_context(turns.taken("a"))
        came = stack.enter_context(waiting(turns, "a"))
        with pytest.raises(TooManyRequests), turns.taken("a"):  # one waits already
            pass
        with turns.taken("b"):
            assert not came.is_set()
        held.close()
        assert came.wait(60)


def test_who_has_waited_too_long_is_refused_and_forgotten() -> None:
    turns = Turns(1, patience=0.05, queue=5)
    with turns.taken("a"), pytest.raises(TooManyRequests), turns.taken("a"):
        pass
    assert turns._waiting == []
    with turns.taken("a"):
        pass


def test_no_turn_is_lost_or_given_twice() -> None:
    turns, most = Turns(4, most=4, patience=60, queue=100), 0
    inside: list[str] = []
    rng = random.Random(7)
    owners = [rng.choice("abc") for _ in range(8)]

    def work(owner: str) -> None:
        nonlocal most
        for _ in range(200):
            with turns.taken(owner, owner):
                inside.append(owner)
                most = max(most, len(inside))
                inside.remove(owner)

    threads = [threading.Thread(target=work, args=(owner,)) for owner in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 4
    assert (turns._waiting, turns._of_owner, turns._of_key) == ([], {}, {})
