"""Services that are away, slow or rude: what is tried again, what never is, and what the client is told."""

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler

import pytest

from gateway import upstream
from tests.gateway.conftest import Gateway, Reply, Start
from tests.gateway.peers import Respond, Rude, Seen, plain, respond
from tests.product import PATIENCE, free_ports, wait_until

TARGET = "/v1/dev/finance/invoices/1"
AWAY = {"message": "Service temporarily unavailable"}
LATE = {"message": "The service did not answer in time"}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def is_away(reply: Reply) -> bool:
    return (reply.status, reply.json, reply.headers["Retry-After"]) == (503, AWAY, "1")


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    return f"http://127.0.0.1:{free_ports(1)}"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_service_that_is_down_is_503_and_the_others_go_on(start: Start, nobody: str, method: str) -> None:
    gateway = start(invoices_url=nobody)
    for _ in range(7):
        assert is_away(gateway.call(method, TARGET))
    assert gateway.get("/v1/dev/finance/budgets").status == 200


def test_a_broken_service_is_left_alone_for_a_second_and_then_tried_again(start: Start, nobody: str) -> None:
    gateway = start(invoices_url=nobody)
    for _ in range(5):
        assert is_away(gateway.get(TARGET))
    port = int(nobody.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.settimeout(0.2)
        assert is_away(gateway.get(TARGET))
        with pytest.raises(TimeoutError):
            listener.accept()
        time.sleep(1)
        threading.Thread(target=_answer_once, args=(listener,)).start()
        assert gateway.get(TARGET).body == b"ok"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_service_that_does_not_believe_the_gateway_is_away_and_the_key_is_not_blamed(
    gateway: Gateway, method: str
) -> None:
    gateway.invoices.respond = lambda handler, _seen: respond(
        handler, 401, b'{"message": "Invalid or missing API key"}'
    )
    reply = gateway.call(method, TARGET)
    assert is_away(reply)
    assert "WWW-Authenticate" not in reply.headers
    assert len(gateway.invoices.requests) == 1


def _answer_once(listener: socket.socket) -> None:
    listener.settimeout(5)
    sock, _ = listener.accept()
    with sock:
        sock.recv(65536)
        sock.sendall(OK)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET", "HEAD"])
def test_what_was_accepted_and_died_is_not_sent_again(start: Start, method: str) -> None:
    rude = Rude()
    rude._turns = (rude.hear,)
    with rude.serving():
        gateway = start(invoices_url=rude.url)
        reply = gateway.call(method, TARGET, body=b"{}" if method == "POST" else None)
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
        assert rude.accepted == len(rude.heard) == 1


def dies_when_used_again(rude: Rude) -> Rude:
    """Its first connection answers once and hangs up on the second request it has heard; later ones answer."""

    def first(sock: socket.socket) -> None:
        rude.hear(sock)
        sock.sendall(OK)
        rude.hear(sock)

    def later(sock: socket.socket) -> None:
        rude.hear(sock)
        sock.sendall(OK)

    rude._turns = (first, later)
    return rude


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_on_a_stale_connection_is_sent_once_more(start: Start, method: str) -> None:
    with dies_when_used_again(Rude()).serving() as rude:
        gateway = start(invoices_url=rude.url)
        assert gateway.get(TARGET).body == b"ok"
        assert gateway.call(method, TARGET).status == 200
        assert (rude.accepted, len(rude.heard)) == (2, 3)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_on_a_connection_that_dies_is_never_sent_again(start: Start, method: str) -> None:
    with dies_when_used_again(Rude()).serving() as rude:
        gateway = start(invoices_url=rude.url)
        assert gateway.get(TARGET).body == b"ok"
        assert is_away(gateway.call(method, TARGET, body=b"{}"))
        assert (rude.accepted, len(rude.heard)) == (1, 2)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_connection_closed_while_idle_is_not_used(start: Start, method: str) -> None:
    rude = Rude()

    def once(sock: socket.socket) -> None:
        rude.hear(sock)
        sock.sendall(OK)

    rude._turns = (once,)
    with rude.serving():
        gateway = start(invoices_url=rude.url)
        for number in range(1, 4):
            assert gateway.call(method, TARGET).body == b"ok"
            assert rude.accepted == len(rude.heard) == number
            time.sleep(0.05)


def test_an_old_connection_is_not_used(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.get(TARGET)
    monkeypatch.setattr(upstream, "IDLE", 0.05)
    time.sleep(0.1)
    gateway.get(TARGET)
    assert gateway.invoices.connections == 2


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", b"nonsense\r\n\r\n", b"HTTP/1.1 2"]
)
def test_half_an_answer_is_none(start: Start, said: bytes) -> None:
    rude = Rude()

    def half(sock: socket.socket) -> None:
        rude.hear(sock)
        sock.sendall(said)

    rude._turns = (half,)
    with rude.serving():
        assert is_away(start(invoices_url=rude.url).get(TARGET))
        assert len(rude.heard) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_service_that_does_not_answer_in_time_is_504_and_asked_once(start: Start, method: str) -> None:
    done = threading.Event()

    def slow(handler: BaseHTTPRequestHandler, _: Seen) -> None:
        done.wait(PATIENCE)
        handler.close_connection = True

    gateway = start(deadline=0.3)
    gateway.invoices.respond = slow
    reply = gateway.call(method, TARGET)
    done.set()
    assert (reply.status, reply.json) == (504, LATE)
    assert len(gateway.invoices.requests) == 1


def test_a_late_answer_is_not_given_to_the_next_request(start: Start) -> None:
    def answer(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        if seen.target.endswith("/slow"):
            time.sleep(0.5)
        respond(handler, 200, seen.target.encode())

    gateway = start(deadline=0.3)
    gateway.invoices.respond = answer
    assert gateway.get("/v1/dev/finance/invoices/slow").status == 504
    time.sleep(0.4)
    for number in range(3):
        target = f"/v1/dev/finance/invoices/{number}"
        assert gateway.get(target).body == target.encode()


def test_answers_go_to_those_who_asked(gateway: Gateway) -> None:
    """Many threads, one pool: no answer, small or large, comes to another's request."""

    def answer(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        name = seen.target.rpartition("/")[2].encode()
        respond(handler, 200, name * (1 if name.endswith(b"s") else 20_000))

    gateway.invoices.respond = answer
    wrong: list[str] = []

    def work(worker: int) -> None:
        for number in range(20):
            name = f"{worker:03}.{number:03}" + ("s" if number % 2 else "l")
            reply = gateway.get(f"/v1/dev/finance/invoices/{name}")
            if (reply.status, reply.body) != (200, name.encode() * (1 if name.endswith("s") else 20_000)):
                wrong.append(f"{name}: {reply.status} {reply.body[:40]!r}")

    threads = [threading.Thread(target=work, args=(each,)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert gateway.invoices.connections <= 16


def test_a_client_that_goes_away_ends_its_download(gateway: Gateway) -> None:
    ended = threading.Event()

    def endless(handler: BaseHTTPRequestHandler, _: Seen) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(os.urandom(65536))
        except OSError:
            ended.set()
            handler.close_connection = True

    gateway.invoices.respond = endless
    with socket.create_connection(("127.0.0.1", gateway.port)) as sock:
        sock.sendall(f"GET {TARGET} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.issued.key}\r\n\r\n".encode())
        assert sock.recv(1024).startswith(b"HTTP/1.1 200 ")
    assert ended.wait(5)


def test_only_plain_http_addresses_are_taken(start: Start) -> None:
    for address in ("https://invoices", "invoices:8000", "unix:/x"):
        with pytest.raises(ValueError, match="http://host:port"):
            start(invoices_url=address)


def hung(done: threading.Event) -> Respond:
    """A service that takes requests and does not answer until it is told to."""

    def hang(handler: BaseHTTPRequestHandler, _: Seen) -> None:
        done.wait(20)
        handler.close_connection = True

    return hang


def test_a_service_that_hangs_is_left_alone_after_three_deadlines_and_asked_again_later(start: Start) -> None:
    gateway, done = start(deadline=0.3), threading.Event()
    gateway.invoices.respond = hung(done)
    for _ in range(3):
        assert gateway.get(TARGET).status == 504
    assert is_away(gateway.get(TARGET))
    assert len(gateway.invoices.requests) == 3
    assert gateway.get("/v1/dev/finance/budgets").status == 200
    done.set()
    gateway.invoices.respond = plain
    time.sleep(1)
    assert [gateway.get(TARGET).status for _ in range(3)] == [200] * 3


def test_once_a_service_is_left_alone_nobody_waits_for_a_place_there(start: Start) -> None:
    gateway, done = start(deadline=0.3), threading.Event()
    gateway.invoices.respond = hung(done)
    assert [gateway.get(TARGET).status for _ in range(3)] == [504] * 3
    turns, workspace_id = gateway.components.places._at["invoices"], gateway.issued.workspace_id
    time.sleep(1)
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        for _ in range(4):
            stack.enter_context(turns.taken(workspace_id))
        trying = pool.submit(gateway.get, TARGET)
        wait_until(lambda: turns._waiting != [])
        assert [is_away(gateway.get(TARGET)) for _ in range(3)] == [True] * 3  # while one tries, or waits to
        stack.close()
        assert trying.result().status == 504
        done.set()


def test_a_service_that_hangs_holds_so_many_requests_and_more_are_503(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "PLACES", 2)
    monkeypatch.setattr(upstream, "PATIENCE", 0.1)
    gateway, done = start(deadline=20), threading.Event()
    gateway.invoices.respond = hung(done)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(gateway.get, TARGET) for _ in range(2)]
        while len(gateway.invoices.requests) < 2:
            time.sleep(0.01)
        assert is_away(gateway.get(TARGET))
        assert gateway.get("/v1/dev/finance/budgets").status == 200
        done.set()
    assert all(is_away(each.result()) for each in waiting)
    assert len(gateway.invoices.requests) == 2
    gateway.invoices.respond = plain
    assert gateway.get(TARGET).status == 200
