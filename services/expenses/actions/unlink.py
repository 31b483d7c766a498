"""Take expenses off a budget that is gone."""

from sqlalchemy import select

from services.expenses.models import Expense
from services.expenses.participants import budget
from shared import audit
from shared.caller import Caller
from shared.db import Database
from shared.errors import Unavailable


def unlink(db: Database, caller: Caller, budget_id: str) -> int:
    """Take every expense of a workspace off a budget that is gone; how many there were.

    Raises:
        Unavailable: a request that had the budget's yes is yet to commit; ask again.
    """
    with db.write() as session:
        asking = budget.asking(session, caller.workspace_id, budget_id)  # first: what it does not see is committed
        mine = select(Expense).where(Expense.workspace_id == caller.workspace_id, Expense.budget_id == budget_id)
        expenses = session.scalars(mine.order_by(Expense.id).with_for_update()).all()
        for expense in expenses:
            expense.budget_id = None
            expense.touch()
            audit.record(session, caller, "unlinked", expense)
    if asking:
        raise Unavailable
    return len(expenses)
