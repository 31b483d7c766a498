"""Change an expense."""

from services.expenses import rules
from services.expenses.actions.outside import Outside
from services.expenses.actions.reserve import Reservation, take
from services.expenses.actions.writing import Facts, apply_facts, attach, spend_after, tag, tell
from services.expenses.models import Expense
from services.expenses.queries import owned
from services.expenses.receipts import Receipt
from shared import audit
from shared.caller import Caller
from shared.db import Database
from shared.errors import Conflict
from shared.versions import IfMatch


def update(
    db: Database,
    caller: Caller,
    expense_id: str,
    facts: Facts,
    expected: IfMatch,
    outside: Outside,
    receipt: Receipt | None,
    reservation: Reservation | None,
) -> Expense:
    """Change what is named, `budget_id` (a move; null unlinks) and the receipt included.

    Raises:
        NotFound, PreconditionFailed.
        Conflict: the reservation has been taken back, or the expense has changed beside it.
    """
    with db.write() as session:
        expense = owned(session, caller, expense_id, lock=True)
        expected.check(tag(expense))
        before, after = expense.spend, spend_after(expense, facts)
        apply_facts(expense, facts)
        attach(session, expense, receipt, outside.receipts)
        expense.touch()
        audit.record(session, caller, "updated", expense)
        if reservation:
            if after != reservation.asked:
                raise Conflict
            take(session, reservation)
            if rules.held(before, after):
                tell(db, session, expense, after, outside)
        elif rules.needs_yes(before, after):
            raise Conflict  # it changed since `reserve_change` looked
        elif after != before and before.budget_id:
            tell(db, session, expense, after, outside)
        return expense
