"""What can be done with expenses.

A change that takes more of a budget is made in steps: `reserve_new` or `reserve_change` writes the intention with its
armed undo and asks the budget service; then `create` or `update` commits and disarms, or `withdraw` ends a refusal, or
`abandon` lets the undo go. A change that takes less is one transaction, and tells the budget service afterwards.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.expenses import messages, rules
from services.expenses.models import Expense
from services.expenses.queries import EXPENSES, owned
from services.expenses.receipts import Receipt, Receipts
from services.expenses.rules import Spend
from shared import audit, idempotency, outbox
from shared.amounts import exact
from shared.caller import Caller
from shared.db import Database, afterwards, insert, new_id, now
from shared.errors import ApiError, Conflict, NotFound, Refused, Unavailable
from shared.http import NoAnswer, Peer
from shared.idempotency import Ticket
from shared.outbox import Outbox, Topics
from shared.versions import IfMatch

Facts = Mapping[str, Any]

PLAIN = {
    "description": "description",
    "category": "category",
    "date": "spent_on",
    "receipt_url": "receipt_url",
}
"""Facts that are a column as they are."""

OF_THE_SPEND = frozenset({"amount", "currency", "date", "budget_id"})

PAUSE = 0.02
"""Seconds between two looks at whether another request's change is through."""


@dataclass(frozen=True)
class Outside:
    """What the expense service has around it."""

    budgets: Peer
    topics: Topics
    receipts: Receipts
    spend_deadline: float


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
    expense = _new(caller, facts)
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


def create(
    db: Database, caller: Caller, facts: Facts, receipt: Receipt | None, reservation: Reservation | None
) -> Expense:
    """Record an expense.

    Raises:
        Conflict: the reservation has been taken back.
    """
    with db.write() as session:
        if reservation:
            _take(session, reservation)
        expense = reservation.expense if reservation else _new(caller, facts)
        _attach(session, expense, receipt)
        audit.record(session, caller, "created", expense)
        insert(session, expense)
        return expense


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
            before, asked = expense.spend, _spend_after(expense, facts)
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
        before, after = expense.spend, _spend_after(expense, facts)
        _apply(expense, facts)
        _attach(session, expense, receipt, outside.receipts)
        expense.touch()
        audit.record(session, caller, "updated", expense)
        if reservation:
            if after != reservation.asked:
                raise Conflict
            _take(session, reservation)
            if rules.held(before, after):
                _tell(db, session, expense, after, outside)
        elif rules.needs_yes(before, after):
            raise Conflict  # it changed since `reserve_change` looked
        elif after != before and before.budget_id:
            _tell(db, session, expense, after, outside)
        return expense


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
            _tell(db, session, expense, replace(expense.spend, budget_id=None), outside)
        if expense.receipt_key:
            afterwards(session, partial(outside.receipts.remove, expense.receipt_key))
        session.delete(expense)


def unlink(db: Database, caller: Caller, budget_id: str) -> int:
    """Take every expense of a workspace off a budget that is gone; how many there were.

    Raises:
        Unavailable: a request that had the budget's yes is yet to commit; ask again.
    """
    with db.write() as session:
        asking = messages.asking(session, caller.workspace_id, budget_id)  # first: what it does not see is committed
        mine = select(Expense).where(Expense.workspace_id == caller.workspace_id, Expense.budget_id == budget_id)
        expenses = session.scalars(mine.order_by(Expense.id).with_for_update()).all()
        for expense in expenses:
            expense.budget_id = None
            expense.touch()
            audit.record(session, caller, "unlinked", expense)
    if asking:
        raise Unavailable
    return len(expenses)


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


def tag(expense: Expense) -> str:
    """The expense's version, as its ETag."""
    return str(expense.version)


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


def _take(session: Session, reservation: Reservation) -> None:
    """Only one of this request and the relay gets the armed row, and with it the last word."""
    if not outbox.disarm(session, reservation.message):
        raise Conflict


def _tell(db: Database, session: Session, expense: Expense, state: Spend, outside: Outside) -> None:
    message = messages.tell(session, expense, state)
    afterwards(session, partial(outbox.deliver, db, outside.topics, message))


def _known(session: Session, caller: Caller, expense_id: str) -> Expense | None:
    try:
        return owned(session, caller, expense_id, lock=True)
    except NotFound:
        return None


def _new(caller: Caller, facts: Facts) -> Expense:
    expense = EXPENSES.new(
        uuid=new_id(),
        workspace_id=caller.workspace_id,
        amount_minor=0,
        currency=facts.get("currency") or caller.currency,
        spend_version=0,
        version=1,
        created_at=(moment := now()),
        updated_at=moment,
    )
    _apply(expense, facts)
    return expense


def _apply(expense: Expense, facts: Facts) -> None:
    after = _spend_after(expense, facts)
    for fact, column in PLAIN.items():
        if fact in facts:
            setattr(expense, column, facts[fact])
    expense.budget_id = after.budget_id
    expense.amount_minor, expense.currency = after.amount.minor, after.amount.currency


def _spend_after(expense: Expense, facts: Facts) -> Spend:
    currency = facts.get("currency", expense.currency)
    amount = exact(facts.get("amount", expense.amount.amount), currency, "amount")
    budget_id = facts.get("budget_id", expense.budget_id)
    return Spend(str(budget_id) if budget_id else None, amount, facts.get("date", expense.spent_on))


def _attach(session: Session, expense: Expense, receipt: Receipt | None, receipts: Receipts | None = None) -> None:
    if receipt is None:
        return
    if receipts and expense.receipt_key:
        afterwards(session, partial(receipts.remove, expense.receipt_key))
    expense.receipt_key, expense.receipt_type, expense.receipt_digest = receipt.key, receipt.type, receipt.digest
    afterwards(session, receipt.keep)
