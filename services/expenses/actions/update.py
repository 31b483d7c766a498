"""Change an expense."""

from typing import TYPE_CHECKING

from services.expenses.actions.writing import Facts, apply_facts, attach, sign
from services.expenses.models import Expense
from services.expenses.queries import ExpenseId, owned
from services.expenses.receipts import Receipt
from shared import audit
from shared.versions import IfMatch

if TYPE_CHECKING:
    from services.expenses.writes import Write


def update(write: "Write", expense_id: ExpenseId, facts: Facts, expected: IfMatch, receipt: Receipt | None) -> Expense:
    """Change what is named, `budget_id` (a move; null unlinks), `project_id` likewise, and the receipt included.

    Raises:
        NotFound, PreconditionFailed.
        NotAuthorized: it needs what was not authorized.
        Conflict: what was authorized has been voided, or the expense has changed meanwhile.
    """
    with write.db.write() as session:
        expense = owned(session, write.caller, expense_id, lock=True)
        expected.check(expense.etag)
        before = expense.report
        apply_facts(expense, facts)
        after = expense.report
        if after.spend.amount != before.spend.amount:
            sign(expense, write.caller)
        write.check(before, after, billed=expense.invoice_id is not None)
        attach(session, expense, receipt, write.peers.receipts)
        expense.touch()
        audit.record(session, write.caller, "updated", expense)
        write.confirm(session, expense, before, after)
        return expense
