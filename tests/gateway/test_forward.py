"""What reaches a service and what comes back: targets, headers, bodies."""

import http.client
import os
import socket
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from gateway import bodies, download
from gateway.forward import JSON_BYTES, UPLOAD_BYTES
from gateway.keys import actions
from shared.caller import HEADER, verify
from tests.gateway.conftest import CALLER_SECRET, KEY_SECRET, Gateway
from tests.gateway.peers import Seen, respond
from tests.product import wait_until

FORM = {"Content-Type": "multipart/form-data; boundary=x"}
EIGHT_MIB = os.urandom(1024 * 1024) * 8


def digest(body: bytes) -> str:
    return blake2b(body).hexdigest()


def test_the_target_arrives_as_it_was_sent(gateway: Gateway) -> None:
    target = "/v1/dev/finance/invoices/a%20b~%C3%A9?q=%2F..%2f&x=a+b&&y=%"
    gateway.get(target)
    assert gateway.invoices.requests[0].target == target


def test_the_absolute_form_arrives_as_a_path(gateway: Gateway) -> None:
    assert gateway.get("http://elsewhere.example/v1/dev/finance/invoices?x=1").status == 200
    assert gateway.invoices.requests[0].target == "/v1/dev/finance/invoices?x=1"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
def test_every_method_is_the_services_to_judge(gateway: Gateway, method: str) -> None:
    assert gateway.call(method, "/v1/dev/finance/budgets/1").status == 200
    assert [seen.method for seen in gateway.peers["budgets"].requests] == [method]


def test_the_service_gets_a_signed_caller_and_not_the_key(gateway: Gateway) -> None:
    gateway.get(
        "/v1/dev/finance/expenses",
        headers={"X-Caller": "forged", "x_caller": "forged", "Cookie": "a=b", "Proxy-Authorization": "x"},
    )
    (seen,) = gateway.peers["expenses"].requests
    caller = verify(seen.headers[HEADER], CALLER_SECRET, "expenses")
    assert caller is not None
    assert (caller.workspace_id, caller.company_id) == (gateway.issued.workspace_id, 1)
    assert len(seen.headers.get_all(HEADER) or []) == 1
    assert not {"Authorization", "Cookie", "Proxy-Authorization", "X_Caller"} & set(seen.headers)
    assert gateway.issued.key not in str(seen.headers)


def test_headers_of_the_connection_stay_behind(gateway: Gateway) -> None:
    gateway.get(
        "/v1/dev/finance/expenses",
        headers={
            "Connection": "close, X-Private",
            "X-Private": "1",
            "TE": "trailers",
            "Keep-Alive": "5",
            "Upgrade": "h2c",
        },
    )
    (seen,) = gateway.peers["expenses"].requests
    assert not {"Connection", "X-Private", "Te", "Keep-Alive", "Upgrade"} & {name.title() for name in seen.headers}


def test_headers_of_the_request_travel(gateway: Gateway) -> None:
    sent = {"If-Match": '"1"', "If-None-Match": '"2"', "Range": "bytes=0-3", "Idempotency-Key": "k", "Accept": "text/x"}
    gateway.call("PUT", "/v1/dev/finance/expenses/1", headers={**sent, "Content-Type": "application/json"}, body=b"{}")
    (seen,) = gateway.peers["expenses"].requests
    assert {name: seen.headers[name] for name in sent} == sent
    assert (seen.headers["Content-Type"], seen.headers["Content-Length"], seen.body) == ("application/json", "2", b"{}")


def test_the_service_is_told_how_it_was_reached(gateway: Gateway) -> None:
    gateway.get(
        "/v1/dev/finance/budgets",
        headers={
            "Host": "books.example",
            "X-Forwarded-For": "1.2.3.4",
            "X-Forwarded-Host": "evil",
            "Forwarded": "for=x",
        },
    )
    (seen,) = gateway.peers["budgets"].requests
    assert seen.headers.get_all("X-Forwarded-For") == ["1.2.3.4, 127.0.0.1"]
    assert seen.headers.get_all("X-Forwarded-Host") == ["books.example"]
    assert seen.headers.get_all("X-Forwarded-Proto") == ["http"]
    assert seen.headers.get_all("Host") == [gateway.peers["budgets"].url.removeprefix("http://")]
    assert "Forwarded" not in seen.headers


@pytest.mark.parametrize("given", ["r-1", "a" * 128])
def test_a_request_id_is_kept_handed_on_and_returned(gateway: Gateway, given: str) -> None:
    reply = gateway.get("/v1/dev/finance/budgets", headers={"X-Request-Id": given})
    assert reply.headers.get_all("X-Request-Id") == [given]
    assert gateway.peers["budgets"].requests[0].headers.get_all("X-Request-Id") == [given]


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, "é"])
def test_a_malformed_request_id_is_replaced(gateway: Gateway, given: str) -> None:
    reply = gateway.get("/v1/dev/finance/budgets", headers={"X-Request-Id": given})
    made = reply.headers["X-Request-Id"]
    assert len(made) == 32
    assert gateway.peers["budgets"].requests[0].headers["X-Request-Id"] == made


def test_the_answers_headers_come_back(gateway: Gateway) -> None:
    def answer(handler: BaseHTTPRequestHandler, _: Seen) -> None:
        handler.send_response(206)
        for name, value in (
            ("ETag", '"7"'),
            ("Content-Range", "bytes 0-3/9"),
            ("Content-Length", "4"),
            ("Content-Type", "application/pdf"),
            ("Link", "<a>; rel=next"),
            ("Link", "<b>; rel=prev"),
            ("Cache-Control", "private"),
            ("X-Request-Id", "theirs"),
            ("id", "99"),
            ("x-page", "1"),
            ("x-pages", "2"),
            ("x-records", "51"),
            ("Keep-Alive", "timeout=5"),
        ):
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(b"%PDF")

    gateway.invoices.respond = answer
    reply = gateway.get("/v1/dev/finance/invoices/7.pdf")
    assert (reply.status, reply.body) == (206, b"%PDF")
    assert reply.headers.get_all("Link") == ["<a>; rel=next", "<b>; rel=prev"]
    assert reply.headers["ETag"] == '"7"'
    assert reply.headers["Content-Range"] == "bytes 0-3/9"
    assert reply.headers.get_all("Content-Type") == ["application/pdf"]
    assert reply.headers.get_all("Cache-Control") == ["private"]
    assert reply.headers["X-Request-Id"] != "theirs"
    assert [reply.headers[name] for name in ("id", "x-page", "x-pages", "x-records")] == ["99", "1", "2", "51"]
    assert "Keep-Alive" not in reply.headers
    assert len(reply.headers.get_all("Server") or []) <= 1
    assert len(reply.headers.get_all("Date") or []) <= 1


@pytest.mark.parametrize(
    ("method", "status", "headers"),
    [
        ("HEAD", 200, {"Content-Length": "12345", "ETag": '"1"'}),
        ("GET", 304, {"ETag": '"1"'}),
        ("DELETE", 204, {"ETag": '"1"'}),
        ("GET", 200, {"Content-Length": "0", "ETag": '"1"'}),
    ],
)
def test_an_answer_without_a_body_stays_without(
    gateway: Gateway, method: str, status: int, headers: dict[str, str]
) -> None:
    def answer(handler: BaseHTTPRequestHandler, _: Seen) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    gateway.invoices.respond = answer
    for _ in range(2):
        reply = gateway.call(method, "/v1/dev/finance/invoices/7")
        assert (reply.status, reply.body) == (status, b"")
        assert {name: reply.headers[name] for name in headers} == headers
        assert "Content-Type" not in reply.headers
    assert gateway.invoices.connections == 1


def test_one_connection_serves_many_requests(gateway: Gateway) -> None:
    for _ in range(5):
        assert gateway.get("/v1/dev/finance/invoices").json == {"data": 1}
    assert gateway.invoices.connections == 1
    assert len(gateway.invoices.requests) == 5


def test_an_upload_arrives_byte_for_byte(gateway: Gateway) -> None:
    assert gateway.call("POST", "/v1/dev/finance/expenses", headers=FORM, body=EIGHT_MIB).status == 200
    (seen,) = gateway.peers["expenses"].requests
    assert (seen.size, seen.digest) == (len(EIGHT_MIB), digest(EIGHT_MIB))
    assert seen.headers["Content-Length"] == str(len(EIGHT_MIB))
    assert gateway.call("POST", "/v1/dev/finance/expenses", headers=FORM, body=EIGHT_MIB).status == 200
    assert gateway.peers["expenses"].connections == 1


def test_a_chunked_upload_arrives_byte_for_byte(gateway: Gateway) -> None:
    pieces = [EIGHT_MIB[at : at + 100_000] for at in range(0, len(EIGHT_MIB), 100_000)]
    reply = gateway.call("POST", "/v1/dev/finance/expenses", headers=FORM, body=iter(pieces))
    assert reply.status == 200
    (seen,) = gateway.peers["expenses"].requests
    assert (seen.size, seen.digest) == (len(EIGHT_MIB), digest(EIGHT_MIB))
    assert seen.headers["Content-Length"] == str(len(EIGHT_MIB))
    assert "Transfer-Encoding" not in seen.headers


def test_a_download_comes_back_byte_for_byte(gateway: Gateway) -> None:
    gateway.invoices.respond = lambda handler, _: respond(handler, 200, EIGHT_MIB, {"ETag": '"1"'})
    for _ in range(2):
        reply = gateway.get("/v1/dev/finance/invoices/7.pdf")
        assert digest(reply.body) == digest(EIGHT_MIB)
        assert reply.headers["Content-Length"] == str(len(EIGHT_MIB))
    assert gateway.invoices.connections == 1


def test_a_download_of_unknown_length_comes_back_byte_for_byte(gateway: Gateway) -> None:
    def answer(handler: BaseHTTPRequestHandler, _: Seen) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for at in range(0, len(EIGHT_MIB), 300_000):
            piece = EIGHT_MIB[at : at + 300_000]
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    gateway.invoices.respond = answer
    for _ in range(2):
        assert digest(gateway.get("/v1/dev/finance/invoices/7.pdf").body) == digest(EIGHT_MIB)
    assert gateway.invoices.connections == 1


@pytest.mark.parametrize("ahead", [0, 300_000])
def test_a_download_that_breaks_off_never_looks_whole(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    def answer(handler: BaseHTTPRequestHandler, _: Seen) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(b"x" * 500_000)
        handler.close_connection = True

    gateway.invoices.respond = answer
    reply = gateway.get("/v1/dev/finance/invoices/7.pdf")
    assert (reply.status, reply.json) == (503, {"message": "Service temporarily unavailable"})
    monkeypatch.setattr(download, "AHEAD", ahead)  # it is too large to be had before the client has any of it
    with pytest.raises(http.client.IncompleteRead):
        gateway.get("/v1/dev/finance/invoices/7.pdf")


def test_a_download_larger_than_what_is_had_ahead_comes_back_byte_for_byte(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "AHEAD", 1_000_000)
    gateway.invoices.respond = lambda handler, _: respond(handler, 200, EIGHT_MIB)
    for _ in range(2):
        assert digest(gateway.get("/v1/dev/finance/invoices/7.pdf").body) == digest(EIGHT_MIB)
    assert gateway.invoices.connections == 1


UPLOAD = {"method": "POST", "target": "/v1/dev/finance/expenses", "headers": FORM, "body": EIGHT_MIB}
PERSON = {
    "method": "POST",
    "target": "/people.json",
    "headers": {"Content-Type": "application/json"},
    "body": b'{"x": "' + b"x" * 100_000 + b'"}',
}
DOWNLOAD = {"method": "GET", "target": "/v1/dev/finance/invoices/7.pdf"}


@pytest.mark.parametrize(
    ("asked", "reaches", "lacking"), [(UPLOAD, 0, "room"), (UPLOAD, 0, "disk"), (DOWNLOAD, 1, "disk")]
)
def test_a_body_that_finds_no_room_is_taken_later(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, asked: Any, reaches: int, lacking: str
) -> None:
    gateway.invoices.respond = lambda handler, _: respond(handler, 200, EIGHT_MIB)
    needed = len(EIGHT_MIB) - bodies.PIECE  # the first piece is in memory
    room = bodies.Room(needed - 1 if lacking == "room" else needed, share=needed)
    with monkeypatch.context() as lack:
        lack.setattr(bodies, "room", room)
        if lacking == "disk":
            lack.setattr(bodies, "SpooledTemporaryFile", lambda max_size: open("/dev/full", "w+b"))  # noqa: SIM115
        reply = gateway.call(**asked)
        assert (reply.status, reply.json) == (503, {"message": "Service temporarily unavailable"})
        assert gateway.asked == reaches
    monkeypatch.setattr(bodies, "room", room)
    room.take("", needed - 1)  # all of it was given back
    room.give_back("", needed - 1)
    assert gateway.call("GET", "/v1/dev/finance/budgets").status == 200


@pytest.mark.parametrize("room", [0, 1_000_000])
@pytest.mark.parametrize("share", [0, 1_000_000])
def test_an_answer_that_finds_no_room_is_handed_on_whole(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, room: int, share: int
) -> None:
    gateway.invoices.respond = lambda handler, _: respond(handler, 200, EIGHT_MIB)
    monkeypatch.setattr(bodies, "room", bodies.Room(room, share))
    for _ in range(2):
        assert digest(gateway.get("/v1/dev/finance/invoices/7.pdf").body) == digest(EIGHT_MIB)
    assert gateway.invoices.connections == 1


@pytest.mark.parametrize("asked", [UPLOAD, PERSON])
def test_a_workspace_leaves_the_others_room_for_their_bodies(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, asked: Any
) -> None:
    then = 200 if asked is UPLOAD else 422
    room = bodies.Room(4 * len(EIGHT_MIB), share=len(EIGHT_MIB))
    monkeypatch.setattr(bodies, "room", room)
    room.take(gateway.issued.workspace_id, len(EIGHT_MIB))
    reply = gateway.call(**asked)
    assert (reply.status, reply.headers["Retry-After"]) == (429, "1")
    assert gateway.call("POST", "/v1/dev/finance/expenses", headers=FORM, body=b"x" * bodies.PIECE).status == 200
    assert gateway.asked == 1
    other = actions.issue(gateway.components.db, KEY_SECRET, "Beta", scopes=["admin"]).key
    assert gateway.call(**asked, key=other).status == then
    room.give_back(gateway.issued.workspace_id, len(EIGHT_MIB))
    assert gateway.call(**asked).status == then
    wait_until(lambda: not room._of)


@pytest.mark.parametrize(
    ("headers", "limit"), [({"Content-Type": "application/json"}, JSON_BYTES), ({}, JSON_BYTES), (FORM, UPLOAD_BYTES)]
)
def test_a_body_over_the_limit_is_refused_at_once(gateway: Gateway, headers: dict[str, str], limit: int) -> None:
    reply = gateway.call("POST", "/v1/dev/finance/expenses", headers=headers, body=b"x" * (limit + 1))
    assert (reply.status, reply.json) == (413, {"message": "The request body is too large"})
    assert gateway.asked == 0
    assert gateway.call("POST", "/v1/dev/finance/expenses", headers=headers, body=b"x" * limit).status == 200


@pytest.mark.parametrize(("headers", "limit"), [({}, JSON_BYTES), (FORM, UPLOAD_BYTES)])
def test_a_chunked_body_has_the_same_limit(gateway: Gateway, headers: dict[str, str], limit: int) -> None:
    def pieces(size: int) -> list[bytes]:
        return [b"x" * 65536] * (size // 65536) + [b"x" * (size % 65536)] * bool(size % 65536)

    reply = gateway.call("POST", "/v1/dev/finance/expenses", headers=headers, body=iter(pieces(limit + 1)))
    assert (reply.status, reply.json) == (413, {"message": "The request body is too large"})
    assert gateway.asked == 0
    assert gateway.call("POST", "/v1/dev/finance/expenses", headers=headers, body=iter(pieces(limit))).status == 200
    assert gateway.peers["expenses"].requests[-1].size == limit


def test_an_early_answer_is_passed_on(gateway: Gateway) -> None:
    def answer(handler: BaseHTTPRequestHandler, _: Seen) -> None:
        respond(handler, 415, b'{"message":"Unsupported media type"}', {"Content-Type": "application/json"})
        handler.close_connection = True

    gateway.peers["expenses"].reads_body = False
    gateway.peers["expenses"].respond = answer
    reply = gateway.call("POST", "/v1/dev/finance/expenses", headers=FORM, body=EIGHT_MIB)
    assert (reply.status, reply.json) == (415, {"message": "Unsupported media type"})
    gateway.peers["expenses"].reads_body = True
    gateway.peers["expenses"].respond = lambda handler, _: respond(handler, 200, b"")
    assert gateway.call("POST", "/v1/dev/finance/expenses", body=b"{}").status == 200
    assert len(gateway.peers["expenses"].requests) == 2


def test_an_upload_that_breaks_off_never_looks_whole(gateway: Gateway) -> None:
    head = f"POST /v1/dev/finance/expenses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.issued.key}\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as sock:
        sock.sendall(head.encode() + b"Content-Length: 500000\r\n\r\n" + b"x" * 200_000)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(64).startswith(b"HTTP/1.1 400 ")
    assert gateway.asked == 0
