"""Who is let in, in what words others are refused, and that no service hears of those."""

import socket
import time
from base64 import b64encode
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from gateway.keys import actions, secret
from shared.db import new_id, now
from tests.gateway.conftest import KEY_SECRET, Gateway

REFUSED = {"message": "Invalid or missing API key"}
REFUSED_IN_PROJECTS = {"STATUS": "Error", "MESSAGE": "Invalid or missing API key"}

UNMATCHED = [
    "/index.html",
    "/openapi",
    "/metrics",
    "/internal/openapi.json",
    "//internal/openapi.json",
    "/v1/../internal/openapi.json",
    "/v1/dev/finance/invoicesX",
    "/v1/dev/finance/invoices/..%2f..%2f..%2f..%2finternal",
    "/docs/../internal",
    "/docs/nothing.js/x",
    "/openapi/other.json",
    "/invoices/7",
    "/projects/7/expenses",
    "/static/docs.html",
]


def refused(gateway: Gateway, target: str = "/v1/dev/finance/invoices", **kwargs: object) -> bool:
    """Whether this is answered with 401, fully, and reaches no service."""
    reply = gateway.call("POST", target, **kwargs)  # type: ignore[arg-type]
    assert (reply.status, reply.json) == (401, REFUSED)
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="countinghouse"'
    return gateway.asked == 0


@pytest.mark.parametrize("target", ["/v1/dev/finance/invoices", *UNMATCHED])
def test_a_stranger_is_refused_everywhere(gateway: Gateway, target: str) -> None:
    assert refused(gateway, target, key=None, body=b"{")


@pytest.mark.parametrize("target", UNMATCHED)
def test_a_valid_key_is_told_that_nothing_is_there(gateway: Gateway, target: str) -> None:
    reply = gateway.get(target)
    assert (reply.status, reply.json) == (404, {"message": "Resource not found"})
    assert gateway.asked == 0


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer x {key}",
        "Token {key}",
        "Bearer {key[0]}",
    ],
)
def test_what_is_not_a_bearer_key_is_refused(gateway: Gateway, header: str) -> None:
    said = {"Authorization": header.format(key=gateway.issued.key)}
    assert refused(gateway, key=None, headers=said)


def basic(words: str | bytes) -> dict[str, str]:
    """The header that shows this as HTTP Basic."""
    return {"Authorization": f"Basic {b64encode(words if isinstance(words, bytes) else words.encode()).decode()}"}


@pytest.mark.parametrize("password", ["", "x", "a:b", "ü", "{key}"])
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_in_projects_a_key_is_also_a_user_name_with_any_password(gateway: Gateway, scheme: str, password: str) -> None:
    said = basic(f"{gateway.issued.key}:{password}".replace("{key}", gateway.issued.key))
    said = {"Authorization": said["Authorization"].replace("Basic", scheme)}
    assert gateway.get("/invoices.json", key=None, headers=said).status == 200
    assert gateway.get("/invoices.json").status == 200
    assert [seen.headers["Authorization"] for seen in gateway.invoices.requests] == [None, None]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic {key}",
        "Basic {key}:x",
        "Basic !!!!",
        "Basic YQ",
        "Basic é",
        "Token {key}",
        "{key}",
        *(basic(words)["Authorization"] for words in ("", ":", "x:y", ":x", b"\xff:x", b"\xff")),
    ],
)
def test_in_projects_whoever_shows_no_key_is_told_both_ways_to_show_one(gateway: Gateway, header: str) -> None:
    for target in ("/invoices.json", "/nothing.json"):
        said = {"Authorization": header.format(key=gateway.issued.key)}
        reply = gateway.call("POST", target, key=None, headers=said, body=b"{")
        assert (reply.status, reply.json) == (401, REFUSED_IN_PROJECTS)
        assert reply.headers.get_all("WWW-Authenticate") == [
            'Bearer realm="countinghouse"',
            'Basic realm="countinghouse"',
        ]
    assert gateway.asked == 0


def test_in_projects_a_user_name_without_a_colon_is_refused(gateway: Gateway) -> None:
    assert gateway.get("/invoices.json", key=None, headers=basic(gateway.issued.key)).status == 401
    assert gateway.get("/invoices.json", key=None, headers=basic(f"x:{gateway.issued.key}")).status == 401


def test_no_other_dialect_takes_a_user_name(gateway: Gateway) -> None:
    for target in ("/v1/dev/finance/invoices", "/invoices/7", "/internal/openapi.json"):
        assert refused(gateway, target, key=None, headers=basic(f"{gateway.issued.key}:x"))
    reply = gateway.get("/api/v1/invoices", key=None, headers=basic(f"{gateway.issued.key}:x"))
    assert (reply.status, reply.headers.get_all("WWW-Authenticate")) == (401, ['Bearer realm="countinghouse"'])


@pytest.mark.parametrize(
    "said",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},  # another port is another origin
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:{port}"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_browser_may_not_call_from_another_site_with_what_it_remembers(
    gateway: Gateway, said: dict[str, str], method: str
) -> None:
    named = {name: value.replace("{port}", str(gateway.port)) for name, value in said.items()}
    shown = basic(f"{gateway.issued.key}:x")
    reply = gateway.call(method, "/invoices.json", key=None, headers=shown | named, body=b"{}")
    message = "A browser may not call from another site with HTTP Basic"
    assert (reply.status, reply.json) == (403, {"STATUS": "Error", "MESSAGE": message})
    assert gateway.asked == 0
    assert gateway.call(method, "/invoices.json", headers=named, body=b"{}").status == 200


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"Origin": "http://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://the.public.name"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_browser_on_our_own_pages_may(gateway: Gateway, said: dict[str, str]) -> None:
    named = {name: value.replace("{port}", str(gateway.port)) for name, value in said.items()}
    assert gateway.get("/invoices.json", key=None, headers=basic(f"{gateway.issued.key}:x") | named).status == 200


def test_neither_key_nor_password_is_logged(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    log = CapturingLogger()
    monkeypatch.setattr("shared.web.log", log)
    for key in (gateway.issued.key, f"{gateway.issued.key}x"):
        gateway.get("/invoices.json", key=None, headers=basic(f"{key}:hush-hush"))
    assert [call.kwargs["status"] for call in log.calls] == [200, 401]
    assert "hush" not in str(log.calls)
    assert gateway.issued.key not in str(log.calls)


def test_what_no_dialect_row_answers_is_not_found_in_the_words_of_projects(gateway: Gateway) -> None:
    reply = gateway.get("/nothing.json")
    assert (reply.status, reply.json) == (404, {"STATUS": "Error", "MESSAGE": "Resource not found"})
    assert gateway.asked == 0


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_taken_in_any_case(gateway: Gateway, scheme: str) -> None:
    said = {"Authorization": f"{scheme} {gateway.issued.key}"}
    assert gateway.get("/v1/dev/finance/invoices", key=None, headers=said).status == 200


def test_an_unknown_key_is_refused(gateway: Gateway) -> None:
    assert refused(gateway, key=secret.new_key(new_id()))


def test_an_expired_key_is_refused(gateway: Gateway) -> None:
    gone = actions.issue(gateway.components.db, KEY_SECRET, "Acme", expires_at=now() - timedelta(seconds=1))
    assert refused(gateway, key=gone.key)


def test_a_revoked_key_is_refused_within_a_second(gateway: Gateway) -> None:
    assert gateway.get("/v1/dev/finance/budgets").status == 200
    actions.revoke(gateway.components.db, KEY_SECRET, gateway.issued.key)
    time.sleep(1.0)
    gateway.peers["budgets"].requests.clear()
    assert refused(gateway)


def test_a_stranger_is_refused_before_the_body_is_read(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as sock:
        sock.sendall(b"POST /v1/dev/finance/expenses HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert sock.recv(64).startswith(b"HTTP/1.1 401 ")
    assert gateway.asked == 0


@pytest.mark.parametrize("target", ["/healthz", "/openapi/finance.json", "/docs", "/docs/docs.js"])
def test_the_open_pages_take_no_other_method(gateway: Gateway, target: str) -> None:
    assert refused(gateway, target, key=None)
    reply = gateway.call("POST", target)
    assert (reply.status, reply.json) == (405, {"message": "Method not allowed"})
    assert set(reply.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_a_database_that_is_away_is_503_and_no_invitation(gateway: Gateway) -> None:
    gateway.components.db.close()
    Path(gateway.components.db.url.database or "").write_bytes(b"not a database at all" * 100)
    reply = gateway.get("/v1/dev/finance/invoices")
    assert (reply.status, reply.json) == (503, {"message": "Service temporarily unavailable"})
    assert gateway.asked == 0
