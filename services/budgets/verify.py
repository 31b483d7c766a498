"""What must hold of budgets and spends. `deploy.verify` asks, and compares spends with the expense service's rows."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, func, select

from services.budgets import rules
from services.budgets.messages import DELETED
from services.budgets.models import Budget, Spend
from services.budgets.queries import BUDGETS
from shared import underway, verify
from shared.errors import InsufficientFunds, Invalid
from shared.outbox import Outbox
from shared.underway import Says
from shared.verify import Kind, Wrong

KINDS = (Kind(Budget, moved=("live_minor",)),)
ENTITIES = (Budget, Spend)


def _of_deletion(connection: Connection, message: Outbox) -> str | None:
    """What is wrong with a message that a budget is gone."""
    there = (Budget.workspace_id == message.workspace_id, Budget.uuid == message.key)
    if connection.scalar(select(Budget.id).where(*there)) is not None:
        return "says that it is gone, and it is there"
    return underway.newer(message, 1)


SAYS: Mapping[str, Says] = {DELETED: _of_deletion}
"""What is wrong with each kind of message that is yet to be delivered."""


def wrong(connection: Connection) -> Iterator[Wrong]:
    """What is wrong in this database."""
    yield from verify.references(connection, ENTITIES)
    yield from verify.stuck(connection)
    yield from underway.wrong(connection, SAYS)
    yield from verify.history(connection, KINDS)
    for budgets in verify.batches(connection, BUDGETS):
        booked = _booked(connection, [budget.id for budget in budgets])
        for budget in budgets:
            for what in _faults(budget, booked.get(budget.id, 0)):
                yield Wrong(budget.workspace_id, f"budget {budget.uuid}", what)
    yield from _foreign(connection)


def _faults(budget: Budget, booked: int) -> Iterator[str]:
    if budget.live_minor != booked:
        yield f"live_minor is {budget.live_minor}, its spends make {booked}"
    if budget.status not in rules.STATUSES or budget.enforcement not in rules.ENFORCEMENTS:
        yield f"it is {budget.status} and {budget.enforcement}, which no budget can be"
    try:
        rules.check_cap(budget.spent, budget.total, budget.enforcement)
        rules.check_period(budget.start_on, budget.end_on)
    except InsufficientFunds:
        yield f"{budget.spent} {budget.currency} are spent of {budget.total}, though it is hard"
    except Invalid:
        yield "it ends before it begins"


def _booked(connection: Connection, ids: list[int]) -> dict[int, int]:
    """What is booked and held on budgets, by their ids, in minor units."""
    sums: dict[int, int] = {}
    for on, minor in ((Spend.budget_id, Spend.amount_minor), (Spend.held_budget_id, Spend.held_minor)):
        query = select(on, func.sum(minor)).where(on.in_(ids)).group_by(on)
        for budget_id, total in connection.execute(query):
            if budget_id is not None:
                sums[budget_id] = sums.get(budget_id, 0) + int(total)
    return sums


def _foreign(connection: Connection) -> Iterator[Wrong]:
    """Spends in another currency than their budget's."""
    query = select(Spend.workspace_id, Spend.expense_id, Spend.currency, Budget.currency).join_from(
        Spend, Budget, Spend.budget_id == Budget.id
    )
    for workspace_id, expense_id, of_it, of_budget in connection.execute(
        query.where(Spend.currency != Budget.currency)
    ):
        yield Wrong(workspace_id, f"spend of expense {expense_id}", f"is in {of_it}, its budget in {of_budget}")
