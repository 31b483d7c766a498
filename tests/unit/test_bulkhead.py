"""The bulkhead: what is stuck keeps its places, and nobody else's time."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from shared.bulkhead import Bulkhead, Full
from tests.product import PATIENCE, wait_until


def stuck(bulkhead: Bulkhead, places: int, pool: ThreadPoolExecutor) -> Callable[[], None]:
    """Take that many places; what ends it."""
    go, there = threading.Event(), threading.Barrier(places + 1)

    def hold() -> None:
        with bulkhead.place():
            there.wait(PATIENCE)
            go.wait(PATIENCE)

    for _ in range(places):
        pool.submit(hold)
    there.wait(PATIENCE)
    return go.set


def test_who_comes_when_nothing_moves_is_refused_and_enters_once_there_is_a_place() -> None:
    bulkhead = Bulkhead(2, patience=0.1)
    with ThreadPoolExecutor(2) as pool:
        end = stuck(bulkhead, 2, pool)
        with pytest.raises(Full), bulkhead.place():
            pass
        end()
    with bulkhead.place():
        pass


def test_once_all_are_stuck_nobody_waits_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    bulkhead = Bulkhead(1, patience=0.5)
    with ThreadPoolExecutor(1) as pool:
        end = stuck(bulkhead, 1, pool)
        with pytest.raises(Full), bulkhead.place():
            pass
        waited: list[float | None] = []
        with monkeypatch.context() as noted:
            noted.setattr(threading.Event, "wait", lambda _event, timeout=None: waited.append(timeout))
            for _ in range(100):
                with suppress(Full), bulkhead.place():
                    pass
        assert waited == [0.0] * 100
        end()


def test_everybody_has_a_place_in_the_end_while_things_move() -> None:
    bulkhead = Bulkhead(2, patience=PATIENCE)
    at_work, most = [0], [0]
    guard = threading.Lock()

    def work(_: int) -> None:
        with bulkhead.place():
            with guard:
                at_work[0] += 1
                most[0] = max(most[0], at_work[0])
            time.sleep(0.001)
            with guard:
                at_work[0] -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(200)))
    assert most == [2]


def test_a_place_is_given_back_whatever_happens_in_it() -> None:
    bulkhead = Bulkhead(1, patience=0.0)
    for _ in range(3):
        with suppress(ZeroDivisionError), bulkhead.place():
            raise ZeroDivisionError
    with bulkhead.place():
        pass


def test_who_came_first_has_the_first_place() -> None:
    bulkhead, had = Bulkhead(1, patience=PATIENCE), list[str]()

    def waits() -> None:
        with bulkhead.place():
            had.append("who waited")

    with ThreadPoolExecutor(1) as pool:
        with bulkhead.place():
            waiting = pool.submit(waits)
            wait_until(lambda: len(bulkhead._waiting) == 1)
        with bulkhead.place():
            had.append("who came again at once")
        waiting.result(PATIENCE)
    assert had == ["who waited", "who came again at once"]
