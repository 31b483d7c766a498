"""Delete an invoice, where nothing is lost by it."""

from sqlalchemy import select

from services.invoices import rules
from services.invoices.actions import billing, writing
from services.invoices.models import Payment
from services.invoices.queries import InvoiceId, owned, today
from shared.caller import Caller
from shared.db import Database
from shared.versions import IfMatch


def delete(
    db: Database,
    caller: Caller,
    invoice_id: InvoiceId,
    expected: IfMatch,
    *,
    user_email: str | None = None,
) -> None:
    """Delete an invoice and its items for good. Its history stays; its time entries and expenses can be billed again.

    `user_email`: whose it must be, and unpaid.

    Raises:
        NotFound, PreconditionFailed.
        Conflict: an expense on it is being changed.
        Forbidden: it is another user's.
        Refused: it is completed, has a payment, or has a number from the series.
    """
    with db.write() as session:
        invoice = owned(session, caller, invoice_id, lock=True)
        expected.check(invoice.etag(today(caller)))
        if user_email is not None:
            rules.check_own(invoice.user_email, user_email)
            rules.check_unpaid(invoice.payment_status)
        rules.check_open(completed=invoice.completed)
        mine = (Payment.workspace_id == caller.workspace_id, Payment.invoice_id == invoice.id)
        has_payments = session.scalar(select(Payment.id).where(*mine).limit(1)) is not None
        rules.check_deletable(invoice.paid, has_payments=has_payments, series=invoice.series)
        with session.no_autoflush:
            told = billing.release(session, invoice)
            writing.record(session, caller, "deleted", invoice, told)
        session.delete(invoice)
