"""A write of an expense, from its facts to its answer: authorize, then commit or void.

Most writes concern nobody else, and are one transaction. Where a participant has a say, a write takes three steps:

1. *intend*, in a transaction: for each participant a void is armed in the outbox, the message that takes back what is
   about to be authorized; and the request's idempotency key is acquired.
2. *authorize*, in none: the participants are asked, one after the other.
3. *commit*, in a transaction: the change, its history, the answer that a repeat gets, and the end of every void.
   Where one of them refuses, *void*: all who were asked are told at once that nothing changes. Where nobody knows what
   one of them did, *abort*: the relay delivers the voids.

Whoever ends a void, the request or the relay, must take its row first, so they can never both win. When a process dies
between two of these steps, the relay delivers the voids that it had armed.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from flask import Response, current_app
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from services.expenses import actions, participants, rules
from services.expenses.actions.writing import Facts, changed, new_expense
from services.expenses.models import Expense
from services.expenses.participants import BILLABLE, SPEND, Authorization, Overtaken, budget, invoice, needed
from services.expenses.peers import Peers
from services.expenses.queries import ExpenseId, owned
from services.expenses.receipts import Receipt
from services.expenses.rules import Report
from shared import idempotency, outbox
from shared.errors import ApiError, Conflict, Forbidden, NotFound, Refused, Unavailable
from shared.http import NoAnswer, NotAsked
from shared.idempotency import IdempotencyKey
from shared.outbox import Outbox
from shared.versions import IfMatch
from shared.web import caller, db, if_match, run_idempotent

Show = Callable[[Expense], Response]
"""How the dialect answers."""

OFTEN_CONCERNING = frozenset({"amount", "currency", "date", "budget_id", "project_id"})
"""Facts whose change concerns a participant so often that it is worth to look first. Others are tried without."""

PAUSE = 0.02
"""Seconds between two looks at whether another request's write of the expense is through."""


def create(facts: Facts, receipt: Receipt | None, key: IdempotencyKey | None, show: Show) -> Response:
    """Record an expense."""
    write = Write(key)
    if facts.get("budget_id") or facts.get("project_id"):
        write.intend_new(new_expense(caller(), facts))
    return _written(write, receipt, lambda write: show(actions.create(write, facts, receipt)))


def update(
    expense_id: ExpenseId, facts: Facts, receipt: Receipt | None, key: IdempotencyKey | None, show: Show
) -> Response:
    """Change what is named of an expense; `budget_id` moves it, null takes it off its budget; `project_id` likewise."""
    expected = if_match()

    def change(write: "Write") -> Response:
        return show(actions.update(write, expense_id, facts, expected, receipt))

    def after(expense: Expense) -> Report:
        return changed(expense, facts).report

    if not facts.keys() & OFTEN_CONCERNING and (response := _tried(key, receipt, change)):
        return response
    return _written(Write(key).intend(expense_id, after, expected), receipt, change)


def delete(expense_id: ExpenseId, key: IdempotencyKey | None, done: Callable[[], Response]) -> Response:
    """Delete an expense with its receipt; its budget has the money back."""
    expected = if_match()

    def change(write: "Write") -> Response:
        actions.delete(write, expense_id, expected)
        return done()

    if response := _tried(key, None, change):
        return response
    return _written(Write(key).intend(expense_id, lambda _: None, expected), None, change)


def peers() -> Peers:
    """What this service has around it."""
    known: Peers = current_app.extensions["peers"]
    return known


Change = Callable[["Write"], Response]
"""The change itself, in the transaction of step 3."""


def _tried(key: IdempotencyKey | None, receipt: Receipt | None, change: Change) -> Response | None:
    """The answer of a write that concerns nobody else; None where it does, and nothing has been changed."""
    try:
        return Write(key).commit(receipt, change)
    except NotAuthorized:
        return None


def _written(write: "Write", receipt: Receipt | None, change: Change) -> Response:
    """Steps 2 and 3 of a write."""
    try:
        write.authorize()
    except (Forbidden, NotFound, Refused) as refusal:
        return write.void(refusal)
    return write.commit(receipt, change)


class NotAuthorized(Conflict):
    """The change needs what was not authorized, as the expense was not looked at before, or was another then."""


@dataclass(frozen=True)
class Part:
    """What one participant is asked to authorize, and the void of it."""

    authorization: Authorization
    void: Outbox
    owed: bool  # the void stands in for a message that the participant has not acknowledged yet


class Write:
    """One write of an expense on its way. A keyed request's answer is stored in the transaction that ends it."""

    def __init__(self, key: IdempotencyKey | None) -> None:
        self.db, self.caller, self.peers = db(), caller(), peers()
        self.expense: Expense | None = None
        """The expense as it was at the intention; a new one as it will be, with the versions it has been given."""
        self._key = key
        self._parts: list[Part] = []
        self._authorized = 0  # of these, the first so many

    # 1. Intend

    def intend_new(self, expense: Expense) -> None:
        """Intend to record an expense that is on a budget, or in a project."""
        self.expense = expense
        report = expense.report
        asked = needed(report.gone, report, billed=False, accounts=self.caller.account_ids)
        if self._key is None and len(asked) == 1:
            with self.db.autocommit() as connection:
                self._arm(connection, asked)
            return
        with self.db.write() as session:
            if self._key:
                idempotency.acquire(session, self._key)
            self._arm(session, asked)

    def intend(self, expense_id: ExpenseId, after: Callable[[Expense], Report | None], expected: IfMatch) -> "Write":
        """Intend a change to what `after` says, or a deletion. Nothing is armed where there is no such expense.

        While another write of the expense is between its intention and its commit, this one waits.

        Raises:
            Replay: the keyed request has been answered before.
            PreconditionFailed.
            Invalid: an amount too precise for its currency.
            Conflict: the other write is not through within the deadline.
        """
        if self._key:
            with self.db.read() as session:
                idempotency.check(session, self._key)  # first: a repeat is not judged by what the first one changed
        give_up = time.monotonic() + max(self.peers.spend_deadline, self.peers.lock_deadline)
        while not self._intended(expense_id, after, expected):
            if time.monotonic() > give_up:
                raise Conflict
            time.sleep(PAUSE)
        return self

    def _intended(self, expense_id: ExpenseId, after: Callable[[Expense], Report | None], expected: IfMatch) -> bool:
        """Intend a change; False while another write is on its way."""
        with self.db.write() as session:
            try:
                expense = owned(session, self.caller, expense_id, lock=True)
            except NotFound:
                return True  # which the commit will say
            expected.check(expense.etag)
            billed = expense.invoice_id is not None
            asked = needed(expense.report, after(expense), billed=billed, accounts=self.caller.account_ids)
            if not asked:
                return True
            owed = participants.pending(session, expense.uuid)
            if any(message.armed for message in owed.values()):
                return False
            if self._key:
                idempotency.acquire(session, self._key)
            self.expense = expense
            self._arm(session, asked, owed)
            for part in self._parts:
                if replaced := owed.get(part.authorization.topic):
                    participants.release(session, replaced)
            return True

    def _arm(
        self,
        session: Session | Connection,
        asked: Sequence[Authorization],
        owed: Mapping[str, Outbox] = MappingProxyType({}),
    ) -> None:
        """Arm the void of each authorization. `owed`: messages that are yet to be acknowledged, which these replace."""
        assert self.expense  # noqa: S101
        for each in asked:
            self._parts.append(Part(each, each.arm(session, self.expense, self._key), owed=each.topic in owed))

    # 2. Authorize

    def authorize(self) -> None:
        """Ask the participants.

        Raises:
            Forbidden, NotFound, Refused: one of them says no; the write is to be voided.
            Unavailable: nobody knows what one of them did. Conflict: it is at work on the expense. The write has ended.
        """
        for number in range(len(self._parts)):
            self._authorize(number)
            self._authorized += 1

    def _authorize(self, number: int) -> None:
        part = self._parts[number]
        try:
            part.authorization.request(self.peers, part.void)
        except NotAsked as why:
            self._unasked()
            raise _away(part) from why
        except NoAnswer as why:
            self.abort()
            raise _away(part) from why
        except Overtaken as why:
            if not self._above(number, why.known):
                self.abort()
                raise
            self._authorize(number)
        except Conflict:
            self.abort()
            raise

    def _above(self, number: int, known: int) -> bool:
        """Put a part above the version that its participant knows; False where it was but late.

        Where nobody has taken the void, no newer message was ever sent: we were restored from an older copy.
        """
        part = self._parts[number]
        with self.db.write() as session:
            participants.catch_up(session, part.void, known + 2)
            void = outbox.advance(session, part.void, known + 2)
        if void is None:
            return False
        self._parts[number] = replace(part, void=void)
        setattr(self.expense, participants.COUNTED[void.topic].key, void.version)  # a new one is yet to be written
        return True

    # 3. Commit, or void, or abort

    def commit(self, receipt: Receipt | None, change: Change) -> Response:
        """Make the change, which calls `check` and `confirm`, and answer.

        Raises:
            NotAuthorized; Conflict: the voids have been taken, or the expense has changed meanwhile.
        """
        done = False
        try:
            with self.peers.receipts.stored(receipt, self.caller.workspace_id):
                response = run_idempotent(self._key, partial(change, self), acquired=bool(self._parts))
            done = response.status_code < 400
        finally:
            if not done:
                self.abort()
        return response

    def check(self, before: Report, after: Report | None, *, billed: bool) -> None:
        """Raise NotAuthorized unless all that this change needs has been authorized."""
        for each in needed(before, after, billed=billed, accounts=self.caller.account_ids):
            part = self._part(each.topic)
            if not part or part.authorization.covers != each.covers:
                raise NotAuthorized

    def confirm(self, session: Session, expense: Expense, before: Report, after: Report) -> None:
        """End the voids in the transaction of the change, and tell the participants what they are to hear of it.

        Raises:
            Conflict: a void has been taken, or the expense has changed meanwhile.
        """
        if locked := self._part(BILLABLE):
            invoice.confirm(session, locked.void, expense, after.billable, self.caller.member_id)
        if booked := self._part(SPEND):
            if booked.authorization.covers != after.spend or not outbox.disarm(session, booked.void):
                raise Conflict
            untold = rules.retained(before.spend, after.spend) is not None
        else:
            untold = after.spend != before.spend and before.spend.budget_id is not None
        if untold:
            budget.tell(session, expense, after.spend)

    def void(self, refusal: ApiError) -> Response:
        """End a write that a participant refuses: everybody who was asked hears at once that nothing changes.

        Also who refused, and so keeps nothing of it: a late copy of what it was asked would be authorized as soon as it
        could be.

        Raises:
            Conflict: the voids have been taken meanwhile, and the key given to another request.
        """
        with self.db.write() as session:
            response = run_idempotent(self._key, partial(_raise, refusal), acquired=True) if self._key else None
            self._end(session, asked=self._authorized + 1)
        if response is None:
            raise refusal
        return response

    def abort(self) -> None:
        """Let the voids be delivered now. One that is ended already is left alone."""
        if not self._parts:
            return
        with self.db.write() as session:
            for part in self._parts:
                outbox.send_now(session, part.void)

    def _unasked(self) -> None:
        """End a write whose next participant was not asked: for that one and those behind there is nothing to void."""
        with self.db.write() as session:
            self._end(session, asked=self._authorized)
            for part in self._parts[self._authorized :]:
                if not part.owed:
                    participants.release(session, part.void)

    def _end(self, session: Session, *, asked: int) -> None:
        """End a write of which the first so many participants were asked. What was owed before stays so."""
        for number, part in enumerate(self._parts):
            end = outbox.take if number < asked else outbox.send_now if part.owed else outbox.disarm
            if not end(session, part.void):
                raise Conflict

    def _part(self, topic: str) -> Part | None:
        return next((part for part in self._parts if part.authorization.topic == topic), None)


def _away(part: Part) -> Unavailable:
    return Unavailable(f"The {part.authorization.participant} service did not answer")


def _raise(refusal: ApiError) -> Response:
    raise refusal
