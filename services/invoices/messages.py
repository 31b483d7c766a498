"""What the invoice service sends to whom: mail, to clients and to those who approve; and to the expense service, which
invoice an expense is on.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.invoices.models import Invoice, Logo, Profile, ProjectExpense
from services.invoices.papers import document, letter, mail
from services.invoices.papers.document import Picture
from services.invoices.papers.mime import Attachment
from services.invoices.papers.press import Unprintable
from services.invoices.queries import known_profile, logo_digest, today
from services.invoices.settings import Settings
from shared import audit, outbox
from shared.caller import Caller
from shared.db import Database, now
from shared.http import Peer
from shared.lengths import DESCRIPTION
from shared.outbox import Lost, Outbox, PutState, Topic, Topics, Undeliverable

MAIL, BILLING = "mail", "billing"
Body = dict[str, Any]
"""A letter as it waits, ready for JSON."""

log = structlog.get_logger()

LAST_ATTEMPT = 4_000
"""At a letter: about two days after the first, as one follows the other within a minute."""

QUEUED, DELIVERED, FAILED = "queued", "delivered", "failed"


def sending(session: Session, caller: Caller, invoice: Invoice, profile: Profile) -> Body:
    """The letter that sends an invoice, as the invoice is now."""
    written = letter.written(invoice, profile) | _document(session, caller, invoice, profile)
    return written | _facts(invoice, to=invoice.delivery_to, message_id=invoice.delivery_message_id)


def notice(session: Session, caller: Caller, invoice: Invoice, *, awaited: bool, to: str, message_id: str) -> Body:
    """A letter that is no send: the invoice's `delivery` names another message, and stays as it is.

    `awaited`: as `letter.of_approval` says.
    """
    profile = known_profile(session, caller)
    written = letter.of_approval(invoice, profile, awaited=awaited) | _document(session, caller, invoice, profile)
    return written | _facts(invoice, to=to, message_id=message_id)


def put_mail(session: Session, key: str, invoice: Invoice, body: Body) -> None:
    """Queue a letter, in the transaction that tells of it in the history."""
    outbox.put(session, MAIL, key, workspace_id=invoice.workspace_id, version=1, body=body)


def told_letter(body: Body) -> dict[str, Any]:
    """What the history keeps of a letter: a digest, without the picture of a logo that went while it waited."""
    said = json.dumps({name: body[name] for name in body if name != "logo"}, sort_keys=True)
    return {"letter": [None, hashlib.sha256(said.encode()).hexdigest()]}


def keep_logo(session: Session, logo: Logo) -> None:
    """Give the logo, which is about to go, to the letters that wait with a document that shows it."""
    waiting = select(Outbox).where(
        Outbox.topic == MAIL,
        Outbox.workspace_id == logo.workspace_id,
        Outbox.body["document"]["logo"].as_string() == logo.digest,
    )
    kept = {"logo": [logo.kind, b64encode(logo.data).decode()]}
    for message in session.scalars(waiting.with_for_update()):
        message.body = message.body | kept


def _document(session: Session, caller: Caller, invoice: Invoice, profile: Profile) -> dict[str, Any]:
    """What is said in the attached document. It is drawn when the letter leaves, with no transaction open."""
    digest = logo_digest(session, caller)
    return {"document": document.stated(invoice, profile, digest, today(caller))}


def _facts(invoice: Invoice, *, to: str | None, message_id: str | None) -> Body:
    return {"invoice_id": invoice.uuid, "message_id": message_id, "to": to, "date": now().isoformat()}


def put_billing(session: Session, expense: ProjectExpense, invoice: Invoice | None) -> None:
    """Tell which invoice an expense is on, and whose that is."""
    outbox.put(
        session,
        BILLING,
        expense.uuid,
        workspace_id=expense.workspace_id,
        version=expense.billing_version,
        body={"invoice_id": expense.invoice_id, "account_id": invoice.account_id if invoice else None},
        at_once=True,
    )


def topics(settings: Settings, db: Database, expenses: Peer, *, deadline: float) -> Topics:
    """How each kind of message leaves."""

    def send_mail(message: Outbox) -> None:
        try:
            attached = _attached(db, message)
            outbox.renew(db, message)  # to draw it may take longer than a lease, and a letter is not taken back
            mail.deliver(settings, message.key, message.body, attached)
        except (Undeliverable, Lost):
            raise
        except Exception as why:  # whatever it was, it does not pass
            if message.attempts < LAST_ATTEMPT:
                raise
            raise Undeliverable(f"Given up after {message.attempts} attempts: {why}") from why

    send_billing = PutState(expenses, lambda message: f"/internal/billings/{message.key}", deadline)

    def catch_up(session: Session, message: Outbox, version: int) -> None:
        mine = (ProjectExpense.workspace_id == message.workspace_id, ProjectExpense.uuid == message.key)
        behind = update(ProjectExpense).where(*mine, ProjectExpense.billing_version < version)
        session.execute(behind.values(billing_version=version), execution_options=outbox.PLAIN)

    return {
        MAIL: Topic(send_mail, _delivered, to="mail"),
        BILLING: Topic(send_billing, catch_up=catch_up, to="expenses"),
    }


def _attached(db: Database, message: Outbox) -> Attachment | None:
    """The invoice as it was when the letter was queued.

    None where no layout can be drawn of it, and with a letter from before there were documents.
    """
    facts = message.body.get("document")
    if facts is None:
        return None
    logo = _logo(db, message) if facts["logo"] else None
    try:
        return facts["file"], document.drawn(facts, logo, press=document.LETTERS)
    except Unprintable as why:  # the letter says all that the document would
        log.error("letter.without_document", key=message.key, why=str(why))
        return None


def _logo(db: Database, message: Outbox) -> Picture | None:
    """The logo that was the workspace's then. None when it was changed in the very moment of the sending."""
    with db.read() as session:
        shown = select(Logo).where(
            Logo.workspace_id == message.workspace_id, Logo.digest == message.body["document"]["logo"]
        )
        logo = session.scalar(shown)
        if logo:
            return logo.kind, logo.data
        body = session.scalar(select(Outbox.body).where(Outbox.id == message.id))  # not as we have it: as it is now
    kept = (body or {}).get("logo")
    return (kept[0], b64decode(kept[1])) if kept else None


def _delivered(session: Session, message: Outbox, failure: str | None) -> None:
    """Note on the invoice what became of its latest mail, in the transaction that forgets the message."""
    query = select(Invoice).where(
        Invoice.workspace_id == message.workspace_id,
        Invoice.uuid == message.body["invoice_id"],
        Invoice.delivery_message_id == message.body["message_id"],
    )
    invoice = session.scalar(query.with_for_update())
    if invoice is None:
        return
    invoice.delivery_state = DELIVERED if failure is None else FAILED
    invoice.delivery_error = None if failure is None else failure[:DESCRIPTION]
    ours = Caller.service("invoices", message.workspace_id)
    audit.record(session, ours, "delivered" if failure is None else "delivery failed", invoice)
