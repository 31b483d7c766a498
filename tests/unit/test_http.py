"""Calls to another service: what is no answer is never taken for one."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import parse_headers
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from shared.errors import Conflict, NotFound, Refused
from shared.http import NoAnswer, NotAsked, Peer


class Saying(BaseAdapter):
    """A peer that always says the same."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__()
        self._said = status, body

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response._content = self._said
        return response

    def close(self) -> None:
        """Nothing is open."""


def put(status: int, body: bytes) -> dict[str, Any]:
    peer = Peer("expenses", "budgets", "http://budgets", "secret", adapter=Saying(status, body))
    return peer.put("/internal/spends/1", {}, workspace_id="w", deadline=1.0)


@pytest.mark.parametrize("status", [200, 404, 422])
@pytest.mark.parametrize("body", [b"5", b"null", b"[]", b'"no"', b"", b"<html>"])
def test_what_is_no_object_is_no_answer(status: int, body: bytes) -> None:
    with pytest.raises(NoAnswer):
        put(status, body)


@pytest.mark.parametrize("status", [201, 204, 302, 400, 401, 500, 503])
def test_a_status_that_is_not_agreed_on_is_no_answer(status: int) -> None:
    with pytest.raises(NoAnswer):
        put(status, b'{"message": "x"}')


def test_who_is_asked_at_the_wrong_moment_says_so() -> None:
    with pytest.raises(Conflict):
        put(409, b'{"message": "x"}')


def test_an_object_is_the_answer_and_a_refusal_is_raised_in_its_own_words() -> None:
    assert put(200, b'{"version": 7}') == {"version": 7}
    with pytest.raises(NotFound, match="No such budget"):
        put(404, b'{"message": "No such budget"}')


ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"version":7}'


class Lines:
    """A peer behind a socket: each of its connections answers so many requests, and is hung up on at the next one."""

    def __init__(self, answered: Sequence[int], *, impatient: bool = False) -> None:
        """`impatient`: it does not wait for the next request, but hangs up before."""
        self.heard: list[int] = []
        """The connection of each request that arrived."""
        self.hung_up = [threading.Event() for _ in answered]
        self._answered, self._impatient = answered, impatient
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def serve(self) -> None:
        for number, answers in enumerate(self._answered):
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self._talk(connection, number, answers)
            self.hung_up[number].set()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _talk(self, connection: socket.socket, number: int, answers: int) -> None:
        with connection.makefile("rb") as arriving:
            for turn in range(answers + (not self._impatient)):
                if not arriving.readline():
                    return
                arriving.read(int(parse_headers(arriving)["Content-Length"]))  # it may come later than the head
                self.heard.append(number)
                if turn < answers:
                    connection.sendall(ANSWER)


@contextmanager
def lines(answered: Sequence[int], **how: bool) -> Iterator[tuple[Lines, Callable[[], dict[str, Any]]]]:
    """A peer, and what puts something to it."""
    there = Lines(answered, **how)
    serving = threading.Thread(target=there.serve, daemon=True)
    serving.start()
    peer = Peer("expenses", "budgets", there.url, "secret")
    try:
        yield there, lambda: peer.put("/internal/spends/1", {"version": 7}, workspace_id="w", deadline=20)
    finally:
        there.close()
        serving.join(20)


def test_what_may_have_arrived_is_not_sent_again() -> None:
    with lines([1, 1]) as (peer, put_once):
        assert put_once() == {"version": 7}
        with pytest.raises(NoAnswer):
            put_once()
        assert peer.heard == [0, 0]


def test_what_may_have_arrived_is_not_sent_again_on_a_fresh_connection() -> None:
    with lines([0, 1]) as (peer, put_once):
        with pytest.raises(NoAnswer):
            put_once()
        assert peer.heard == [0]


def test_a_pooled_connection_that_has_ended_is_not_sent_on() -> None:
    with lines([1, 1], impatient=True) as (peer, put_once):
        assert put_once() == {"version": 7}
        assert peer.hung_up[0].wait(20)
        assert put_once() == {"version": 7}
        assert peer.heard == [0, 1]


def test_a_peer_that_does_not_answer_is_not_asked_for_a_while_and_one_that_refuses_is() -> None:
    class Away(BaseAdapter):
        asked = 0

        def send(self, *_: Any, **__: Any) -> requests.Response:
            self.asked += 1
            raise requests.ReadTimeout

        def close(self) -> None:
            """Nothing is open."""

    away = Away()
    peer = Peer("expenses", "budgets", "http://budgets", "secret", adapter=away)
    for _ in range(7):
        with pytest.raises(NoAnswer) as said:
            peer.put("/internal/spends/1", {}, workspace_id="w", deadline=1.0)
    assert (type(said.value), away.asked) == (NotAsked, 5)
    refusing = Peer("expenses", "budgets", "http://budgets", "secret", adapter=Saying(422, b'{"message": "x"}'))
    for _ in range(7):
        with pytest.raises(Refused):
            refusing.put("/internal/spends/1", {}, workspace_id="w", deadline=1.0)
