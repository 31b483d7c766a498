"""What is not HTTP, or more of it than is taken, over a real socket: refused in the path's dialect, guarded as ever."""

import json
from collections.abc import Callable, Iterator
from http.client import HTTPMessage, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from gateway.guards import GUARDS
from gateway.keys import HISTORY
from tests.gateway.process import Running, heard, process

FINANCE, ACCOUNTS, PROJECTS = "/v1/dev/finance/invoices", "/api/v1/invoices", "/invoices.json"
CUT = "The request body did not arrive whole"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Callable[[Path], Path]) -> Iterator[Running]:
    """One gateway process for all of these."""
    file = tmp_path_factory.mktemp("served") / "gateway.db"
    file.write_bytes(sqlite_template(HISTORY).read_bytes())
    with process(f"sqlite:///{file}", TRUSTED_PROXIES="127.0.0.1") as running:
        yield running


def ask(served: Running, sent: bytes, source: str = "127.0.0.1") -> tuple[int, HTTPMessage, Any]:
    """Status, headers and body of the answer to these bytes."""
    with served.connect(source) as sock:
        sock.sendall(sent)
        answer = HTTPResponse(sock)
        answer.begin()
        return answer.status, answer.headers, json.loads(answer.read())


NOT_HTTP = "The request is not valid HTTP"


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        ("nonsense\r\n\r\n", 400, {"message": NOT_HTTP}),
        (f"GET {FINANCE} HTTP/9\r\n\r\n", 400, {"message": NOT_HTTP}),
        (f"GET {FINANCE} HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, {"message": NOT_HTTP}),
        (f"GET {FINANCE} HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, {"message": NOT_HTTP}),
        (f"GET {FINANCE}é HTTP/1.1\r\nHost: x\r\n\r\n", 400, {"message": NOT_HTTP}),
        (f"GET {PROJECTS} HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, {"STATUS": "Error", "MESSAGE": NOT_HTTP}),
        (
            f"GET {ACCOUNTS} HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n",
            400,
            {"success": False, "message": "Invalid request parameters", "error": NOT_HTTP},
        ),
        (f"GET {FINANCE}?q={'x' * 4200} HTTP/1.1\r\n\r\n", 414, {"message": "The request target is too long"}),
        (
            f"GET {ACCOUNTS}?q={'x' * 4200} HTTP/1.1\r\n\r\n",
            414,
            {
                "success": False,
                "message": "The request target is too long",
                "error": "The request target is too long",
            },
        ),
        (f"GET {FINANCE} HTTP/1.1\r\nA: {'x' * 9000}\r\n\r\n", 431, {"message": "The request headers are too large"}),
        (f"GET {FINANCE} HTTP/1.1\r\nHost: x\r\n{'A: b' * 101}\r\n\r\n", 200, None),
        ("GET /x.json HTTP/1.1\r\n" + "A: b\r\n" * 101 + "\r\n", 431, {"STATUS": "Error"}),
        (f"GET {FINANCE} HTTP/1.1\r\n" + f"A: {'x' * 8000}\r\n" * 9 + "\r\n", 431, {}),
        (f"GET {FINANCE} HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417, {"message": "The expectation is not known"}),
        (
            f"POST {FINANCE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: br\r\n\r\n",
            501,
            {"message": "The transfer coding is not known"},
        ),
        (
            f"POST {FINANCE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            501,
            {"message": "The transfer coding is not known"},
        ),
        (
            f"POST {FINANCE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
            501,
            {"message": "The transfer coding is not known"},
        ),
        (f"GET {FINANCE} HTTP/1.1\r\nA: b\r\n\r\n", 400, {"message": NOT_HTTP}),
    ],
)
def test_what_is_not_http_is_refused_in_the_paths_dialect(
    served: Running, sent: str, status: int, body: dict[str, Any] | None
) -> None:
    if body is None:  # a header with 100 colons is one header
        sent = sent.replace("HTTP/1.1\r\n", f"HTTP/1.1\r\nAuthorization: Bearer {served.key}\r\n")
    had, headers, said = ask(served, sent.encode())
    assert had == status
    assert said.items() >= (body or {}).items()
    assert {name: headers[name] for name in GUARDS} == GUARDS
    assert len(headers["X-Request-Id"]) == 32
    assert headers["Content-Type"] == "application/json"
    assert headers["Connection"] == ("close" if body is not None else "keep-alive")


@pytest.mark.parametrize("chunk", ["zz\r\n", "-1\r\nx\r\n", "1;\r\nxx\r\n", "ffffffffffffffffffff\r\nx", "\r\n"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/dev/finance/expenses", {"message": CUT}),
        ("/people.json", {"STATUS": "Error", "MESSAGE": CUT}),
        (ACCOUNTS, {"success": False, "message": "Invalid request body", "error": CUT}),
    ],
)
def test_a_body_in_chunks_that_are_none_is_refused(
    served: Running, chunk: str, path: str, body: dict[str, Any]
) -> None:
    with served.connect() as sock:
        sock.sendall(served.head(f"POST {path} HTTP/1.1", "Transfer-Encoding: chunked") + chunk.encode())
        sock.shutdown(1)
        answer = HTTPResponse(sock)
        answer.begin()
        assert (answer.status, json.loads(answer.read())) == (400, body)
        assert answer.headers["Connection"] == "close"
    assert served.expenses.requests == []


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/v1/dev/finance/expenses", "application/json", b'{"amount": 1}'),
        ("/v1/dev/finance/expenses", "multipart/form-data; boundary=b", b"--b--\r\n"),
        ("/v1/dev/finance/expenses", "application/json", b""),
    ],
)
def test_a_body_of_which_less_comes_than_was_promised_is_refused(
    served: Running, path: str, kind: str, body: bytes
) -> None:
    with served.connect() as sock:
        sock.sendall(served.head(f"POST {path} HTTP/1.1", f"Content-Type: {kind}", "Content-Length: 200") + body)
        sock.shutdown(1)
        said = heard(sock)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert CUT.encode() in said
    assert served.expenses.requests == []


def test_a_refusal_of_head_has_no_body(served: Running) -> None:
    with served.connect() as sock:
        sock.sendall(f"HEAD {FINANCE}?q={'x' * 4200} HTTP/1.1\r\n\r\n".encode())
        said = heard(sock)
    assert said.startswith(b"HTTP/1.1 414 ")
    assert said.endswith(b"\r\n\r\n")


def test_a_header_of_that_name_moves_no_path(served: Running) -> None:
    for name in ("SCRIPT_NAME", "Script-Name", "PATH_INFO"):
        status, _, said = ask(served, f"GET /healthz HTTP/1.1\r\nHost: x\r\n{name}: /v1\r\n\r\n".encode())
        assert (status, said) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("source", "scheme", "expected"),
    [
        ("127.0.0.1", "https", "max-age=31536000"),
        ("127.0.0.1", "http", None),
        ("127.0.0.2", "https", None),  # no proxy that is trusted
    ],
)
def test_whoever_came_by_https_is_told_to_stay_with_it(
    served: Running, source: str, scheme: str, expected: str | None
) -> None:
    for target in ("/healthz", FINANCE):
        sent = f"GET {target} HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: {scheme}\r\n\r\n".encode()
        assert ask(served, sent, source)[1]["Strict-Transport-Security"] == expected
