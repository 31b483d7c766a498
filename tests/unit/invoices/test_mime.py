"""Letters as bytes: whatever a client wrote is text, on every version of Python."""

import email
import email.policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.invoices.papers import mime
from services.invoices.papers.mime import Forged
from services.invoices.papers.wording import one_line

NAMES = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]
HIDDEN = "=?utf-8?q?1=0D=0AReply-To:evil@x.example=0D=0A=0D=0A<b>Pay_me</b>?="
CRUEL = (
    "=?utf-8?q?x?=",
    "=?utf-8?b?DQpCY2M6IGFAYg==?=",
    HIDDEN,
    *'=?_<>@,;:"\\()[] \t\x01\x7fé発😀\u200b\u202e',
    "word",
    "=\r",
)
text = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(CRUEL), max_size=30).map("".join)).map(one_line)


def written(**facts: Any) -> dict[str, Any]:
    usual = {"from_name": "", "to_name": "", "subject": "Invoice 1", "text": "T\n", "html": "<p>H</p>\n"}
    return {**usual, "date": "2024-03-01T12:00:00+00:00", "message_id": "<k@seller.example>", **facts}


def read(wire: bytes) -> EmailMessage:
    message = email.message_from_bytes(wire, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def decoded(message: EmailMessage, name: str) -> str:
    return str(make_header(decode_header(dict(message.raw_items())[name])))


@given(subject=text, sender=text, to=text)
@example(subject=HIDDEN, sender=HIDDEN, to=HIDDEN)
@example(subject=f"{HIDDEN} " * 20, sender="=?utf-8?q?a?= =?utf-8?q?b?=", to="a" * 300)
@example(subject="Invoice " * 30, sender='"Acme" <evil@x.example>,', to="Acme (Bcc: evil@x.example)")
def test_what_a_client_wrote_is_what_a_reader_finds(subject: str, sender: str, to: str) -> None:
    facts = written(subject=subject, from_name=sender, to_name=to)
    message = read(mime.composed(facts, "to@acme.example", "bills@seller.example", ("A.pdf", b"%PDF")))
    assert sorted(message.keys()) == sorted(NAMES)
    assert decoded(message, "Subject") == subject
    assert decoded(message, "From") == (f"{sender} <bills@seller.example>" if sender else "bills@seller.example")
    assert decoded(message, "To") == (f"{to} <to@acme.example>" if to else "to@acme.example")
    for name, only in (("From", "bills@seller.example"), ("To", "to@acme.example")):
        assert [each.addr_spec for each in message[name].addresses] == [only]
    assert [part.get_content_type() for part in message.walk()] == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf")
    ]


@given(subject=text, body=st.text())
def test_no_line_is_longer_than_mail_may_have_nor_ends_as_another_would(subject: str, body: str) -> None:
    wire = mime.composed(written(subject=subject, text=body), "to@acme.example", "bills@seller.example")
    lines = wire.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert wire.isascii()


def test_an_ordinary_subject_stays_readable() -> None:
    wire = mime.composed(written(subject="Invoice INV-2024-0001 from Acme"), "to@acme.example", "bills@seller.example")
    assert b"\r\nSubject: Invoice INV-2024-0001 from Acme\r\n" in wire


@pytest.mark.parametrize(
    "to",
    [
        '"a\x0cReply-To: evil"@acme.example',
        "a@acme.example\r\nBcc: evil@x.example",
        "a@acme.example, evil@x.example",
        "=?utf-8?q?evil=40x.example=2C?=@acme.example",
    ],
)
def test_an_address_that_would_be_read_as_another_gets_no_letter(to: str) -> None:
    with pytest.raises(Forged):
        mime.composed(written(to_name="Acme"), to, "bills@seller.example")


def test_text_with_a_line_break_is_no_header() -> None:
    for facts in ({"subject": "a\r\nBcc: x@y.example"}, {"from_name": "a\nb"}, {"to_name": "a\rb: c"}):
        with pytest.raises(Forged):
            mime.composed(written(**facts), "to@acme.example", "bills@seller.example")


def test_an_address_beyond_ascii_is_written_as_it_is() -> None:
    wire = mime.composed(written(to_name="Jürgen"), "jürgen@acme.example", "bills@seller.example")
    assert " <jürgen@acme.example>\r\n".encode() in wire
