"""Send an invoice to its client."""

from sqlalchemy.orm import Session

from services.invoices import messages, rules
from services.invoices.actions import numbers, writing
from services.invoices.models import Invoice
from services.invoices.queries import InvoiceId, known_profile, owned, today, with_items
from shared.caller import Caller
from shared.db import Database, new_id, now
from shared.versions import IfMatch


def send(db: Database, caller: Caller, invoice_id: InvoiceId, expected: IfMatch, *, domain: str) -> Invoice:
    """Queue one message to the client; a draft becomes sent and gets its number. `domain`: of the Message-ID.

    Raises:
        NotFound, PreconditionFailed.
        Refused: it is completed, cancelled or denied, or has no `client_email`.
    """
    with db.write() as session:
        return numbers.retry_on_taken_number(session, lambda: _send(session, caller, invoice_id, expected, domain))


def _send(session: Session, caller: Caller, invoice_id: InvoiceId, expected: IfMatch, domain: str) -> Invoice:
    invoice = owned(session, caller, invoice_id, lock=True)
    expected.check(invoice.etag(today(caller)))
    rules.check_open(completed=invoice.completed)
    rules.check_sendable(invoice.lifecycle, invoice.client_email)
    rules.check_released(denied=invoice.denied)
    with_items(session, caller, invoice)
    profile = known_profile(session, caller)
    key = new_id()
    with session.no_autoflush:
        if invoice.lifecycle == rules.DRAFT:
            writing.move(session, caller, invoice, rules.SENT)
        invoice.sent_at = now()
        invoice.delivery_state, invoice.delivery_error = messages.QUEUED, None
        invoice.delivery_message_id, invoice.delivery_to = f"<{key}@{domain}>", invoice.client_email
        letter = messages.sending(session, caller, invoice, profile)
        writing.record(session, caller, "sent", invoice, messages.told_letter(letter))
        numbers.flushed(session, invoice)
    messages.put_mail(session, key, invoice, letter)
    return invoice
