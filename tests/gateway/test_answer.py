"""The head of a service's answer, read from a real connection; what is not HTTP is refused, never guessed at."""

import socket
from collections.abc import Iterator
from http.client import HTTPException

import pytest

from gateway.answer import Answer

INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def begun(line: tuple[socket.socket, socket.socket], said: bytes, method: str = "GET") -> Answer:
    ours, theirs = line
    theirs.sendall(said)
    theirs.shutdown(socket.SHUT_WR)
    answer = Answer(ours, method)
    try:
        answer.begin()
    except BaseException:
        answer.close()
        raise
    return answer


@pytest.mark.parametrize(
    ("said", "length", "closes", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 2, False, b"ok"),
        (b"HTTP/1.1 200 OK\r\ncontent-length:2\r\nConnection: Close\r\n\r\nok", 2, True, b"ok"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 2, True, b"ok"),
        (b"HTTP/1.1 200 OK\r\n\r\nok", None, True, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", None, False, b"ok"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", 0, False, b""),
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", 0, False, b""),
        (INTERIM + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 2, False, b"ok"),
    ],
)
def test_a_head_says_where_the_body_ends(
    line: tuple[socket.socket, socket.socket], said: bytes, length: int | None, closes: bool, body: bytes
) -> None:
    answer = begun(line, said)
    assert (answer.length, answer.will_close) == (length, closes)
    assert answer.read() == body
    answer.close()


def test_an_answer_to_head_has_no_body(line: tuple[socket.socket, socket.socket]) -> None:
    answer = begun(line, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD")
    assert (answer.length, answer.will_close, answer.pairs) == (0, False, [("Content-Length", "9")])
    answer.close()


def test_headers_keep_their_order_and_their_number(line: tuple[socket.socket, socket.socket]) -> None:
    answer = begun(line, b"HTTP/1.1 200 OK\r\nB: 1\r\nA:  2 : 3 \r\nB: caf\xe9\r\nC:\r\nContent-Length: 0\r\n\r\n")
    assert answer.pairs == [("B", "1"), ("A", "2 : 3"), ("B", "café"), ("C", ""), ("Content-Length", "0")]
    answer.close()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 65536 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(line: tuple[socket.socket, socket.socket], said: bytes) -> None:
    with pytest.raises((OSError, HTTPException)):
        begun(line, said)
