"""Record an expense."""

from typing import TYPE_CHECKING

from services.expenses.actions.writing import Facts, attach, new_expense
from services.expenses.models import Expense
from services.expenses.receipts import Receipt
from shared import audit
from shared.db import insert

if TYPE_CHECKING:
    from services.expenses.writes import Write


def create(write: "Write", facts: Facts, receipt: Receipt | None) -> Expense:
    """Record an expense.

    Raises:
        Conflict: what was authorized has been voided.
    """
    with write.db.write() as session:
        expense = write.expense or new_expense(write.caller, facts)
        attach(session, expense, receipt)
        audit.record(session, write.caller, "created", expense)
        insert(session, expense)
        report = expense.report  # with its id, now that it has one
        write.confirm(session, expense, report.gone, report)
        return expense
