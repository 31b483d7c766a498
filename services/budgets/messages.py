"""What the budget service tells others: a deleted budget, to the expense service."""

from sqlalchemy.orm import Session

from services.budgets.models import Budget
from shared import outbox
from shared.http import Peer
from shared.outbox import Outbox, Topic, Topics

DELETED = "budget.deleted"


def tell_deleted(session: Session, budget: Budget) -> None:
    """Queue that a budget is gone, in the transaction that deletes it."""
    outbox.put(session, DELETED, budget.uuid, workspace_id=budget.workspace_id, version=1, body={})


def topics(expenses: Peer) -> Topics:
    """How each kind of message leaves."""

    def send_deleted(message: Outbox) -> None:
        expenses.put(
            f"/internal/budgets/{message.key}", {"deleted": True}, workspace_id=message.workspace_id, deadline=5
        )

    return {DELETED: Topic(send_deleted, to="expenses")}
