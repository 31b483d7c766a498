"""Approve an invoice, or deny it: first the manager, then the finance department."""

from collections.abc import Callable

from services.invoices import rules
from services.invoices.actions import writing
from services.invoices.models import Invoice
from services.invoices.queries import owned, today, with_items
from shared.caller import Caller
from shared.db import Database
from shared.versions import IfMatch


def approve(db: Database, caller: Caller, invoice_id: str, expected: IfMatch, *, yes: bool) -> Invoice:
    """Take the manager's decision.

    Raises:
        NotFound, PreconditionFailed.
        Refused: it is completed, or has been decided.
    """
    return _decide(
        db, caller, invoice_id, expected, "approved" if yes else "denied", lambda now: rules.approved(now, yes=yes)
    )


def finance_approve(db: Database, caller: Caller, invoice_id: str, expected: IfMatch, *, yes: bool) -> Invoice:
    """Take the finance department's decision.

    Raises:
        NotFound, PreconditionFailed.
        Refused: it is completed, not its turn, or has been decided.
    """
    action = "finance approved" if yes else "finance denied"
    return _decide(db, caller, invoice_id, expected, action, lambda now: rules.finance_approved(now, yes=yes))


def _decide(
    db: Database, caller: Caller, invoice_id: str, expected: IfMatch, action: str, decided: Callable[[str], str]
) -> Invoice:
    with db.write() as session:
        invoice = owned(session, caller, invoice_id, lock=True)
        expected.check(writing.tag(invoice, today(caller)))
        rules.check_open(completed=invoice.completed)
        with_items(session, caller, invoice)
        with session.no_autoflush:
            invoice.approval = decided(invoice.approval)
            writing.record(session, caller, action, invoice)
        return invoice
