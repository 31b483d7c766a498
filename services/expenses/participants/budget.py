"""The budget service, which books what an expense takes of its budget (api.md, section 7).

It must authorize more money, another budget and another date. Less money, and leaving a budget, it is told.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from services.expenses import rules
from services.expenses.models import Expense
from services.expenses.participants import common
from services.expenses.participants.common import SPEND
from services.expenses.peers import Peers
from services.expenses.rules import Spend
from shared import outbox
from shared.db import Database
from shared.errors import Conflict
from shared.http import Peer
from shared.idempotency import IdempotencyKey
from shared.money import Money
from shared.outbox import Outbox, PutState

MANY = 5_000
"""How many expenses are named at most."""


@dataclass(frozen=True)
class SpendAuthorization:
    """To book this. `retained`: what stays booked besides until that is certain. `before`: what is booked now."""

    topic: ClassVar[str] = SPEND
    participant: ClassVar[str] = "budget"
    covers: Spend
    retained: Spend | None
    before: Spend

    def arm(self, session: Session | Connection, expense: Expense, key: IdempotencyKey | None) -> Outbox:
        """See `Authorization`."""
        expense.spend_version += 2
        body = stored(self.before) | {"asks": self.covers.budget_id}
        return common.arm(session, SPEND, expense, expense.spend_version, body, key)

    def request(self, peers: Peers, void: Outbox) -> None:
        """See `Authorization`."""
        body = _sent(self.covers, retained=self.retained, enforce=True)
        common.put(peers.budgets, _path(void), void, body, deadline=peers.spend_deadline)


def needed(before: Spend, after: Spend) -> SpendAuthorization | None:
    """What it must authorize before an expense may change so; None where it has no say. In a deletion it never has."""
    if not rules.needs_authorization(before, after):
        return None
    return SpendAuthorization(after, rules.retained(before, after), before)


def tell(session: Session, expense: Expense, state: Spend) -> None:
    """Tell the state of an expense that needs no authorization."""
    replaced = common.pending(session, expense.uuid).get(SPEND)
    expense.spend_version += 1
    outbox.put(
        session,
        SPEND,
        expense.uuid,
        workspace_id=expense.workspace_id,
        version=expense.spend_version,
        body=stored(state),
        at_once=True,
    )
    if replaced:
        common.release(session, replaced)


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


def sender(budgets: Peer, deadline: float) -> PutState:
    """How these messages leave."""

    def body(message: Outbox) -> dict[str, Any]:
        said = message.body
        spend = Spend(said["budget_id"], Money(said["amount_minor"], said["currency"]), said["date"])
        return _sent(spend, retained=None, enforce=False)

    return PutState(budgets, _path, deadline, body)


def stored(spend: Spend) -> dict[str, Any]:
    """What a message says of it."""
    return {
        "budget_id": spend.budget_id,
        "amount_minor": spend.amount.minor,
        "currency": spend.amount.currency,
        "date": spend.spent_on.isoformat() if spend.spent_on else None,
    }


def _sent(spend: Spend, *, retained: Spend | None, enforce: bool) -> dict[str, Any]:
    """The body of `PUT /internal/spends/{expense_id}`, without its version."""
    return {
        "budget_id": spend.budget_id,
        "amount": spend.amount,
        "currency": spend.amount.currency,
        "date": spend.spent_on,
        "enforce": enforce,
        "held": retained
        and {"budget_id": retained.budget_id, "amount": retained.amount, "currency": retained.amount.currency},
    }


def _path(message: Outbox) -> str:
    return f"/internal/spends/{message.key}"
