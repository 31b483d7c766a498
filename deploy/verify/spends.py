"""Each live expense on a budget has its spend booked there, and no spend is without its expense (api.md, section 7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from deploy.copies.moment import Look
from deploy.verify.across import messages, workspaces
from services.budgets.messages import DELETED
from services.budgets.models import Budget, Spend
from services.expenses.models import Expense
from services.expenses.participants import SPEND
from shared.money import Money
from shared.verify import Wrong

HELD = aliased(Budget)


@dataclass(frozen=True)
class Pair:
    """An expense and its spend; None is one that there is not."""

    workspace_id: str
    uuid: str
    expense: Any
    spend: Any

    @property
    def booked(self) -> tuple[Any, ...] | None:
        """What the budget service has of it: the budget, the amount, the currency, the date."""
        spend = self.spend
        live = spend is not None and spend.budget is not None
        return (spend.budget, spend.amount_minor, spend.currency, spend.spent_on) if live else None

    @property
    def owed(self) -> tuple[Any, ...] | None:
        """What it should have."""
        expense = self.expense
        live = expense is not None and expense.budget_id is not None
        return (expense.budget_id, expense.amount_minor, expense.currency, expense.spent_on) if live else None

    @property
    def held(self) -> bool:
        """Whether something is booked until a move is certain."""
        return self.spend is not None and self.spend.held is not None

    @property
    def version(self) -> int:
        """The version that the budget service knows."""
        return self.spend.version if self.spend is not None else 0


def apart(look: Look) -> Iterator[Pair]:
    """Expenses that the budget service knows other than they are, where no message will tell it."""
    told, unlinked = messages(look, "expenses", SPEND), messages(look, "budgets", DELETED)
    for workspace_id in workspaces(look, ("expenses", Expense.workspace_id), ("budgets", Spend.workspace_id)):
        expenses, spends = _expenses(look["expenses"], workspace_id), known(look["budgets"], workspace_id)
        for uuid in sorted(expenses.keys() | spends.keys()):
            pair = Pair(workspace_id, uuid, expenses.get(uuid), spends.get(uuid))
            same = pair.owed == pair.booked and not pair.held and not _ahead(pair)
            heard = told.tell(workspace_id, uuid, pair.version)
            if same or heard or (pair.owed and unlinked.tell(workspace_id, pair.owed[0], 0)):
                continue
            yield pair


def wrong(look: Look) -> Iterator[Wrong]:
    """What is wrong with spends, in words."""
    for pair in apart(look):
        yield Wrong(pair.workspace_id, f"expense {pair.uuid}", _words(pair))


def _ahead(pair: Pair) -> bool:
    """Whether the budget service knows a version that was never given: it would not listen to the next one."""
    return pair.expense is not None and pair.version > pair.expense.spend_version


def _words(pair: Pair) -> str:
    if pair.owed is None and pair.booked is not None:
        there = "is not there" if pair.expense is None else "is on no budget"
        return f"it {there}, and {_said(pair.booked)} are booked for it"
    if pair.owed is not None and pair.booked is None:
        return f"it is {_said(pair.owed)}, and nothing is booked for it"
    if pair.owed != pair.booked:
        return f"it is {_said(pair.owed)}, and {_said(pair.booked)} are booked for it"
    if pair.held:
        return (
            f"{pair.spend.held_minor} minor units are held for it on the budget {pair.spend.held}, and nobody moves it"
        )
    return f"the budget service knows version {pair.version} of it, which is only at {pair.expense.spend_version}"


def _said(state: tuple[Any, ...] | None) -> str:
    budget, minor, currency, day = state or ("", 0, "USD", None)
    return f"{Money(minor, currency)} {currency} of {day or 'no date'} on the budget {budget}"


def _expenses(connection: Connection, workspace_id: str) -> dict[str, Any]:
    query = select(
        *(Expense.uuid, Expense.budget_id, Expense.amount_minor, Expense.currency, Expense.spent_on),
        Expense.spend_version,
    ).where(Expense.workspace_id == workspace_id)
    return {row.uuid: row for row in connection.execute(query)}


def known(connection: Connection, workspace_id: str) -> dict[str, Any]:
    """What the budget service has of a workspace's expenses, by their ids."""
    query = (
        select(
            *(Spend.expense_id, Spend.amount_minor, Spend.currency, Spend.spent_on, Spend.version, Spend.held_minor),
            Budget.uuid.label("budget"),
            HELD.uuid.label("held"),
        )
        .join_from(Spend, Budget, Spend.budget_id == Budget.id, isouter=True)
        .join(HELD, Spend.held_budget_id == HELD.id, isouter=True)
        .where(Spend.workspace_id == workspace_id)
    )
    return {row.expense_id: row for row in connection.execute(query)}
