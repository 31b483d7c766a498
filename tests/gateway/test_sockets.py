"""Clients that are slow or silent, over real sockets: each costs a socket, and nobody else anything."""

import signal
import socket
import threading
from contextlib import ExitStack
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.gateway.peers import Seen, respond
from tests.gateway.process import Running, heard, process
from tests.product import PATIENCE, wait_until

EXPENSES = "/v1/dev/finance/expenses"
SOURCES = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
LARGE = bytes(16 * 1024 * 1024)
EACH = 200


def gone(sock: socket.socket) -> bool:
    """Whether the other side has hung up, and said nothing."""
    sock.settimeout(0)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def said_nothing(sock: socket.socket) -> bool:
    """Whether the connection stands, and is silent."""
    sock.settimeout(0)
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    return False


def test_slow_clients_keep_nobody_waiting(keys_url: str) -> None:
    with process(keys_url, DEADLINE="120", CONNECTIONS_PER_ADDRESS="0") as running, ExitStack() as stack:
        running.expenses.respond = lambda handler, seen: respond(handler, 200, LARGE if "large" in seen.target else b"")
        assert answered(running, SOURCES[0])  # from here the key is known, and no guess
        promised = running.head(f"POST {EXPENSES} HTTP/1.1", "Content-Length: 5000")
        kinds = (
            b"G",
            promised,
            promised + b"x",
            running.head(f"POST {EXPENSES} HTTP/1.1", "Transfer-Encoding: chunked") + b"5\r\nx",
        )
        slow = [
            (stack.enter_context(running.connect(SOURCES[number % 4])), kind)
            for kind in kinds
            for number in range(EACH)
        ]
        for sock, kind in slow:
            sock.sendall(kind)
        unread = [stack.enter_context(running.connect(SOURCES[number % 4])) for number in range(8)]
        for sock in unread:
            sock.sendall(running.head(f"GET {EXPENSES}/large HTTP/1.1"))
        wait_until(lambda: len(running.expenses.requests) == 1 + len(unread))
        for number in range(10):
            assert running.alive()
            with running.session() as session:
                assert session.get(f"{running.url}{EXPENSES}/{number}", timeout=60).status_code == 200
            for sock, kind in slow:
                assert said_nothing(sock), sock.recv(65536)
                if kind != b"G" and number < 3:
                    sock.settimeout(PATIENCE)
                    sock.sendall(b"x")
        assert all(said_nothing(sock) for sock, _ in slow)
        assert [seen.method for seen in running.expenses.requests] == ["GET"] * 19


def test_an_answer_nobody_reads_is_off_the_services_hands(keys_url: str) -> None:
    with process(keys_url, DEADLINE="120") as running, running.connect() as sock:
        running.expenses.respond = lambda handler, _: respond(handler, 200, LARGE)
        sock.sendall(running.head(f"GET {EXPENSES} HTTP/1.1"))
        with running.session() as session:
            for _ in range(3):
                assert session.get(f"{running.url}{EXPENSES}", timeout=60).content == LARGE
        assert running.expenses.connections <= 2
        assert len(running.expenses.requests) == 4


def test_whoever_is_too_slow_is_sent_away(keys_url: str) -> None:
    with process(keys_url, DEADLINE="1") as running, ExitStack() as stack:
        running.expenses.respond = lambda handler, _: respond(handler, 200, LARGE)
        begun, promised, trickled, unread = (stack.enter_context(running.connect()) for _ in range(4))
        begun.sendall(b"GET /healthz HT")
        promised.sendall(running.head(f"POST {EXPENSES} HTTP/1.1", "Content-Length: 5000"))
        trickled.sendall(running.head(f"POST {EXPENSES} HTTP/1.1", "Content-Length: 5000"))
        unread.sendall(running.head(f"GET {EXPENSES} HTTP/1.1"))

        def trickles() -> bool:
            trickled.sendall(b"x")
            return not said_nothing(trickled)

        wait_until(trickles)
        assert heard(trickled).startswith(b"HTTP/1.1 400 ")
        assert heard(promised).startswith(b"HTTP/1.1 400 ")
        assert heard(begun) == b""
        wait_until(lambda: running.expenses.requests != [])
        assert [seen.method for seen in running.expenses.requests] == ["GET"]
        wait_until(lambda: sockets_of(running) == 0)
        assert len(heard(unread)) < len(LARGE)


def sockets_of(running: Running) -> int:
    """How many connections the gateway has with its clients."""
    port = f":{running.port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()
    return sum(fields[1].endswith(port) and fields[3] == "01" for fields in (line.split() for line in lines[1:]))


def test_an_address_has_so_many_connections_and_another_its_own(keys_url: str) -> None:
    with process(keys_url, CONNECTIONS_PER_ADDRESS="20", TRUSTED_PROXIES="127.0.0.1") as running, ExitStack() as stack:
        greedy = [stack.enter_context(running.connect("127.0.0.2")) for _ in range(30)]
        for sock in greedy[20:]:
            said = heard(sock)
            assert said.startswith(b"HTTP/1.1 503 ")
            assert said.endswith(b'{"message":"Too many connections"}')
            assert b"\r\nRetry-After: 1\r\n" in said
        assert not any(gone(sock) for sock in greedy[:20])
        for source in ("127.0.0.3", "127.0.0.2"):
            with running.connect(source) as sock:
                sock.sendall(running.head(f"GET {EXPENSES} HTTP/1.1", "Connection: close"))
                assert heard(sock).startswith(b"HTTP/1.1 200 " if source == "127.0.0.3" else b"HTTP/1.1 503 ")
        greedy[0].close()
        wait_until(lambda: answered(running, "127.0.0.2"))
        proxied = [stack.enter_context(running.connect()) for _ in range(30)]  # it speaks for many
        assert running.alive()
        assert not any(gone(sock) for sock in proxied)


def answered(running: Running, source: str) -> bool:
    """Whether a client at this address gets what it asks for."""
    with running.connect(source) as sock:
        sock.sendall(running.head(f"GET {EXPENSES} HTTP/1.1", "Connection: close"))
        return heard(sock).startswith(b"HTTP/1.1 200 ")


def test_when_there_is_no_room_who_asks_nothing_makes_it(keys_url: str) -> None:
    with process(keys_url, CONNECTIONS="20") as running, ExitStack() as stack:
        silent = [stack.enter_context(running.connect()) for _ in range(50)]
        wait_until(lambda: all(gone(sock) for sock in silent[:30]))
        assert not any(gone(sock) for sock in silent[30:])
        for _ in range(3):
            assert running.alive()


def test_when_there_is_no_room_who_does_not_take_an_answer_makes_it(keys_url: str) -> None:
    with process(keys_url, CONNECTIONS="20", DEADLINE="120") as running, ExitStack() as stack:
        running.expenses.respond = lambda handler, _: respond(handler, 200, LARGE)
        unread = [stack.enter_context(running.connect()) for _ in range(20)]
        for sock in unread:
            sock.sendall(running.head(f"GET {EXPENSES} HTTP/1.1"))
            assert sock.recv(9) == b"HTTP/1.1 "
        for _ in range(3):
            assert running.alive()


def test_when_there_is_no_room_and_all_are_being_answered_who_comes_is_told_so(keys_url: str) -> None:
    finished = threading.Event()

    def slow(handler: BaseHTTPRequestHandler, _: Seen) -> None:
        finished.wait(PATIENCE)
        respond(handler, 200, b"done")

    with process(keys_url, CONNECTIONS="4") as running, ExitStack() as stack:
        stack.callback(finished.set)
        assert answered(running, "127.0.0.1")
        running.expenses.respond = slow
        busy = [stack.enter_context(running.connect()) for _ in range(4)]
        for sock in busy:
            sock.sendall(running.head(f"GET {EXPENSES} HTTP/1.1", "Connection: close"))
        wait_until(lambda: len(running.expenses.requests) == 4 and not running.alive())
        with running.connect() as sock:
            assert heard(sock).endswith(b'{"message":"Too many connections"}')
        finished.set()
        assert [heard(sock).endswith(b"done") for sock in busy] == [True] * 4
        wait_until(running.alive)


@pytest.mark.parametrize("body", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_stranger_is_refused_and_hung_up_on(keys_url: str, body: str) -> None:
    with process(keys_url) as running, running.connect() as sock:
        sock.sendall(f"POST {EXPENSES} HTTP/1.1\r\nHost: x\r\n{body}\r\n\r\n".encode())
        said = heard(sock)
        assert said.startswith(b"HTTP/1.1 401 ")
        assert b"\r\nConnection: close\r\n" in said
        assert running.expenses.requests == []


def test_the_end_waits_for_who_is_answered_and_for_nobody_else(keys_url: str) -> None:
    def slow(handler: object, seen: Seen) -> None:
        running.process.send_signal(signal.SIGTERM)
        wait_until(lambda: gone(idle) and gone(begun))
        respond(handler, 200, b"done")  # type: ignore[arg-type]

    with process(keys_url) as running, ExitStack() as stack:
        idle, begun, asking = (stack.enter_context(running.connect()) for _ in range(3))
        idle.sendall(running.head("GET /healthz HTTP/1.1"))
        answer = HTTPResponse(idle)
        answer.begin()
        assert answer.read() == b'{"status":"ok"}'
        begun.sendall(b"GET /healthz HT")
        running.expenses.respond = slow
        asking.sendall(running.head(f"GET {EXPENSES} HTTP/1.1"))
        said = heard(asking)
        assert said.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nConnection: close\r\n" in said or b"\r\nConnection: keep-alive\r\n" in said
        assert said.endswith(b"done")
        wait_until(lambda: running.process.poll() is not None)
        assert running.process.returncode == 0
