"""The gateway as it runs: a process, with real clients, large bodies and slow ones."""

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

import pytest

from tests.gateway.peers import respond
from tests.gateway.process import Running, heard, process
from tests.product import PATIENCE

FORM = {"Content-Type": "multipart/form-data; boundary=x"}
EIGHT_MIB = os.urandom(1024 * 1024) * 8
EXPENSES = "/v1/dev/finance/expenses"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def running(keys_url: str) -> Iterator[Running]:
    """A gateway process with a deadline of two seconds."""
    with process(keys_url, DEADLINE="2") as running:
        yield running


def test_memory_does_not_grow_with_bodies(running: Running) -> None:
    def pieces() -> Iterator[bytes]:
        for at in range(0, len(EIGHT_MIB), 65536):
            yield EIGHT_MIB[at : at + 65536]

    def up_and_down(number: int) -> bool:
        with running.session() as session:
            body = pieces() if number % 2 else EIGHT_MIB
            sent = session.post(running.url + EXPENSES, data=body, headers=FORM, timeout=30)
            got = session.get(f"{running.url}{EXPENSES}/large", timeout=30)
            return sent.status_code == 200 and got.content == EIGHT_MIB

    running.expenses.respond = lambda handler, seen: respond(handler, 200, EIGHT_MIB if "large" in seen.target else b"")
    with running.session() as session:
        assert session.get(running.url + EXPENSES, timeout=5).status_code == 200
    before = running.most_memory()
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(up_and_down, range(12)))
    digests = {seen.digest for seen in running.expenses.requests if seen.method == "POST"}
    assert digests == {blake2b(EIGHT_MIB).hexdigest()}
    assert running.most_memory() - before < 32 * 1024 * 1024  # six at once, kept whole, would be 48


@pytest.mark.parametrize("authorized", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_plain_client_hears_why_its_large_body_is_refused(running: Running, authorized: bool, chunked: bool) -> None:
    body = b"x" * (12 * 1024 * 1024)
    with running.session() as session:
        if not authorized:
            del session.headers["Authorization"]
        for _ in range(2):
            sent = iter([body[:65536]] * 192) if chunked else body
            reply = session.post(running.url + EXPENSES, data=sent, headers=FORM, timeout=10)
            assert reply.status_code == (413 if authorized else 401)
            assert set(reply.json()) == {"message"}
    assert running.expenses.requests == []


def test_a_client_that_waits_for_leave_to_send_is_answered_at_once(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as sock:
        sock.sendall(
            f"POST {EXPENSES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {running.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 2000000\r\n\r\n".encode()
        )
        assert b" 413 " in sock.recv(64)


@pytest.mark.parametrize("length", [10, 500_000])
def test_who_dawdles_is_told_that_the_body_did_not_arrive(running: Running, length: int) -> None:
    with running.connect() as sock:
        sock.sendall(running.head(f"POST {EXPENSES} HTTP/1.1", f"Content-Length: {length}") + b"x")
        assert sock.recv(64).startswith(b"HTTP/1.1 400 ")
    assert running.expenses.requests == []


def test_one_who_sends_request_after_request_lets_others_have_their_turn(running: Running) -> None:
    answers, many = threading.Event(), 20_000
    got = bytearray()

    def read(sock: socket.socket) -> None:
        while got.count(b"HTTP/1.1 ") < many and (piece := sock.recv(65536)):
            got.extend(piece)
            answers.set()

    with running.connect() as sock, ThreadPoolExecutor(2) as pool:
        reading = pool.submit(read, sock)
        sending = pool.submit(sock.sendall, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * many)
        assert answers.wait(PATIENCE)
        assert all(running.alive() for _ in range(3))
        meanwhile = got.count(b"HTTP/1.1 200 ")
        sending.result()
        reading.result()
    assert meanwhile < got.count(b"HTTP/1.1 200 ") == many


def test_one_who_sends_a_body_in_small_chunks_lets_others_have_their_turn(running: Running) -> None:
    chunks, piece = 300_000, b"20\r\n" + b"x" * 32 + b"\r\n"
    under_way = threading.Event()

    def send() -> bytes:
        with running.connect() as sock:
            sock.sendall(running.head(f"POST {EXPENSES} HTTP/1.1", f"Content-Type: {FORM['Content-Type']}", CHUNKED))
            sock.sendall(piece * (chunks // 2))
            under_way.set()
            sock.sendall(piece * (chunks // 2) + b"0\r\n\r\n")
            return sock.recv(64)

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        assert under_way.wait(PATIENCE)
        assert all(running.alive() for _ in range(3))
        assert running.expenses.connections == 0  # it was not all there yet
        assert sending.result().startswith(b"HTTP/1.1 200 ")
    assert [seen.size for seen in running.expenses.requests] == [chunks * 32]


def test_a_body_in_chunks_that_are_hardly_larger_than_their_frames_is_refused(running: Running) -> None:
    for piece in (b"1\r\nx\r\n", b"4;" + b"x" * 1000 + b"\r\nbody\r\n"):
        with running.connect() as sock:
            sock.sendall(running.head(f"POST {EXPENSES} HTTP/1.1", CHUNKED) + piece * 10_000)
            said = heard(sock)
        assert said.startswith(b"HTTP/1.1 400 ")
        assert b"\r\nConnection: close\r\n" in said
        assert said.endswith(b'{"message":"The chunks of the body are too small"}')
    assert running.expenses.requests == []


@pytest.mark.parametrize(("size", "number"), [(1, 2000), (32, 20_000)])
def test_a_body_in_small_chunks_is_taken(running: Running, size: int, number: int) -> None:
    with running.session() as session:
        sent = session.post(running.url + EXPENSES, data=iter([b"x" * size] * number), timeout=PATIENCE)
    assert sent.status_code == 200
    assert [seen.size for seen in running.expenses.requests] == [size * number]


def test_a_refused_body_in_chunks_is_not_read_and_its_connection_ends(running: Running) -> None:
    with running.connect() as sock:
        sock.sendall(f"POST {EXPENSES} HTTP/1.1\r\nHost: x\r\n{CHUNKED}\r\n\r\n".encode() + b"1\r\nx\r\n" * 2000)
        said = sock.recv(4096)
        assert said.startswith(b"HTTP/1.1 401 ")
        assert b"\r\nConnection: close\r\n" in said


@pytest.mark.parametrize("piece", [b"1\r\nx\r\n", b"1;" + b"x" * 8000 + b"\r\nx\r\n"])
def test_a_stranger_whose_chunks_are_too_small_hears_that_he_has_no_key(running: Running, piece: bytes) -> None:
    for _ in range(20):
        with running.connect() as sock:
            sock.sendall(f"POST {EXPENSES} HTTP/1.1\r\nHost: x\r\n{CHUNKED}\r\n\r\n".encode() + piece * 20)
            assert sock.recv(64).startswith(b"HTTP/1.1 401 ")


def test_targets_stay_raw_behind_the_real_server(running: Running) -> None:
    for target, status in (
        (f"{EXPENSES}/a%20b?x=%2f&y=//", 200),
        (f"/{EXPENSES}", 404),
        (f"{EXPENSES}/..%2f..%2finternal", 404),
        (f"{EXPENSES}/%2e%2e/internal", 404),
        ("/v1/../internal/x", 404),
        ("//internal/x", 404),
        ("/internal/openapi.json", 404),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
        connection.putrequest("GET", target)
        connection.putheader("Authorization", f"Bearer {running.key}")
        connection.endheaders()
        assert connection.getresponse().status == status, target
        connection.close()
    assert [seen.target for seen in running.expenses.requests] == [f"{EXPENSES}/a%20b?x=%2f&y=//"]


def test_many_clients_share_few_connections(running: Running) -> None:
    def work() -> None:
        with running.session() as session:
            for _ in range(25):
                assert session.get(running.url + EXPENSES, timeout=10).status_code == 200

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(running.expenses.requests) == 150
    assert running.expenses.connections <= 8
