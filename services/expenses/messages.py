"""What the expense service tells others: the state of each expense that is, or was, on a budget.

A message about an expense is its whole state. `asks` and `ticket` are not sent: the budget that an armed message's
request has asked, and the Idempotency-Key that is free again once the message has undone the work.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from services.expenses.models import Expense
from services.expenses.rules import Spend
from shared import idempotency, outbox
from shared.errors import Conflict
from shared.http import Peer
from shared.idempotency import Ticket
from shared.money import Money
from shared.outbox import Outbox, Topic, Topics

SPEND = "spend"

ARMED_FOR = timedelta(seconds=15)
"""How long a request may take from its intention to its commit before the relay undoes it. Longer than any deadline."""


def ask(budgets: Peer, message: Outbox, asked: Spend, held: Spend | None, *, deadline: float) -> None:
    """Ask the budget service to book what `message`, an armed undo, would take back.

    Raises:
        NotFound, Refused: the budget service said no.
        NoAnswer: nobody knows.
        Conflict: a newer message about this expense has overtaken the question.
    """
    version = message.version - 1
    body = _wire(version, asked, held=held, enforce=True)
    said = budgets.put(_path(message), body, workspace_id=message.workspace_id, deadline=deadline)
    if said["version"] != version:
        raise Conflict


def arm(session: Session | Connection, expense: Expense, undo: Spend, *, asks: Spend, ticket: Ticket | None) -> Outbox:
    """Write the message that would undo what is about to be asked. The question takes the version before it."""
    expense.spend_version += 2
    body = _kept(undo) | {"asks": asks.budget_id, "ticket": ticket and ticket.key}
    return outbox.put(
        session,
        SPEND,
        expense.uuid,
        workspace_id=expense.workspace_id,
        version=expense.spend_version,
        body=body,
        armed_for=ARMED_FOR,
    )


def tell(session: Session, expense: Expense, state: Spend) -> Outbox:
    """Write the state of an expense that needs no answer; the caller delivers it after the commit."""
    supersede(session, pending(session, expense))
    expense.spend_version += 1
    return outbox.put(
        session,
        SPEND,
        expense.uuid,
        workspace_id=expense.workspace_id,
        version=expense.spend_version,
        body=_kept(state),
        leased=True,
    )


def pending(session: Session, expense: Expense) -> Outbox | None:
    """The message about the expense that is still to be acknowledged.

    An armed one says that another request is between its question and its commit.
    """
    return outbox.find(session, SPEND, expense.uuid)


def supersede(session: Session, known: Outbox | None) -> None:
    """Free the key of the message there is, as what is written next takes its place."""
    if known and known.body.get("ticket"):
        idempotency.free(session, known.workspace_id, known.body["ticket"])


def asking(session: Session, workspace_id: str, budget_id: str) -> bool:
    """Whether any request that has asked this budget is yet to commit."""
    armed = select(Outbox).where(Outbox.workspace_id == workspace_id, Outbox.topic == SPEND, Outbox.armed)
    return any(message.body["asks"] == budget_id for message in session.scalars(armed))


def topics(budgets: Peer, *, deadline: float) -> Topics:
    """How each kind of message leaves."""

    def send(message: Outbox) -> None:
        kept = message.body
        spend = Spend(kept["budget_id"], Money(kept["amount_minor"], kept["currency"]), kept["date"])
        body = _wire(message.version, spend, held=None, enforce=False)
        budgets.put(_path(message), body, workspace_id=message.workspace_id, deadline=deadline)

    def settled(session: Session, message: Outbox, _failure: str | None) -> None:
        if message.body.get("ticket"):
            idempotency.free(session, message.workspace_id, message.body["ticket"])

    return {SPEND: Topic(send, settled)}


def _kept(spend: Spend) -> dict[str, Any]:
    return {
        "budget_id": spend.budget_id,
        "amount_minor": spend.amount.minor,
        "currency": spend.amount.currency,
        "date": spend.spent_on.isoformat() if spend.spent_on else None,
    }


def _wire(version: int, spend: Spend, *, held: Spend | None, enforce: bool) -> dict[str, Any]:
    """The body of `PUT /internal/spends/{expense_id}` (api.md, section 7)."""
    return {
        "version": version,
        "budget_id": spend.budget_id,
        "amount": spend.amount,
        "currency": spend.amount.currency,
        "date": spend.spent_on,
        "enforce": enforce,
        "held": held and {"budget_id": held.budget_id, "amount": held.amount},
    }


def _path(message: Outbox) -> str:
    return f"/internal/spends/{message.key}"
