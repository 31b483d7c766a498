"""Ask before a change is committed, where another service has a say in it: see `promise`."""

import time
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.orm import Session

from services.expenses import messages
from services.expenses.actions.promise import Promise, Reservation, abandon, questions, unask
from services.expenses.actions.writing import Facts, changed, new_expense, tag
from services.expenses.messages import Overtaken, Question
from services.expenses.models import Expense
from services.expenses.outside import Outside
from services.expenses.queries import ExpenseId, owned
from services.expenses.rules import Report
from shared import idempotency, outbox
from shared.caller import Caller
from shared.db import Database
from shared.errors import Conflict, Forbidden, NotFound, Refused, Unavailable
from shared.http import NoAnswer, NotAsked
from shared.idempotency import Ticket
from shared.versions import IfMatch

OFTEN_ASKED = frozenset({"amount", "currency", "date", "budget_id", "project_id"})
"""Facts whose change needs a yes so often that it is worth to look first. With the others `update` may say Unasked."""

PAUSE = 0.02
"""Seconds between two looks at whether another request's change is through."""


def reserve_new(
    db: Database, caller: Caller, facts: Facts, outside: Outside, ticket: Ticket | None
) -> Reservation | None:
    """Ask for a new expense; None when it is on no budget and in no project.

    Raises:
        Invalid: an amount too precise for its currency.
        Unavailable: no answer from one of the services; nothing is left behind.
    """
    if not (facts.get("budget_id") or facts.get("project_id")):
        return None
    expense = new_expense(caller, facts)
    report = expense.report
    asked = questions(report.gone, report, billed=False, accounts=caller.account_ids)
    if ticket is None and len(asked) == 1:
        with db.once() as connection:
            promises = [Promise(asked[0], asked[0].arm(connection, expense, None), owed=False)]
    else:
        with db.write() as session:
            if ticket:
                idempotency.claim(session, ticket)
            promises = [Promise(question, question.arm(session, expense, ticket), owed=False) for question in asked]
    return _asked(db, outside, Reservation(expense, tuple(promises)))


def reserve_change(
    db: Database,
    caller: Caller,
    expense_id: ExpenseId,
    facts: Facts,
    expected: IfMatch,
    outside: Outside,
    ticket: Ticket | None,
) -> Reservation | None:
    """Ask for a change; None when nobody has a say in it, or there is no such expense.

    While another change of the expense is between its question and its commit, this one waits.

    Raises:
        Replay: the keyed request has been answered before.
        PreconditionFailed.
        Invalid: an amount too precise for its currency.
        Conflict: the other change is not through within the deadline.
        Unavailable: no answer from one of the services; nothing is left behind.
    """
    return _reserve(db, caller, expense_id, lambda expense: changed(expense, facts).report, expected, outside, ticket)


def reserve_deletion(
    db: Database, caller: Caller, expense_id: ExpenseId, expected: IfMatch, outside: Outside, ticket: Ticket | None
) -> Reservation | None:
    """Ask for a deletion; None when nobody has a say in it. As `reserve_change`."""
    return _reserve(db, caller, expense_id, lambda _expense: None, expected, outside, ticket)


def _reserve(
    db: Database,
    caller: Caller,
    expense_id: ExpenseId,
    after: Callable[[Expense], Report | None],
    expected: IfMatch,
    outside: Outside,
    ticket: Ticket | None,
) -> Reservation | None:
    if ticket:
        with db.read() as session:
            idempotency.look(session, ticket)  # first: a repeat must not be judged by what the first one changed
    give_up = time.monotonic() + max(outside.spend_deadline, outside.hold_deadline)
    while True:
        with db.write() as session:
            expense = _known(session, caller, expense_id)
            if expense is None:
                return None
            expected.check(tag(expense))
            billed = expense.invoice_id is not None
            asked = questions(expense.report, after(expense), billed=billed, accounts=caller.account_ids)
            if not asked:
                return None
            if promises := _armed(session, expense, asked, ticket):
                break
        if time.monotonic() > give_up:
            raise Conflict
        time.sleep(PAUSE)
    return _asked(db, outside, Reservation(expense, promises))


def _armed(
    session: Session, expense: Expense, asked: tuple[Question, ...], ticket: Ticket | None
) -> tuple[Promise, ...] | None:
    """A promise for each question, yet to be given; None while those of another request are armed."""
    known = messages.pending(session, expense.uuid)
    if any(message.armed for message in known.values()):
        return None
    if ticket:
        idempotency.claim(session, ticket)
    promises = tuple(
        Promise(question, question.arm(session, expense, ticket), owed=question.topic in known) for question in asked
    )
    for question in asked:
        if replaced := known.get(question.topic):
            messages.release(session, replaced)
    return promises


def _asked(db: Database, outside: Outside, reservation: Reservation, *, begin: int = 0) -> Reservation:
    """Ask what is promised from one on."""
    for granted, promise in enumerate(reservation.promises[begin:], begin):
        try:
            promise.question.ask(outside, promise.undo)
        except (Forbidden, NotFound, Refused) as refusal:
            return replace(reservation, granted=granted, refusal=refusal)
        except NoAnswer as why:
            if isinstance(why, NotAsked):
                unask(db, replace(reservation, granted=granted), outside)
            else:
                abandon(db, reservation)
            raise Unavailable(f"The {promise.question.service} service did not answer") from why
        except Overtaken as why:
            if above := _above(db, reservation, granted, why.known):
                return _asked(db, outside, above, begin=granted)
            abandon(db, reservation)
            raise
        except Conflict:
            abandon(db, reservation)
            raise
    return reservation


def _above(db: Database, reservation: Reservation, place: int, known: int) -> Reservation | None:
    """The same with a question, and its undo, above the version that a service knows; None where it was but late.

    Where nobody has taken up the undo, no newer message was ever sent: we were restored from an older copy.
    """
    promises = list(reservation.promises)
    with db.write() as session:
        messages.catch_up(session, promises[place].undo, known + 2)
        undo = outbox.advance(session, promises[place].undo, known + 2)
    if undo is None:
        return None
    promises[place] = replace(promises[place], undo=undo)
    setattr(reservation.expense, messages.COUNTED[undo.topic].key, undo.version)  # a new one is yet to be written
    return replace(reservation, promises=tuple(promises))


def _known(session: Session, caller: Caller, expense_id: ExpenseId) -> Expense | None:
    try:
        return owned(session, caller, expense_id, lock=True)
    except NotFound:
        return None
