"""A write of an expense, as every dialect answers it: what others must agree to is asked, kept, or undone.

Most writes ask nobody, and are one transaction. A keyed request's answer is kept in the transaction of its change.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Response, current_app

from services.expenses import actions
from services.expenses.actions import Reservation, Unasked
from services.expenses.outside import Outside
from services.expenses.queries import ExpenseId
from services.expenses.receipts import Receipt
from shared.idempotency import Ticket
from shared.web import caller, db, if_match, settle

if TYPE_CHECKING:
    from services.expenses.models import Expense

Facts = Mapping[str, Any]
Show = Callable[["Expense"], Response]
"""How the dialect answers."""
Work = Callable[[Reservation | None], Response]


def created(facts: Facts, receipt: Receipt | None, asked: Ticket | None, show: Show) -> Response:
    """Record an expense."""

    def work(reservation: Reservation | None) -> Response:
        return show(actions.create(db(), caller(), facts, outside(), receipt, reservation))

    return _settled(asked, actions.reserve_new(db(), caller(), facts, outside(), asked), receipt, work)


def updated(expense_id: ExpenseId, facts: Facts, receipt: Receipt | None, asked: Ticket | None, show: Show) -> Response:
    """Change an expense."""
    expected = if_match()

    def reserve() -> Reservation | None:
        return actions.reserve_change(db(), caller(), expense_id, facts, expected, outside(), asked)

    def work(reservation: Reservation | None) -> Response:
        return show(actions.update(db(), caller(), expense_id, facts, expected, outside(), receipt, reservation))

    return _agreed(reserve, asked, receipt, work, look_first=bool(facts.keys() & actions.OFTEN_ASKED))


def deleted(expense_id: ExpenseId, asked: Ticket | None, said: Callable[[], Response]) -> Response:
    """Delete an expense."""
    expected = if_match()

    def reserve() -> Reservation | None:
        return actions.reserve_deletion(db(), caller(), expense_id, expected, outside(), asked)

    def work(reservation: Reservation | None) -> Response:
        actions.delete(db(), caller(), expense_id, expected, outside(), reservation)
        return said()

    return _agreed(reserve, asked, None, work, look_first=False)


def outside() -> Outside:
    """What this service has around it."""
    known: Outside = current_app.extensions["outside"]
    return known


def _agreed(
    reserve: Callable[[], Reservation | None],
    asked: Ticket | None,
    receipt: Receipt | None,
    work: Work,
    *,
    look_first: bool,
) -> Response:
    """Do the work, and ask for it first where that is needed. Without a look, it is tried, as most needs nothing."""
    if not look_first:
        try:
            return _settled(asked, None, receipt, work)
        except Unasked:
            pass
    return _settled(asked, reserve(), receipt, work)


def _settled(asked: Ticket | None, reservation: Reservation | None, receipt: Receipt | None, work: Work) -> Response:
    """Commit the change, once everybody has agreed; a keyed request's answer in the same transaction."""
    if reservation and reservation.refusal:
        return _refused(asked, reservation)
    done = False
    try:
        with outside().receipts.stored(receipt, caller().workspace_id):
            response = settle(asked, partial(work, reservation), claimed=reservation is not None)
        done = response.status_code < 400
    finally:
        if reservation and not done:
            actions.abandon(db(), reservation)
    return response


def _refused(asked: Ticket | None, reservation: Reservation) -> Response:
    with db().write():
        response = settle(asked, partial(_refuse, reservation), claimed=True) if asked else None
        actions.withdraw(db(), reservation, outside())
    return response or _refuse(reservation)


def _refuse(reservation: Reservation) -> Response:
    assert reservation.refusal  # noqa: S101
    raise reservation.refusal
