"""Delete an expense."""

from dataclasses import replace
from functools import partial

from services.expenses.actions.outside import Outside
from services.expenses.actions.writing import tag, tell
from services.expenses.queries import owned
from shared import audit
from shared.caller import Caller
from shared.db import Database, afterwards
from shared.versions import IfMatch


def delete(db: Database, caller: Caller, expense_id: str, expected: IfMatch, outside: Outside) -> None:
    """Delete an expense with its receipt; its budget has the money back.

    Raises:
        NotFound, PreconditionFailed.
    """
    with db.write() as session:
        expense = owned(session, caller, expense_id, lock=True)
        expected.check(tag(expense))
        audit.record(session, caller, "deleted", expense)
        if expense.budget_id:
            tell(db, session, expense, replace(expense.spend, budget_id=None), outside)
        if expense.receipt_key:
            afterwards(session, partial(outside.receipts.remove, expense.receipt_key))
        session.delete(expense)
