"""To the invoice service: an expense of a project, which an invoice may show.

`PUT /internal/expenses/{expense_id}` carries its whole state. With `held` it is a question: may it be changed, and
will you hold it as it is until you hear how that went? Without, it says how; that can not be refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from services.expenses.messages import promises
from services.expenses.messages.promises import BILLABLE
from services.expenses.models import Expense
from services.expenses.outside import Outside
from services.expenses.rules import Billable, Hold
from shared import outbox
from shared.http import Peer
from shared.idempotency import Ticket
from shared.money import Money
from shared.outbox import Outbox

AS_THEY_ARE = ("id", "project_id", "name", "description", "created_by")
HANDS = ("changed_by", "writers")
"""What is told of who has written an expense, where there is somebody."""


@dataclass(frozen=True)
class HoldQuestion:
    """May this be changed? `undo`: what it is now. `accounts`: those alone whose invoices the caller may reach."""

    topic: ClassVar[str] = BILLABLE
    service: ClassVar[str] = "invoice"
    hold: Hold
    undo: Billable
    accounts: tuple[str, ...] | None

    @property
    def asks(self) -> tuple[int | None, bool]:
        """See `Question`."""
        return self.hold.billable.project_id, self.hold.shown

    def arm(self, session: Session | Connection, expense: Expense, ticket: Ticket | None) -> Outbox:
        """See `Question`."""
        expense.billable_version += 2
        return promises.arm(session, BILLABLE, expense, expense.billable_version, kept(self.undo), ticket)

    def ask(self, outside: Outside, undo: Outbox) -> None:
        """See `Question`."""
        body = _wire(kept(self.hold.billable), held=True, shown=self.hold.shown)
        if self.accounts is not None:
            body["account_ids"] = list(self.accounts)
        promises.put(outside.invoices, _path(undo), undo, body, deadline=outside.hold_deadline)


def conclude(session: Session, undo: Outbox, expense: Expense, state: Billable, member_id: int | None) -> Outbox | None:
    """Let the state after the change take the place of the armed undo, and its version, which nobody has seen.

    It is to be delivered after the commit. None when somebody else has taken up the undo. `member_id`: who changed it.
    """
    hands = {"changed_by": member_id, "writers": expense.writers}
    return outbox.take_up(session, undo, kept(state) | hands)


def tell(session: Session, expense: Expense, state: Billable) -> None:
    """Write the state of an expense that needs no answer, for the relay to deliver."""
    known = promises.pending(session, expense.uuid).get(BILLABLE)
    expense.billable_version += 1
    told: dict[str, Any] = {
        "workspace_id": expense.workspace_id,
        "version": expense.billable_version,
        "body": kept(state) | {"writers": expense.writers},
    }
    outbox.put(session, BILLABLE, expense.uuid, **told)
    if known:
        promises.release(session, known)


def sender(invoices: Peer, deadline: float) -> Callable[[Outbox], None]:
    """How these messages leave."""

    def send(message: Outbox) -> None:
        body = {"version": message.version} | _wire(message.body, held=False, shown=False)
        outbox.heard(message, invoices.put(_path(message), body, workspace_id=message.workspace_id, deadline=deadline))

    return send


def kept(state: Billable) -> dict[str, Any]:
    """What a message says of it."""
    return {name: getattr(state, name) for name in AS_THEY_ARE} | {
        "amount_minor": state.amount.minor,
        "currency": state.amount.currency,
        "date": state.spent_on.isoformat() if state.spent_on else None,
    }


def _wire(said: dict[str, Any], *, held: bool, shown: bool) -> dict[str, Any]:
    """The body of `PUT /internal/expenses/{expense_id}`, without its version."""
    return (
        {name: said[name] for name in AS_THEY_ARE}
        | {name: said[name] for name in HANDS if said.get(name) is not None}
        | {
            "held": held,
            "shown": shown,
            "date": said["date"],
            "amount": Money(said["amount_minor"], said["currency"]),
            "currency": said["currency"],
        }
    )


def _path(message: Outbox) -> str:
    return f"/internal/expenses/{message.key}"
