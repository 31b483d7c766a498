"""What other services have said yes to, until the change it is for is committed, refused or abandoned.

Before a change, each service that has a say in it is asked; the message that would undo its yes is armed first. Then
`create`, `update` or `delete` commits, and takes all these messages in the same transaction; or `withdraw` ends a
refusal, or `abandon` lets the undos go. The request and the relay can never both win, as each must first take the row.
"""

from dataclasses import dataclass
from functools import partial

from sqlalchemy.orm import Session

from services.expenses import messages, rules
from services.expenses.messages import BILLABLE, SPEND, HoldQuestion, Question, SpendQuestion
from services.expenses.models import Expense
from services.expenses.outside import Outside
from services.expenses.rules import Report
from shared import outbox
from shared.caller import Caller
from shared.db import Database, afterwards
from shared.errors import ApiError, Conflict
from shared.outbox import Outbox


class Unasked(Conflict):
    """The change needs a yes that was not asked for, as the expense was not looked at before, or was another then."""


@dataclass(frozen=True)
class Promise:
    """What one service was asked, and the armed message that would undo its yes."""

    question: Question
    undo: Outbox
    owed: bool  # the undo stands in for a message that the service has not acknowledged yet


@dataclass(frozen=True)
class Reservation:
    """What is promised for a change that is yet to be committed; or the refusal, and how many said yes before it."""

    expense: Expense
    promises: tuple[Promise, ...]
    granted: int = 0
    refusal: ApiError | None = None

    def of(self, topic: str) -> Promise | None:
        """The promise of one service, when it was asked."""
        return next((promise for promise in self.promises if promise.question.topic == topic), None)


def questions(
    before: Report, after: Report | None, *, billed: bool, accounts: tuple[str, ...] | None
) -> tuple[Question, ...]:
    """What must be asked before an expense may change so, or be deleted, in this order. `accounts`: of the caller.

    The invoice service comes first: it holds the expense and nothing else, where a budget's money would be missed.
    """
    asked: list[Question] = []
    if hold := rules.hold(before.billable, after.billable if after else None, billed=billed):
        asked.append(HoldQuestion(hold, undo=before.billable, accounts=accounts))
    if after and rules.needs_yes(before.spend, after.spend):
        asked.append(SpendQuestion(after.spend, rules.held(before.spend, after.spend), undo=before.spend))
    return tuple(asked)


def check(reservation: Reservation | None, needed: tuple[Question, ...]) -> None:
    """Raise Unasked unless everything that is needed has been promised."""
    for question in needed:
        promise = reservation and reservation.of(question.topic)
        if not promise or promise.question.asks != question.asks:
            raise Unasked


def keep(
    db: Database,
    session: Session,
    caller: Caller,
    expense: Expense,
    before: Report,
    after: Report,
    reservation: Reservation | None,
    outside: Outside,
) -> None:
    """Take what was promised, in the transaction of the change, and tell the services what they are to hear of it.

    Raises:
        Conflict: the reservation has been taken back, or another change came between.
    """
    if held := reservation and reservation.of(BILLABLE):
        _deliver(db, session, messages.conclude(session, held.undo, expense, after.billable, caller.member_id), outside)
    if booked := reservation and reservation.of(SPEND):
        if booked.question.asks != after.spend or not outbox.disarm(session, booked.undo):
            raise Conflict
        untold = rules.held(before.spend, after.spend) is not None
    else:
        untold = after.spend != before.spend and before.spend.budget_id is not None
    if untold:
        _deliver(db, session, messages.tell(session, expense, after.spend), outside)


def withdraw(db: Database, reservation: Reservation, outside: Outside) -> None:
    """End a refused reservation: everybody who was asked hears at once that nothing changes.

    Also who refused, and so keeps nothing of the question: a late copy of it would be granted as soon as it could be.

    Raises:
        Conflict: it has been taken back meanwhile, and its key given to another request.
    """
    _end(db, reservation, outside, asked=reservation.granted + 1)


def unask(db: Database, reservation: Reservation, outside: Outside) -> None:
    """End a reservation whose next question was not sent: of that and the later ones there is nothing to undo.

    Raises:
        Conflict: as in `withdraw`.
    """
    with db.write() as session:
        _end(db, reservation, outside, asked=reservation.granted)
        for promise in reservation.promises[reservation.granted :]:
            if not promise.owed:
                messages.release(session, promise.undo)


def _end(db: Database, reservation: Reservation, outside: Outside, *, asked: int) -> None:
    """End a reservation of which so many questions were sent. What was owed before stays so."""
    with db.write() as session:
        for promise in reservation.promises[:asked]:
            _deliver(db, session, outbox.take_up(session, promise.undo), outside)
        for promise in reservation.promises[asked:]:
            end = outbox.fire if promise.owed else outbox.disarm
            if not end(session, promise.undo):
                raise Conflict


def abandon(db: Database, reservation: Reservation) -> None:
    """Let the undos of a reservation go now. What is committed or taken back already is left alone."""
    with db.write() as session:
        for promise in reservation.promises:
            outbox.fire(session, promise.undo)


def _deliver(db: Database, session: Session, message: Outbox | None, outside: Outside) -> None:
    """Send the message right after the commit. Raises Conflict when there is none, as somebody else took it up."""
    if message is None:
        raise Conflict
    afterwards(session, partial(outbox.deliver, db, outside.topics, message))
