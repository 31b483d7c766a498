"""What the invoice service sends to whom: mail, to clients and to those who approve; and to the expense service, which
invoice an expense is on.
"""

from collections.abc import Iterable
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.invoices import letter, mail
from services.invoices.models import Invoice, Profile, ProjectExpense
from services.invoices.settings import Settings
from shared import audit, outbox
from shared.caller import Caller
from shared.db import Database, new_id, now
from shared.http import Peer
from shared.lengths import DESCRIPTION
from shared.outbox import Outbox, Topic, Topics

MAIL, BILLING = "mail", "billing"
QUEUED, DELIVERED, FAILED = "queued", "delivered", "failed"


def put_mail(session: Session, key: str, invoice: Invoice, profile: Profile) -> None:
    """Queue the letter that sends an invoice, as the invoice is now, in the transaction that sends it."""
    written = letter.written(invoice, profile)
    _put(session, key, invoice, written, to=invoice.delivery_to, message_id=invoice.delivery_message_id)


def put_notice(session: Session, invoice: Invoice, written: dict[str, Any], *, to: str, domain: str) -> None:
    """Queue a letter that is no send: the invoice's `delivery` names another message, and stays as it is."""
    key = new_id()
    _put(session, key, invoice, written, to=to, message_id=f"<{key}@{domain}>")


def _put(
    session: Session, key: str, invoice: Invoice, written: dict[str, Any], *, to: str | None, message_id: str | None
) -> None:
    facts = {"invoice_id": invoice.uuid, "message_id": message_id, "to": to, "date": now().isoformat()}
    outbox.put(session, MAIL, key, workspace_id=invoice.workspace_id, version=1, body=written | facts)


def put_billing(session: Session, expense: ProjectExpense) -> Outbox:
    """Write which invoice an expense is on; the caller delivers it after the commit."""
    return outbox.put(
        session,
        BILLING,
        expense.uuid,
        workspace_id=expense.workspace_id,
        version=expense.billing_version,
        body={"invoice_id": expense.invoice_id},
        leased=True,
    )


def deliver_all(db: Database, topics: Topics, messages: Iterable[Outbox]) -> None:
    """Deliver messages, until the receiver is away: the relay goes on where this ends."""
    for message in messages:
        if not outbox.deliver(db, topics, message):
            return


def current() -> Topics:
    """How the messages of the app that answers this request leave."""
    known: Topics = current_app.extensions["topics"]
    return known


def topics(settings: Settings, expenses: Peer, *, deadline: float) -> Topics:
    """How each kind of message leaves."""

    def send_mail(message: Outbox) -> None:
        mail.deliver(settings, message.key, message.body)

    def send_billing(message: Outbox) -> None:
        body = {"version": message.version, **message.body}
        path = f"/internal/billings/{message.key}"
        expenses.put(path, body, workspace_id=message.workspace_id, deadline=deadline)

    return {MAIL: Topic(send_mail, _settled), BILLING: Topic(send_billing)}


def _settled(session: Session, message: Outbox, failure: str | None) -> None:
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
