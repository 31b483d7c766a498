"""What is hardly HTTP, sent to the gateway's socket: it is answered in our shape, or hung up on, and nothing breaks.

Requests are drawn: their line, headers, bodies, forms and framing, each a little wrong or right. Whatever came before,
the next client is answered.
"""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.dialects import DIALECTS
from tests.product import ON_SQLITE, PATIENCE, Product

pytestmark = pytest.mark.parametrize("shared_product", [ON_SQLITE], indirect=True)

PATHS = (
    "/v1/dev/finance/invoices",
    "/v1/dev/finance/expenses?limit=1",
    "/v1/dev/finance/budgets/f213a6d9-9c55-4922-87b1-8e0a64114d64",
    "/api/v1/invoices/1/items",
    "/api/invoices?per_page=1",
    "/invoices.json",
    "/me.json",
    "/healthz",
    "/",
    "*",
    "http://other.example/v1/dev/finance/invoices",
)
junk = st.binary(max_size=40)
words = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=20).map(lambda text: text.encode("latin-1"))
methods = (
    st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE", b"get", b"P\x00ST"]) | words
)
targets = st.sampled_from([path.encode() for path in PATHS]) | junk.map(
    lambda tail: b"/v1/dev/finance/invoices?q=" + tail
)
versions = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.1 ", b"XTTP/1.1", b""])
framings = st.sampled_from(
    [
        b"Content-Length: %d",
        b"Content-Length: +%d",
        b"Content-Length: %d\r\nContent-Length: 0",
        b"Content-Length: -%d",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: %d",
        b"X-Nothing: %d",
    ]
)
kinds = st.sampled_from(
    [
        b"application/json",
        b"application/json; charset=utf-16",
        b"multipart/form-data; boundary=x",
        b"multipart/form-data",
        b"text/plain",
        b"",
    ]
)
bodies = st.one_of(
    junk,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.tuples(words, junk).map(
        lambda part: b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n--x--\r\n' % part
    ),
    st.sampled_from(
        [b"zz\r\n\r\n", b"5\r\nab", b"0\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n", b"[" * 5000, b'{"total": 1e999999}']
    ),
)
headers = st.lists(
    st.tuples(
        st.sampled_from(
            [b"If-Match", b"Idempotency-Key", b"X-Request-Id", b"Range", b"Expect", b"Connection", b"Cookie"]
        )
        | words,
        words,
    ),
    max_size=3,
)


@pytest.fixture
def answers(product: Product) -> Iterator[Product]:
    """The product; afterwards it answers as if nothing had been."""
    yield product
    assert requests.get(f"{product.url}/readyz", timeout=PATIENCE).json() == {"status": "ready"}


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(methods, targets, versions, framings, kinds, bodies, headers, st.booleans())
def test_whatever_bytes_come_the_answer_is_in_our_shape_or_none(
    answers: Product,
    method: bytes,
    target: bytes,
    version: bytes,
    framing: bytes,
    kind: bytes,
    body: bytes,
    more: list[tuple[bytes, bytes]],
    known: bool,
) -> None:
    lines = [b" ".join([method, target, version]), b"Host: localhost", b"Content-Type: " + kind, b"Connection: close"]
    lines.append(framing % len(body) if b"%d" in framing else framing)
    lines += [name + b": " + value for name, value in more]
    if known:
        lines.append(b"Authorization: Bearer " + answers.key.encode())
    said = exchange(answers, b"\r\n".join(lines) + b"\r\n\r\n" + body)
    if not said:
        return  # hung up on: what came was no request
    head, _, content = said.partition(b"\r\n\r\n")
    line = re.match(rb"HTTP/1\.[01] ([2-4]\d\d|501) ", head)
    assert line, head
    assert b"\r\nx-request-id: " in head.lower()
    if int(line[1]) >= 400 and content:
        assert_spoken(json.loads(content))


def exchange(product: Product, sent: bytes) -> bytes:
    """What comes back until the gateway hangs up; nothing where it does so without a word."""
    with closing(socket.create_connection(("127.0.0.1", product.port), PATIENCE)) as sock:
        received = b""
        try:
            sock.sendall(sent)
            sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(65536):
                received += piece
        except ConnectionError:
            pass
        return received


def assert_spoken(said: dict[str, object]) -> None:
    """It is an error in the words of a dialect."""
    shapes = [set(dialect.error["required"]) for dialect in DIALECTS]
    assert any(shape <= said.keys() for shape in shapes), said
