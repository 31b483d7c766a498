"""Lock an invoice, and unlock it."""

from services.invoices import rules
from services.invoices.actions import writing
from services.invoices.models import Invoice
from services.invoices.queries import InvoiceId, is_held, owned, today, with_items
from shared.caller import Caller
from shared.db import Database
from shared.versions import IfMatch


def complete(db: Database, caller: Caller, invoice_id: InvoiceId, expected: IfMatch) -> Invoice:
    """Lock the invoice: every change but `uncomplete` is refused from now on. Twice is fine.

    Raises:
        NotFound, PreconditionFailed.
        Conflict: an expense on it is being changed.
    """
    return _set(db, caller, invoice_id, expected, completed=True)


def uncomplete(db: Database, caller: Caller, invoice_id: InvoiceId, expected: IfMatch) -> Invoice:
    """Unlock the invoice. Twice is fine.

    Raises:
        NotFound, PreconditionFailed.
    """
    return _set(db, caller, invoice_id, expected, completed=False)


def _set(db: Database, caller: Caller, invoice_id: InvoiceId, expected: IfMatch, *, completed: bool) -> Invoice:
    with db.write() as session:
        invoice = owned(session, caller, invoice_id, lock=True)
        expected.check(invoice.etag(today(caller)))
        with_items(session, caller, invoice)
        if invoice.completed != completed:
            rules.check_not_held(held=completed and is_held(session, invoice))
            invoice.completed = completed
            writing.record(session, caller, "completed" if completed else "uncompleted", invoice)
        return invoice
