"""Delete an expense."""

from functools import partial
from typing import TYPE_CHECKING

from services.expenses.queries import ExpenseId, owned
from shared import audit
from shared.db import on_commit
from shared.versions import IfMatch

if TYPE_CHECKING:
    from services.expenses.writes import Write


def delete(write: "Write", expense_id: ExpenseId, expected: IfMatch) -> None:
    """Delete an expense with its receipt; its budget has the money back.

    Raises:
        NotFound, PreconditionFailed.
        NotAuthorized: it is in a project, and the invoice service has not authorized it.
        Conflict: what was authorized has been voided.
    """
    with write.db.write() as session:
        expense = owned(session, write.caller, expense_id, lock=True)
        expected.check(expense.etag)
        before = expense.report
        write.check(before, None, billed=expense.invoice_id is not None)
        audit.record(session, write.caller, "deleted", expense)
        write.confirm(session, expense, before, before.gone)
        if expense.receipt_key:
            on_commit(session, partial(write.peers.receipts.remove, expense.receipt_key))
        session.delete(expense)
