"""Sending: one letter per accepted send, through a folder or a real SMTP server, and what became of it."""

import asyncio
import email
import email.policy
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask
from sqlalchemy import update

from services.invoices import messages
from services.invoices.app import create_relay
from services.invoices.papers import document, mail
from services.invoices.settings import Settings
from shared.db import now
from shared.outbox import Outbox
from shared.relay import Relay
from tests.client import Client
from tests.product import PATIENCE
from tests.service.invoices.steps import (
    ITEMS,
    SETTINGS,
    Facts,
    actions,
    data,
    make,
    nothing_changes,
    read,
    refused,
    url,
    wrong,
)

TO = "billing@acme.example"


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def mails(settings: Settings) -> list[EmailMessage]:
    folder = Path(settings.mail_folder)
    return [parsed(file.read_bytes()) for file in sorted(folder.iterdir())] if folder.exists() else []


def bodies(message: EmailMessage) -> tuple[str, ...]:
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain
    assert html
    return tuple(part.get_content().replace("\r\n", "\n") for part in (plain, html))


def attached(message: EmailMessage) -> tuple[str | None, bytes]:
    """The name and the bytes of the one file that goes with a letter."""
    (part,) = message.iter_attachments()
    assert part.get_content_type() == "application/pdf"
    return part.get_filename(), part.get_content()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def hurry(app: Flask) -> None:
    """Make every waiting message due now."""
    with app.extensions["service"].db.write() as session:
        for message in session.query(Outbox):
            message.due_at, message.leased_until = message.due_at.replace(year=2020), None


# What a send does


def test_a_draft_that_is_sent_gets_its_number_and_one_letter(
    invoices: Client, relay: Relay, settings: Settings
) -> None:
    made = make(invoices, client_email=TO, items=ITEMS)
    answer = invoices.post(url(made, "/send"), json={})
    sent = data(answer)
    assert sent["status"] == "sent"
    assert re.fullmatch(r"INV-\d{4}-0001", sent["invoice_number"])
    assert sent["sent_at"]
    assert (sent["delivery"]["status"], sent["delivery"]["to"]) == ("queued", TO)
    assert relay.run_once() == 1
    assert relay.run_once() == 0
    (letter,) = mails(settings)
    assert letter["Message-ID"] == sent["delivery"]["message_id"]
    assert letter["Message-ID"].endswith("@seller.example>")
    delivered = invoices.get(url(made))
    assert delivered.json["data"]["delivery"] == {**sent["delivery"], "status": "delivered"}
    assert delivered.headers["ETag"] != answer.headers["ETag"]
    assert actions(invoices, made) == ["created", "sent", "delivered"]


@pytest.mark.parametrize("status", ["sent", "overdue", "paid"])
def test_what_was_sent_can_be_sent_again_and_keeps_its_status(
    invoices: Client, relay: Relay, settings: Settings, status: str
) -> None:
    made = make(invoices, client_email=TO, status=status, total=5)
    first, second = (data(invoices.post(url(made, "/send"))) for _ in range(2))
    for sent in (first, second):
        assert (sent["status"], sent["invoice_number"]) == (status, made["invoice_number"])
    relay.run_once()
    letters = mails(settings)
    assert {letter["Message-ID"] for letter in letters} == {each["delivery"]["message_id"] for each in (first, second)}
    assert len(letters) == 2
    assert read(invoices, made)["delivery"]["status"] == "delivered"


def test_what_cannot_be_sent_is_refused(invoices: Client, relay: Relay) -> None:
    for facts, said in (({"status": "cancelled", "client_email": TO}, "cancelled"), ({}, "client_email")):
        made = make(invoices, **facts)
        with nothing_changes(invoices, made):
            refused(invoices.post(url(made, "/send")), said)
    assert relay.run_once() == 0


def test_a_send_takes_no_body_or_an_empty_object(invoices: Client, relay: Relay) -> None:
    made = make(invoices, client_email=TO)
    with nothing_changes(invoices, made):
        wrong(invoices.post(url(made, "/send"), json={"to": "x"}), "to")
        wrong(invoices.post(url(made, "/send"), json=[]), "_schema")
        wrong(invoices.post(url(made, "/send"), data="{", content_type="application/json"), "json")
        assert invoices.post(url(made, "/send"), data="a=b", content_type="text/plain").status_code == 415
    assert relay.run_once() == 0


def test_a_keyed_send_is_one_letter(invoices: Client, relay: Relay, settings: Settings) -> None:
    made = make(invoices, client_email=TO)
    first, second = (invoices.post(url(made, "/send"), headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (second.data, second.headers["Idempotency-Replayed"]) == (first.data, "true")
    relay.run_once()
    assert len(mails(settings)) == 1


def test_late_news_of_an_older_letter_is_not_news(invoices: Client, relay: Relay, app: Flask) -> None:
    made = make(invoices, client_email=TO)
    data(invoices.post(url(made, "/send")))
    second = data(invoices.post(url(made, "/send")))
    with app.extensions["service"].db.write() as session:
        older = session.query(Outbox).order_by(Outbox.id).first()
        newer = session.query(Outbox).order_by(Outbox.id.desc()).first()
        assert older is not newer
        newer.due_at += timedelta(seconds=50)
    relay.run_once()
    assert read(invoices, made)["delivery"] == second["delivery"]


def test_a_letter_outlives_its_invoice(invoices: Client, relay: Relay, settings: Settings) -> None:
    made = make(invoices, client_email=TO, invoice_number="A")
    data(invoices.post(url(made, "/send")))
    assert invoices.delete(url(made)).status_code == 204
    assert relay.run_once() == 1
    assert len(mails(settings)) == 1


# What the letter says


def test_the_letter_says_what_a_client_needs(invoices: Client, relay: Relay, settings: Settings) -> None:
    data(
        invoices.seen_by(scopes=("admin",)).put(
            SETTINGS,
            json={
                "seller_name": "Müller & Söhne",
                "seller_address": "Weg 1\n1234 Ort",
                "seller_tax_id": "DE 1",
                "bank_details": "IBAN X",
            },
        )
    )
    made = make(
        invoices,
        client_name="Acme <Corp>",
        client_email=TO,
        client_address="123 Main St",
        invoice_number="№ 7",
        issue_date="2024-03-01",
        due_date="2099-04-01",
        items=[*ITEMS, {"description": "Service C", "quantity": 3, "unit_price": 1234.5}],
        tax=20,
        notes="Thank <you>",
    )
    data(invoices.put(url(made), json={"status": "sent"}))
    data(invoices.post(url(made, "/payments"), json={"amount": 100}), 201)
    data(invoices.post(url(made, "/send")))
    relay.run_once()
    (letter,) = mails(settings)
    assert letter["From"] == "Müller & Söhne <bills@seller.example>"
    assert letter["To"].addresses[0].addr_spec == TO
    assert letter["Subject"] == "Invoice № 7 from Müller & Söhne"
    plain, html = bodies(letter)
    for word in (
        "Müller & Söhne sends you invoice № 7 over 3,923.50 USD. Please pay the remaining 3,823.50 USD by 2099-04-01. "
        "You find the bank details below.\n\nNumber: № 7",
        "Müller & Söhne\nWeg 1\n1234 Ort\nTax id: DE 1",
        "Number: № 7\nDate: 2024-03-01\nDue date: 2099-04-01",
        "3 x Service C\n    at 1,234.50: 3,703.50 USD",
        "Subtotal: 3,903.50 USD\nTax: 20.00 USD\nTotal: 3,923.50 USD\nPaid: 100.00 USD\nAmount due: 3,823.50 USD",
        "IBAN X",
        "Thank <you>",
        "Acme <Corp>\n123 Main St",
    ):
        assert word in plain
    for word in (
        "<p>Müller &amp; Söhne sends you invoice № 7 over 3,923.50 USD. Please pay the remaining 3,823.50 USD by ",
        "<td>Due date</td><td>2099-04-01</td>",
        "<td>Amount due</td><td>3,823.50 USD</td>",
        "Acme &lt;Corp&gt;<br>123 Main St",
        "Thank &lt;you&gt;",
    ):
        assert word in html
    assert "<you>" not in html


PAYABLE = {"seller_name": "Example Ltd", "bank_details": "IBAN X"}


@pytest.mark.parametrize(
    ("profile", "facts", "first"),
    [
        (
            {"seller_name": "Example Ltd"},
            {"total": 220, "due_date": "2099-04-01"},
            "Example Ltd sends you invoice A over 220.00 USD. Please pay 220.00 USD by 2099-04-01.",
        ),
        (
            PAYABLE,
            {"total": 220, "due_date": "2099-04-01"},
            "Example Ltd sends you invoice A over 220.00 USD. Please pay 220.00 USD by 2099-04-01. "
            "You find the bank details below.",
        ),
        ({}, {"total": 220}, "This is invoice A over 220.00 USD. Please pay 220.00 USD."),
        (
            PAYABLE,
            {"total": 220, "due_date": "2099-04-01", "status": "paid"},
            "Example Ltd sends you invoice A over 220.00 USD. It is paid already, thank you.",
        ),
        (
            PAYABLE,
            {"due_date": "2099-04-01"},
            "Example Ltd sends you invoice A over 0.00 USD. There is nothing to pay.",
        ),
    ],
    ids=["a day", "a day and an account", "neither", "paid", "nothing"],
)
def test_its_first_sentence_says_what_is_wanted(
    invoices: Client, relay: Relay, settings: Settings, profile: Facts, facts: Facts, first: str
) -> None:
    if profile:
        data(invoices.seen_by(scopes=("admin",)).put(SETTINGS, json=profile))
    made = make(invoices, client_email=TO, invoice_number="A", **facts)
    data(invoices.post(url(made, "/send")))
    relay.run_once()
    plain, html = bodies(mails(settings)[0])
    assert plain.startswith(f"{first}\n\nNumber: A\n")
    assert f"<p>{first}</p>" in html


def test_nobody_writes_a_header_of_his_own(invoices: Client, relay: Relay, settings: Settings) -> None:
    evil = "Acme\nBcc: victim@x.example\n\nbody"
    data(invoices.seen_by(scopes=("admin",)).put(SETTINGS, json={"seller_name": evil}))
    made = make(invoices, client_email=TO, client_name=evil + "\u2028X-Evil: 1", invoice_number=evil, notes=evil)
    data(invoices.post(url(made, "/send")))
    relay.run_once()
    (letter,) = mails(settings)
    assert set(letter.keys()) == {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"}
    assert letter["To"].addresses[0].addr_spec == TO
    assert len(letter["To"].addresses) == len(letter["From"].addresses) == 1


HIDDEN = "=?utf-8?q?1=0D=0AReply-To:evil@x.example=0D=0A=0D=0A<b>Pay_me</b>?="
"""A line break and a header as RFC 2047 spells them, which is how they come past a look for line breaks."""


def hidden_in_all_that_can_be_written(invoices: Client, **facts: Any) -> Facts:
    data(invoices.seen_by(scopes=("admin",)).put(SETTINGS, json={"seller_name": f"{HIDDEN} S"}))
    made = make(invoices, client_email=TO, client_name=f"{HIDDEN} C", invoice_number=f"{HIDDEN} N", **facts)
    return data(invoices.post(url(made, "/send")))


def reads_as_written(letter: EmailMessage) -> None:
    assert sorted(letter.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]
    )
    assert letter["Subject"] == f"Invoice {HIDDEN} N from {HIDDEN} S"
    for name, only in (("From", "bills@seller.example"), ("To", TO)):
        assert [each.addr_spec for each in letter[name].addresses] == [only]
    (part,) = letter.iter_attachments()
    assert part.get_filename() == "=-utf-8-q-1=0D=0AReply-To-evil@x-example=0D=0A=0D=0A-b-Pay_m.pdf"


def test_a_header_hidden_in_encoded_words_is_text_in_a_file(invoices: Client, relay: Relay, settings: Settings) -> None:
    hidden_in_all_that_can_be_written(invoices)
    relay.run_once()
    (letter,) = mails(settings)
    reads_as_written(letter)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\nBcc: c@d.example",
        "a@b.example\n",
        "a",
        "a@",
        "@b.example",
        "a b@c.example",
        "a@b.example, c@d.e",
        1,
    ],
)
def test_what_is_not_an_address_is_not_taken(invoices: Client, address: Any) -> None:
    answer = invoices.post("/v1/dev/finance/invoices", json={"client_email": address})
    wrong(answer, "client_email")


@pytest.mark.parametrize("address", ["jürgen@münchen.example", "a+b@c.example", "o'x@c.example"])
def test_an_unusual_address_gets_its_letter(invoices: Client, relay: Relay, settings: Settings, address: str) -> None:
    made = make(invoices, client_email=address)
    data(invoices.post(url(made, "/send")))
    relay.run_once()
    assert read(invoices, made)["delivery"]["status"] == "delivered"
    assert len(mails(settings)) == 1


@pytest.mark.parametrize("address", ['"=?utf-8?q?a=0Ab?="@x.example', "=?utf-8?q?b=40evil=2Eexample=2C?=@x.example"])
def test_an_address_that_reads_as_another_fails_at_once(
    invoices: Client, relay: Relay, settings: Settings, address: str
) -> None:
    made = make(invoices, client_email=address)
    data(invoices.post(url(made, "/send")))
    relay.run_once()
    assert read(invoices, made)["delivery"]["status"] == "failed"
    assert not Path(settings.mail_folder).exists() or mails(settings) == []


# The document that goes with it


def test_the_invoice_goes_with_its_letter_as_a_pdf(invoices: Client, relay: Relay, settings: Settings) -> None:
    made = data(invoices.post(url(make(invoices, client_email=TO, items=ITEMS), "/send")))
    relay.run_once()
    (letter,) = mails(settings)
    assert letter["Message-ID"] == made["delivery"]["message_id"]
    assert attached(letter) == (f"{made['invoice_number']}.pdf", invoices.get(url(made, ".pdf")).data)
    assert [part.get_content_type() for part in letter.walk()] == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf")
    ]


def test_it_shows_the_invoice_as_it_was_sent(invoices: Client, relay: Relay, settings: Settings) -> None:
    made = make(invoices, client_email=TO, items=ITEMS, invoice_number="A", notes="Then")
    data(invoices.post(url(made, "/send")))
    expected = invoices.get(url(made, ".pdf")).data
    data(invoices.put(url(made), json={"notes": "Now", "invoice_number": "B"}))
    data(invoices.seen_by(scopes=("admin",)).put(SETTINGS, json={"seller_name": "New", "layout": "modern"}))
    assert invoices.get(url(made, ".pdf")).data != expected
    relay.run_once()
    assert attached(mails(settings)[0]) == ("A.pdf", expected)


def test_a_name_of_any_script_is_that_of_the_file(invoices: Client, relay: Relay, settings: Settings) -> None:
    made = make(invoices, client_email=TO, invoice_number='发票 "7"/№ é\n')
    data(invoices.post(url(made, "/send")))
    relay.run_once()
    assert attached(mails(settings)[0])[0] == "发票 -7--№ é.pdf"


def test_a_note_that_the_typesetter_fails_at_holds_nobody_s_mail(
    invoices: Client, relay: Relay, settings: Settings
) -> None:
    made = [data(invoices.post(url(make(invoices, client_email=TO, notes=note), "/send"))) for note in ("क्" * 129, "A")]
    while relay.run_once():
        pass
    letters = {letter["Message-ID"]: attached(letter) for letter in mails(settings)}
    for one in made:
        pdf = invoices.get(url(one, ".pdf"))
        assert pdf.status_code == 200
        assert letters[one["delivery"]["message_id"]] == (f"{one['invoice_number']}.pdf", pdf.data)
        assert read(invoices, one)["delivery"]["status"] == "delivered"


def test_a_letter_that_is_drawn_for_longer_than_its_lease_goes_once(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, invoices: Client, settings: Settings, app: Flask
) -> None:
    invoice, db, tried = sent(invoices), app.extensions["service"].db, []
    other, draw, send = create_relay(settings), document.drawn, mail.deliver

    def slowly(*args: Any, **kwargs: Any) -> bytes:
        monkeypatch.setattr(document, "drawn", draw)
        with db.write() as session:
            session.execute(update(Outbox).values(leased_until=now() - timedelta(seconds=1)))
        assert other.run_once() == 1
        return draw(*args, **kwargs)

    monkeypatch.setattr(document, "drawn", slowly)
    monkeypatch.setattr(mail, "deliver", lambda *args: tried.append(args[1]) or send(*args))  # type: ignore[func-returns-value]
    assert relay.run_once() == 1
    assert (len(tried), len(mails(settings))) == (1, 1)
    assert read(invoices, invoice)["delivery"]["status"] == "delivered"
    assert relay.run_once() == 0
    other.db.close()


def test_a_letter_queued_before_there_were_documents_goes_without_one(
    invoices: Client, relay: Relay, settings: Settings, app: Flask
) -> None:
    sent(invoices)
    with app.extensions["service"].db.write() as session:
        for message in session.query(Outbox):
            message.body = {name: value for name, value in message.body.items() if name != "document"}
    relay.run_once()
    (letter,) = mails(settings)
    assert list(letter.iter_attachments()) == []


# Through a server


class Server:
    """An SMTP server that answers as it is told, and remembers what it took."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], bytes]] = []
        self.rcpt, self.data = "250 OK", "250 OK"
        self.pause = 0.0  # seconds that it thinks about a recipient

    async def handle_RCPT(self, _s: Any, _x: Any, envelope: Any, address: str, _o: Any) -> str:  # noqa: N802
        await asyncio.sleep(self.pause)
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data.startswith("250"):
            self.taken.append((list(envelope.rcpt_tos), envelope.content))
        return self.data


@pytest.fixture
def server() -> Iterator[tuple[Server, Controller]]:
    """An SMTP server on a free port."""
    handler = Server()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True)
    controller.start()
    yield handler, controller
    if controller.server:
        controller.stop()


@pytest.fixture
def through(settings: Settings, server: tuple[Server, Controller]) -> Iterator[Relay]:
    """The relay that delivers through the server."""
    port = server[1].port
    relay = create_relay(replace(settings, mail_channel="smtp", smtp_host="127.0.0.1", smtp_port=port))
    yield relay
    relay.db.close()


def sent(invoices: Client, **facts: Any) -> Facts:
    return data(invoices.post(url(make(invoices, **{"client_email": TO} | facts), "/send")))


def test_a_server_takes_the_letter_once(invoices: Client, through: Relay, server: tuple[Server, Controller]) -> None:
    made = sent(invoices)
    assert (through.run_once(), through.run_once()) == (1, 0)
    ((to, raw),) = server[0].taken
    assert to == [TO]
    assert parsed(raw)["Message-ID"] == made["delivery"]["message_id"]
    assert attached(parsed(raw)) == (f"{made['invoice_number']}.pdf", invoices.get(url(made, ".pdf")).data)
    assert read(invoices, made)["delivery"]["status"] == "delivered"


def test_a_header_hidden_in_encoded_words_is_text_at_a_server(
    invoices: Client, through: Relay, server: tuple[Server, Controller]
) -> None:
    hidden_in_all_that_can_be_written(invoices)
    through.run_once()
    ((to, raw),) = server[0].taken
    assert to == [TO]
    reads_as_written(parsed(raw))


def test_an_address_beyond_ascii_goes_through_a_server(
    invoices: Client, through: Relay, server: tuple[Server, Controller]
) -> None:
    made = sent(invoices, client_email="jürgen@münchen.example", client_name="Jürgen")
    through.run_once()
    assert read(invoices, made)["delivery"]["status"] == "delivered"
    assert server[0].taken[0][0] == ["jürgen@xn--mnchen-3ya.example"]


def test_a_server_that_is_down_delays_the_letter(
    app: Flask, invoices: Client, through: Relay, server: tuple[Server, Controller]
) -> None:
    handler, controller = server
    port = controller.port
    controller.stop()
    made = sent(invoices)
    for _ in range(2):
        hurry(app)
        assert through.run_once() == 1
        assert read(invoices, made)["delivery"]["status"] == "queued"
    again = Controller(handler, hostname="127.0.0.1", port=port)
    again.start()
    try:
        hurry(app)
        assert through.run_once() == 1
    finally:
        again.stop()
    assert [parsed(raw)["Message-ID"] for _, raw in handler.taken] == [made["delivery"]["message_id"]]
    assert read(invoices, made)["delivery"]["status"] == "delivered"


def test_a_letter_has_a_last_attempt_and_can_be_sent_again(
    app: Flask, invoices: Client, through: Relay, server: tuple[Server, Controller]
) -> None:
    server[0].data = "451 try later"
    made = sent(invoices)
    with app.extensions["service"].db.write() as session:
        session.query(Outbox).one().attempts = messages.LAST_ATTEMPT - 2
    through.run_once()
    assert read(invoices, made)["delivery"]["status"] == "queued"
    hurry(app)
    assert (through.run_once(), through.run_once()) == (1, 0)
    failed = read(invoices, made)["delivery"]
    assert failed["status"] == "failed"
    assert "try later" in failed["error"]
    assert actions(invoices, made)[-1] == "delivery failed"
    server[0].data = "250 OK"
    data(invoices.post(url(made, "/send")))
    assert through.run_once() == 1
    assert read(invoices, made)["delivery"]["status"] == "delivered"


def test_a_letter_that_is_tried_again_carries_the_same_bytes(
    app: Flask, invoices: Client, through: Relay, server: tuple[Server, Controller]
) -> None:
    sent(invoices, items=ITEMS)
    for _ in range(2):
        ((lane, message),) = [(lane, message) for lane in through._lanes for message in lane._claim()]
        lane._topics[message.topic].send(message)
        hurry(app)
    first, second = (parsed(raw) for _, raw in server[0].taken)
    assert (first["Message-ID"], attached(first)) == (second["Message-ID"], attached(second))


@pytest.mark.parametrize(("step", "reply"), [("rcpt", "450 busy"), ("data", "451 try later"), ("rcpt", "530 log in")])
def test_a_passing_refusal_delays_the_letter(
    app: Flask, invoices: Client, through: Relay, server: tuple[Server, Controller], step: str, reply: str
) -> None:
    made = sent(invoices)
    setattr(server[0], step, reply)
    through.run_once()
    assert read(invoices, made)["delivery"]["status"] == "queued"
    setattr(server[0], step, "250 OK")
    hurry(app)
    through.run_once()
    assert read(invoices, made)["delivery"]["status"] == "delivered"
    assert len(server[0].taken) == 1


def test_a_server_that_takes_its_time_does_not_outlast_the_lease(
    invoices: Client, through: Relay, server: tuple[Server, Controller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "DEADLINE", 0.3)
    server[0].pause = PATIENCE
    made = sent(invoices)
    through.run_once()
    assert read(invoices, made)["delivery"]["status"] == "queued"
    assert server[0].taken == []


@pytest.mark.parametrize(("step", "reply"), [("rcpt", "550 no such user"), ("data", "554 not wanted")])
def test_a_final_refusal_fails_the_letter_and_says_why(
    invoices: Client, through: Relay, server: tuple[Server, Controller], step: str, reply: str
) -> None:
    made = sent(invoices)
    setattr(server[0], step, reply)
    assert (through.run_once(), through.run_once()) == (1, 0)
    now = read(invoices, made)
    assert now["delivery"] == {**made["delivery"], "status": "failed", "error": reply}
    assert now["status"] == "sent"
    assert actions(invoices, made)[-1] == "delivery failed"
    again = data(invoices.post(url(made, "/send")))
    assert (again["delivery"]["status"], again["delivery"]["error"]) == ("queued", None)


def test_two_relays_deliver_each_letter_once(
    invoices: Client, through: Relay, settings: Settings, server: tuple[Server, Controller]
) -> None:
    letters = {sent(invoices)["delivery"]["message_id"] for _ in range(12)}
    other = create_relay(replace(settings, mail_channel="smtp", smtp_host="127.0.0.1", smtp_port=server[1].port))

    def work(relay: Relay) -> None:
        while relay.run_once():
            pass

    threads = [threading.Thread(target=work, args=(relay,)) for relay in (through, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work(through)
    other.db.close()
    assert sorted(parsed(raw)["Message-ID"] for _, raw in server[0].taken) == sorted(letters)
