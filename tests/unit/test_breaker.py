"""The breaker, with its clock."""

import threading

import pytest

from shared.breaker import Breaker, Open


def fail() -> None:
    raise ConnectionRefusedError


def tripped(rest: float) -> Breaker:
    breaker = Breaker(failures=5, rest=rest)
    for _ in range(5):
        with pytest.raises(ConnectionRefusedError):
            breaker.call(fail)
    return breaker


def test_it_opens_after_five_failures_in_a_row() -> None:
    breaker = tripped(rest=60)
    with pytest.raises(Open):
        breaker.call(lambda: 1)


def test_a_success_in_between_starts_the_count_again() -> None:
    breaker = Breaker(failures=2, rest=60)
    for work in (fail, None, fail, None, fail):
        if work is None:
            assert breaker.call(lambda: 1) == 1
        else:
            with pytest.raises(ConnectionRefusedError):
                breaker.call(work)


def test_after_its_rest_one_success_closes_it() -> None:
    breaker = tripped(rest=0)
    assert [breaker.call(lambda: 1) for _ in range(3)] == [1, 1, 1]


def test_after_its_rest_one_failure_opens_it_again() -> None:
    breaker = Breaker(failures=1, rest=0)
    with pytest.raises(ConnectionRefusedError):
        breaker.call(fail)
    breaker._rest = 60
    with pytest.raises(ConnectionRefusedError):
        breaker.call(fail)
    with pytest.raises(Open):
        breaker.call(lambda: 1)


def test_one_call_at_a_time_tries_again_and_another_when_that_one_hangs() -> None:
    breaker = tripped(rest=0)
    breaker._rest = 60
    trying, go = threading.Event(), threading.Event()

    def slow() -> int:
        trying.set()
        go.wait(5)
        return 1

    thread = threading.Thread(target=breaker.call, args=(slow,))
    thread.start()
    trying.wait(5)
    with pytest.raises(Open):
        breaker.call(lambda: 2)
    breaker._next_trial = 0.0
    assert breaker.call(lambda: 3) == 3
    go.set()
    thread.join()
    assert breaker.call(lambda: 4) == 4


def test_calls_do_not_wait_for_one_another() -> None:
    breaker = Breaker()
    together = threading.Barrier(2, timeout=5)
    thread = threading.Thread(target=breaker.call, args=(together.wait,))
    thread.start()
    breaker.call(together.wait)
    thread.join()


def test_a_trial_that_is_not_made_is_given_back_for_another() -> None:
    breaker = tripped(rest=0)
    breaker._rest = 60
    left = breaker.enter()
    with pytest.raises(Open):
        breaker.enter()
    left.give_back()
    assert breaker.enter().make(lambda: 1) == 1
    left.give_back()
    assert breaker.call(lambda: 2) == 2


def test_who_had_leave_before_it_opened_is_refused_then() -> None:
    breaker = Breaker(failures=1, rest=60)
    left = breaker.enter()
    with pytest.raises(ConnectionRefusedError):
        breaker.call(fail)
    with pytest.raises(Open):
        left.make(lambda: 1)
