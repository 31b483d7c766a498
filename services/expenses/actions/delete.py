"""Delete an expense."""

from functools import partial

from services.expenses.actions.promise import Reservation, check, keep, questions
from services.expenses.actions.writing import tag
from services.expenses.outside import Outside
from services.expenses.queries import ExpenseId, owned
from shared import audit
from shared.caller import Caller
from shared.db import Database, afterwards
from shared.versions import IfMatch


def delete(
    db: Database,
    caller: Caller,
    expense_id: ExpenseId,
    expected: IfMatch,
    outside: Outside,
    reservation: Reservation | None,
) -> None:
    """Delete an expense with its receipt; its budget has the money back.

    Raises:
        NotFound, PreconditionFailed.
        Unasked: it is in a project, and needs the invoice service's yes.
        Conflict: the reservation has been taken back.
    """
    with db.write() as session:
        expense = owned(session, caller, expense_id, lock=True)
        expected.check(tag(expense))
        before = expense.report
        billed = expense.invoice_id is not None
        check(reservation, questions(before, None, billed=billed, accounts=caller.account_ids))
        audit.record(session, caller, "deleted", expense)
        keep(db, session, caller, expense, before, before.gone, reservation, outside)
        if expense.receipt_key:
            afterwards(session, partial(outside.receipts.remove, expense.receipt_key))
        session.delete(expense)
