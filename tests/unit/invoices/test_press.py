"""The process in which documents are drawn: there while it is needed, and never in the way."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.invoices.papers import press
from services.invoices.papers.press import Press, Unprintable
from shared.errors import Unavailable


def job(source: str, **inputs: str) -> dict[str, Any]:
    return {"sources": {"main.typ": source}, "inputs": inputs, "timestamp": 0, "standards": [[]]}


def running(one: Press) -> int | None:
    """The process's id."""
    return one._printer._process.pid if one._printer and one._printer.alive else None


def wait_for_the_end(one: Press) -> None:
    until = time.monotonic() + 10
    while running(one):
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def one() -> Any:
    one = Press()
    yield one
    one.end()


def test_there_is_no_process_before_the_first_document(one: Press) -> None:
    assert running(one) is None
    assert one.pdf(job("a")).startswith(b"%PDF")
    assert running(one)


def test_it_draws_one_document_after_the_other(one: Press) -> None:
    first = one.pdf(job("a"))
    process = running(one)
    assert one.pdf(job("b")) != first == one.pdf(job("a"))
    assert running(one) == process


def test_what_typst_refuses_is_told_and_does_no_harm(one: Press) -> None:
    with pytest.raises(Unprintable, match="panicked"):
        one.pdf(job("#panic()"))
    assert one.pdf(job("a")).startswith(b"%PDF")


def test_what_was_drawn_a_moment_ago_is_not_drawn_again(one: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    first = one.pdf(job("a"))
    one.end()
    assert one.pdf(job("a")) is first
    assert running(one) is None
    monkeypatch.setattr(press, "KEPT", len(first))
    one.pdf(job("b"))
    one.end()
    assert one.pdf(job("a")) == first
    assert running(one)


def test_who_waited_while_the_same_was_drawn_gets_that(one: Press) -> None:
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(one.pdf, [job("#for i in range(1000) { [a] }")] * 4))
    assert {id(each) for each in drawn} == {id(drawn[0])}


def test_it_sees_no_file_of_ours(one: Press) -> None:
    for path in ("/etc/passwd", "page.typ", "../README.md"):
        with pytest.raises(Unprintable):
            one.pdf(job(f'#read("{path}")'))


def test_without_work_it_ends_and_comes_back(one: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "IDLE", 0.05)
    first = one.pdf(job("a"))
    wait_for_the_end(one)
    assert one.pdf(job("b")) != first


def test_after_a_long_document_it_ends(one: Press) -> None:
    one.pdf(job("#sys.inputs.text", text="word " * 20_000))
    wait_for_the_end(one)


def test_one_that_was_killed_is_replaced(one: Press) -> None:
    one.pdf(job("a"))
    os.kill(running(one) or 0, signal.SIGKILL)
    wait_for_the_end(one)
    assert one.pdf(job("b")).startswith(b"%PDF")


def test_a_document_without_end_is_given_up(one: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "DEADLINE", 1.0)
    with pytest.raises(Unprintable):
        one.pdf(job("#for i in range(1000000000) { [a] }"))
    monkeypatch.setattr(press, "DEADLINE", 25.0)
    assert one.pdf(job("a")).startswith(b"%PDF")


def test_a_panic_is_told_and_does_no_harm(one: Press) -> None:
    panics = job('#set text(font: "Noto Sans")\n#sys.inputs.text', text="क्" * 129)
    with pytest.raises(Unprintable, match="Panic"):
        one.pdf(panics)
    process = running(one)
    assert one.pdf(job("a")).startswith(b"%PDF")
    assert running(one) == process


def test_it_has_no_more_memory_than_it_may_have(one: Press) -> None:
    with pytest.raises(Unprintable):
        one.pdf(job('#let a = "word"; #for i in range(40) { a = a + a }; #a'))
    assert one.pdf(job("a")).startswith(b"%PDF")


def test_who_has_waited_too_long_is_told_so(one: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "WAIT", 0.1)
    with one._mine(), pytest.raises(Unavailable):
        one.pdf(job("a"))
    assert one.pdf(job("a")).startswith(b"%PDF")
