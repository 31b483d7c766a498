"""The invoice service, which shows what is spent in a project.

It must authorize what changes something that an invoice can show; of an expense on an invoice, every change. Its
authorization locks the expense as it is, so that its invoice is not completed, sent or deleted meanwhile.

`PUT /internal/expenses/{expense_id}` carries the whole state. With `held` it asks for that lock. Without, it says what
the expense is, and that cannot be refused.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from services.expenses import rules
from services.expenses.models import Expense
from services.expenses.participants import common
from services.expenses.participants.common import BILLABLE
from services.expenses.peers import Peers
from services.expenses.rules import Billable, Lock
from shared import outbox
from shared.errors import Conflict
from shared.http import Peer
from shared.idempotency import IdempotencyKey
from shared.money import Money
from shared.outbox import Outbox, PutState

AS_THEY_ARE = ("id", "project_id", "name", "description", "created_by")
HANDS = ("changed_by", "writers")
"""What is told of who has written an expense, where there is somebody."""


@dataclass(frozen=True)
class LockAuthorization:
    """To change this. `before`: what it is now. `accounts`: those alone whose invoices the caller may reach."""

    topic: ClassVar[str] = BILLABLE
    participant: ClassVar[str] = "invoice"
    lock: Lock
    before: Billable
    accounts: tuple[str, ...] | None

    @property
    def covers(self) -> tuple[int | None, bool]:
        """See `Authorization`."""
        return self.lock.billable.project_id, self.lock.shown

    def arm(self, session: Session | Connection, expense: Expense, key: IdempotencyKey | None) -> Outbox:
        """See `Authorization`."""
        expense.billable_version += 2
        return common.arm(session, BILLABLE, expense, expense.billable_version, stored(self.before), key)

    def request(self, peers: Peers, void: Outbox) -> None:
        """See `Authorization`."""
        body = _sent(stored(self.lock.billable), locked=True, shown=self.lock.shown)
        if self.accounts is not None:
            body["account_ids"] = list(self.accounts)
        common.put(peers.invoices, _path(void), void, body, deadline=peers.lock_deadline)


def needed(
    before: Billable, after: Billable | None, *, billed: bool, accounts: tuple[str, ...] | None
) -> LockAuthorization | None:
    """What it must authorize before an expense may change so, or be deleted; None where it has no say."""
    lock = rules.lock(before, after, billed=billed)
    return LockAuthorization(lock, before, accounts) if lock else None


def confirm(session: Session, void: Outbox, expense: Expense, state: Billable, member_id: int | None) -> None:
    """Let the state after the change take the place of the void, and its version, which nobody has seen.

    `member_id`: who changed it. Raises Conflict: somebody else has taken the void.
    """
    hands = {"changed_by": member_id, "writers": expense.writers}
    if not outbox.take(session, void, stored(state) | hands):
        raise Conflict


def tell(session: Session, expense: Expense, state: Billable) -> None:
    """Write the state of an expense that needs no answer, for the relay to deliver."""
    replaced = common.pending(session, expense.uuid).get(BILLABLE)
    expense.billable_version += 1
    told: dict[str, Any] = {
        "workspace_id": expense.workspace_id,
        "version": expense.billable_version,
        "body": stored(state) | {"writers": expense.writers},
    }
    outbox.put(session, BILLABLE, expense.uuid, **told)
    if replaced:
        common.release(session, replaced)


def sender(invoices: Peer, deadline: float) -> PutState:
    """How these messages leave."""
    return PutState(invoices, _path, deadline, body=lambda message: _sent(message.body, locked=False, shown=False))


def stored(state: Billable) -> dict[str, Any]:
    """What a message says of it."""
    return {name: getattr(state, name) for name in AS_THEY_ARE} | {
        "amount_minor": state.amount.minor,
        "currency": state.amount.currency,
        "date": state.spent_on.isoformat() if state.spent_on else None,
    }


def _sent(said: dict[str, Any], *, locked: bool, shown: bool) -> dict[str, Any]:
    """The body of `PUT /internal/expenses/{expense_id}`, without its version."""
    return (
        {name: said[name] for name in AS_THEY_ARE}
        | {name: said[name] for name in HANDS if said.get(name) is not None}
        | {
            "held": locked,
            "shown": shown,
            "date": said["date"],
            "amount": Money(said["amount_minor"], said["currency"]),
            "currency": said["currency"],
        }
    )


def _path(message: Outbox) -> str:
    return f"/internal/expenses/{message.key}"
