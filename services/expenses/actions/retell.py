"""Tell other services again what an expense is, where they know a version that was never given.

That comes about when services are restored from different moments. What is told has a version above what they know.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.expenses.models import Expense
from services.expenses.participants import budget, invoice
from services.expenses.queries import EXPENSES
from shared import audit
from shared.caller import Caller
from shared.db import Database, now
from shared.money import Money


def tell_spend(db: Database, workspace_id: str, expense_id: str, known: int) -> None:
    """Tell the budget service, which knows version `known`, what an expense is, or that there is none."""
    with db.write() as session:
        expense = _there(session, workspace_id, expense_id) or _gone(workspace_id, expense_id)
        expense.spend_version = max(expense.spend_version, known)
        budget.tell(session, expense, expense.spend)


def tell_billable(db: Database, workspace_id: str, expense_id: str, known: int) -> None:
    """Tell the invoice service, which knows version `known`, what an expense is, or that there is none."""
    with db.write() as session:
        expense = _there(session, workspace_id, expense_id) or _gone(workspace_id, expense_id)
        expense.billable_version = max(expense.billable_version, known)
        invoice.tell(session, expense, expense.billable)


def leave_project(db: Database, caller: Caller, expense_id: str) -> None:
    """Take an expense out of a project that is no more, and off every invoice."""
    with db.write() as session:
        expense = _there(session, caller.workspace_id, expense_id)
        if expense is None:
            return
        expense.project_id = expense.invoice_id = expense.invoice_account_id = None
        expense.touch()
        audit.record(session, caller, "updated", expense)


def forget_billing(db: Database, caller: Caller, expense_id: str) -> None:
    """Take an expense off an invoice that does not know it."""
    with db.write() as session:
        expense = _there(session, caller.workspace_id, expense_id)
        if expense is None:
            return
        expense.billing_version = 0
        if expense.invoice_id is not None:
            expense.invoice_id = expense.invoice_account_id = None
            expense.touch()
            audit.record(session, caller, "unbilled", expense)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What other services know of an expense that is gone, and is on an invoice."""

    id: int
    uuid: str
    project_id: int
    invoice_id: int
    name: str | None
    description: str | None
    amount: Money
    spent_on: date | None
    budget_id: str | None
    created_by: int | None
    writers: list[int] | None
    spend_version: int
    billable_version: int
    billing_version: int


def remember(db: Database, caller: Caller, facts: Remembered) -> bool:
    """Record an expense anew that others remember; False when its number has been given to another."""
    with db.write() as session:
        same = (Expense.workspace_id == caller.workspace_id, Expense.id == facts.id)
        if session.scalar(select(Expense.id).where(*same)):
            return False
        expense = Expense(
            workspace_id=caller.workspace_id,
            amount_minor=facts.amount.minor,
            currency=facts.amount.currency,
            version=1,
            created_at=(moment := now()),
            updated_at=moment,
            **{name: getattr(facts, name) for name in Remembered.__slots__ if name != "amount"},
        )
        session.add(expense)
        audit.record(session, caller, "created", expense)
        return True


def _there(session: Session, workspace_id: str, expense_id: str) -> Expense | None:
    mine = (Expense.workspace_id == workspace_id, Expense.uuid == expense_id)
    return session.scalar(select(Expense).where(*mine).with_for_update())


def _gone(workspace_id: str, expense_id: str) -> Expense:
    """An expense of nothing, on no budget and in no project."""
    nothing = {"amount_minor": 0, "currency": "USD", "spend_version": 0, "billable_version": 0}
    return EXPENSES.new(uuid=expense_id, workspace_id=workspace_id, **nothing)
