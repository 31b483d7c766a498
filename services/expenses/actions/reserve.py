"""Ask before a change is committed.

A change that takes more of a budget is made in steps: `reserve_new` or `reserve_change` writes the intention with its
armed undo and asks the budget service; then `create` or `update` commits and disarms, or `withdraw` ends a refusal, or
`abandon` lets the undo go. A change that takes less is one transaction, and tells the budget service afterwards.
"""

import time
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from services.expenses import messages, rules
from services.expenses.actions.outside import Outside
from services.expenses.actions.writing import Facts, new_expense, spend_after, tag
from services.expenses.models import Expense
from services.expenses.queries import owned
from services.expenses.rules import Spend
from shared import idempotency, outbox
from shared.caller import Caller
from shared.db import Database
from shared.errors import ApiError, Conflict, NotFound, Refused, Unavailable
from shared.http import NoAnswer
from shared.idempotency import Ticket
from shared.outbox import Outbox
from shared.versions import IfMatch

OF_THE_SPEND = frozenset({"amount", "currency", "date", "budget_id"})

PAUSE = 0.02
"""Seconds between two looks at whether another request's change is through."""


@dataclass(frozen=True)
class Reservation:
    """Money that the budget service has set aside, or has refused, for a change that is yet to be committed."""

    expense: Expense
    asked: Spend
    message: Outbox
    owed: bool = False  # the undo stands in for a message that the budget service has not acknowledged yet
    refusal: ApiError | None = None


def reserve_new(
    db: Database, caller: Caller, facts: Facts, outside: Outside, ticket: Ticket | None
) -> Reservation | None:
    """Ask for what a new expense takes of its budget; None when it is on no budget.

    Raises:
        Invalid: an amount too precise for its currency.
        Unavailable: no answer from the budget service; nothing is left behind.
    """
    if not facts.get("budget_id"):
        return None
    expense = new_expense(caller, facts)
    asked = expense.spend
    undo = replace(asked, budget_id=None)
    if ticket is None:
        with db.once() as connection:
            message = messages.arm(connection, expense, undo, asks=asked, ticket=None)
    else:
        with db.write() as session:
            idempotency.claim(session, ticket)
            message = messages.arm(session, expense, undo, asks=asked, ticket=ticket)
    return _asked(db, outside, Reservation(expense, asked, message), held=None)


def reserve_change(
    db: Database,
    caller: Caller,
    expense_id: str,
    facts: Facts,
    expected: IfMatch,
    outside: Outside,
    ticket: Ticket | None,
) -> Reservation | None:
    """Ask for what a change takes more of a budget; None when it takes no more, or there is no such expense.

    While another change of the expense is between its question and its commit, this one waits.

    Raises:
        Replay: the keyed request has been answered before.
        PreconditionFailed.
        Invalid: an amount too precise for its currency.
        Conflict: the other change is not through within the deadline.
        Unavailable: no answer from the budget service; nothing is left behind.
    """
    if not facts.keys() & OF_THE_SPEND:
        return None
    if ticket:
        with db.read() as session:
            idempotency.look(session, ticket)  # first: a repeat must not be judged by what the first one changed
    give_up = time.monotonic() + outside.spend_deadline
    while True:
        with db.write() as session:
            expense = _known(session, caller, expense_id)
            if expense is None:
                return None
            expected.check(tag(expense))
            before, asked = expense.spend, spend_after(expense, facts)
            if not rules.needs_yes(before, asked):
                return None
            known = messages.pending(session, expense)
            if known is None or not known.armed:
                if ticket:
                    idempotency.claim(session, ticket)
                messages.supersede(session, known)
                message = messages.arm(session, expense, before, asks=asked, ticket=ticket)
                break
        if time.monotonic() > give_up:
            raise Conflict
        time.sleep(PAUSE)
    return _asked(
        db, outside, Reservation(expense, asked, message, owed=known is not None), held=rules.held(before, asked)
    )


def withdraw(db: Database, reservation: Reservation) -> None:
    """End a refused reservation: nothing was booked, so there is nothing to undo, but what was owed before stays so.

    Raises:
        Conflict: it has been taken back meanwhile, and its key given to another request.
    """
    with db.write() as session:
        end = outbox.fire if reservation.owed else outbox.disarm
        if not end(session, reservation.message):
            raise Conflict


def abandon(db: Database, reservation: Reservation) -> None:
    """Let the undo of a reservation go now. One that is committed or taken back already is left alone."""
    with db.write() as session:
        outbox.fire(session, reservation.message)


def take(session: Session, reservation: Reservation) -> None:
    """Only one of this request and the relay gets the armed row, and with it the last word."""
    if not outbox.disarm(session, reservation.message):
        raise Conflict


def _asked(db: Database, outside: Outside, reservation: Reservation, *, held: Spend | None) -> Reservation:
    try:
        messages.ask(outside.budgets, reservation.message, reservation.asked, held, deadline=outside.spend_deadline)
    except (NotFound, Refused) as refusal:
        return replace(reservation, refusal=refusal)
    except NoAnswer as why:
        abandon(db, reservation)
        raise Unavailable("The budget service did not answer") from why
    except Conflict:
        abandon(db, reservation)
        raise
    return reservation


def _known(session: Session, caller: Caller, expense_id: str) -> Expense | None:
    try:
        return owned(session, caller, expense_id, lock=True)
    except NotFound:
        return None
