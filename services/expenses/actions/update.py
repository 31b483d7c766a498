"""Change an expense."""

from services.expenses.actions.promise import Reservation, check, keep, questions
from services.expenses.actions.writing import Facts, apply_facts, attach, sign, tag
from services.expenses.models import Expense
from services.expenses.outside import Outside
from services.expenses.queries import ExpenseId, owned
from services.expenses.receipts import Receipt
from shared import audit
from shared.caller import Caller
from shared.db import Database
from shared.versions import IfMatch


def update(
    db: Database,
    caller: Caller,
    expense_id: ExpenseId,
    facts: Facts,
    expected: IfMatch,
    outside: Outside,
    receipt: Receipt | None,
    reservation: Reservation | None,
) -> Expense:
    """Change what is named, `budget_id` (a move; null unlinks), `project_id` likewise, and the receipt included.

    Raises:
        NotFound, PreconditionFailed.
        Unasked: it needs a yes that the reservation has not.
        Conflict: the reservation has been taken back, or the expense has changed beside it.
    """
    with db.write() as session:
        expense = owned(session, caller, expense_id, lock=True)
        expected.check(tag(expense))
        before = expense.report
        apply_facts(expense, facts)
        after = expense.report
        if after.spend.amount != before.spend.amount:
            sign(expense, caller)
        billed = expense.invoice_id is not None
        check(reservation, questions(before, after, billed=billed, accounts=caller.account_ids))
        attach(session, expense, receipt, outside.receipts)
        expense.touch()
        audit.record(session, caller, "updated", expense)
        keep(db, session, caller, expense, before, after, reservation, outside)
        return expense
