"""Record an expense."""

from services.expenses.actions.promise import Reservation, keep
from services.expenses.actions.writing import Facts, attach, new_expense
from services.expenses.models import Expense
from services.expenses.outside import Outside
from services.expenses.receipts import Receipt
from shared import audit
from shared.caller import Caller
from shared.db import Database, insert


def create(
    db: Database,
    caller: Caller,
    facts: Facts,
    outside: Outside,
    receipt: Receipt | None,
    reservation: Reservation | None,
) -> Expense:
    """Record an expense.

    Raises:
        Conflict: the reservation has been taken back.
    """
    with db.write() as session:
        expense = reservation.expense if reservation else new_expense(caller, facts)
        attach(session, expense, receipt)
        audit.record(session, caller, "created", expense)
        insert(session, expense)
        if reservation:
            report = expense.report  # with its id, now that it has one
            keep(db, session, caller, expense, report.gone, report, reservation, outside)
        return expense
