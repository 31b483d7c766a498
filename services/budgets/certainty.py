"""When `spent_amount` can be written, so that what was acknowledged is what there is at rest.

What is booked may be a question that is yet to be undone, or may be less by now, of which word is under way. Written
over that, the figure would change with no change of an expense. The expense service knows what is under way; so it is
asked, and a budget on which something was booked meanwhile is looked at again.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from services.budgets.models import Budget, Spend
from services.budgets.peers import Peers
from services.budgets.queries import owned
from shared.caller import Caller
from shared.db import Database
from shared.errors import Conflict, Unavailable
from shared.http import NoAnswer


class Uncertain(Conflict):
    """Something is under way to the budget; look again."""


@dataclass(frozen=True)
class Certainty:
    """A version of a budget, and the expenses of its workspace that were under way at that moment, or later."""

    version: int
    under_way: Collection[str]


def look(db: Database, caller: Caller, budget_id: str, peers: Peers) -> Certainty:
    """Ask what is under way; nobody, when nothing is booked on the budget.

    Raises:
        NotFound: no such budget.
        Unavailable: no answer from the expense service.
    """
    with db.read() as session:
        budget = owned(session, caller, budget_id)
        booked = session.execute(select(Spend.id).where(_on(budget)).limit(1)).first()
    if not booked:
        return Certainty(budget.version, ())
    try:
        said = peers.expenses.get("/internal/under-way", {}, caller=caller, deadline=peers.certainty_deadline)
    except NoAnswer as why:
        raise Unavailable("The expense service did not answer") from why
    return Certainty(budget.version, said["expenses"])


def check(session: Session, budget: Budget, known: Certainty | None) -> None:
    """Raise Uncertain unless all that is booked on a locked budget is known to be certain."""
    if known is None or known.version != budget.version:
        raise Uncertain
    moving = select(Spend.id).where(Spend.expense_id.in_(known.under_way), _on(budget)).limit(1)
    if known.under_way and session.execute(moving).first():
        raise Uncertain


def _on(budget: Budget) -> ColumnElement[bool]:
    return or_(Spend.budget_id == budget.id, Spend.held_budget_id == budget.id)
