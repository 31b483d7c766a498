"""To the budget service: what an expense takes of its budget (api.md, section 7)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from services.expenses.messages import promises
from services.expenses.messages.promises import SPEND
from services.expenses.models import Expense
from services.expenses.outside import Outside
from services.expenses.rules import Spend
from shared import outbox
from shared.db import Database
from shared.errors import Conflict
from shared.http import Peer
from shared.idempotency import Ticket
from shared.money import Money
from shared.outbox import Outbox

MANY = 5_000
"""How many expenses are named at most."""


@dataclass(frozen=True)
class SpendQuestion:
    """May this be booked? `held`: what stays booked besides until that is certain. `undo`: what is booked now."""

    topic: ClassVar[str] = SPEND
    service: ClassVar[str] = "budget"
    asks: Spend
    held: Spend | None
    undo: Spend

    def arm(self, session: Session | Connection, expense: Expense, ticket: Ticket | None) -> Outbox:
        """See `Question`."""
        expense.spend_version += 2
        body = kept(self.undo) | {"asks": self.asks.budget_id}
        return promises.arm(session, SPEND, expense, expense.spend_version, body, ticket)

    def ask(self, outside: Outside, undo: Outbox) -> None:
        """See `Question`."""
        body = _wire(self.asks, held=self.held, enforce=True)
        promises.put(outside.budgets, _path(undo), undo, body, deadline=outside.spend_deadline)


def tell(session: Session, expense: Expense, state: Spend, *, leased: bool = True) -> Outbox:
    """Write the state of an expense that needs no answer; `leased`: the caller delivers it after the commit."""
    known = promises.pending(session, expense.uuid).get(SPEND)
    expense.spend_version += 1
    message = outbox.put(
        session,
        SPEND,
        expense.uuid,
        workspace_id=expense.workspace_id,
        version=expense.spend_version,
        body=kept(state),
        leased=leased,
    )
    if known:
        promises.release(session, known)
    return message


def asking(session: Session, workspace_id: str, budget_id: str) -> bool:
    """Whether any request that has asked this budget is yet to commit."""
    armed = select(Outbox).where(Outbox.workspace_id == workspace_id, Outbox.topic == SPEND, Outbox.armed)
    return any(message.body["asks"] == budget_id for message in session.scalars(armed))


def under_way(db: Database, workspace_id: str) -> list[str]:
    """The expenses of which a budget has been asked, or is yet to be told, and does not know how that ends.

    Raises:
        Conflict: there are too many.
    """
    mine = select(Outbox.key).where(Outbox.workspace_id == workspace_id, Outbox.topic == SPEND)
    with db.read() as session:
        found = list(session.scalars(mine.limit(MANY + 1)))
    if len(found) > MANY:
        raise Conflict
    return found


def sender(budgets: Peer, deadline: float) -> Callable[[Outbox], None]:
    """How these messages leave."""

    def send(message: Outbox) -> None:
        said = message.body
        spend = Spend(said["budget_id"], Money(said["amount_minor"], said["currency"]), said["date"])
        body = {"version": message.version} | _wire(spend, held=None, enforce=False)
        outbox.heard(message, budgets.put(_path(message), body, workspace_id=message.workspace_id, deadline=deadline))

    return send


def kept(spend: Spend) -> dict[str, Any]:
    """What a message says of it."""
    return {
        "budget_id": spend.budget_id,
        "amount_minor": spend.amount.minor,
        "currency": spend.amount.currency,
        "date": spend.spent_on.isoformat() if spend.spent_on else None,
    }


def _wire(spend: Spend, *, held: Spend | None, enforce: bool) -> dict[str, Any]:
    """The body of `PUT /internal/spends/{expense_id}`, without its version."""
    return {
        "budget_id": spend.budget_id,
        "amount": spend.amount,
        "currency": spend.amount.currency,
        "date": spend.spent_on,
        "enforce": enforce,
        "held": held and {"budget_id": held.budget_id, "amount": held.amount, "currency": held.amount.currency},
    }


def _path(message: Outbox) -> str:
    return f"/internal/spends/{message.key}"
