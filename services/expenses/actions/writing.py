"""What several verbs share: facts become columns, a receipt is attached, a budget is told."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from services.expenses import messages
from services.expenses.actions.outside import Outside
from services.expenses.models import Expense
from services.expenses.queries import EXPENSES
from services.expenses.receipts import Receipt, Receipts
from services.expenses.rules import Spend
from shared import outbox
from shared.amounts import exact
from shared.caller import Caller
from shared.db import Database, afterwards, new_id, now

Facts = Mapping[str, Any]

PLAIN = {
    "name": "name",
    "project_id": "project_id",
    "description": "description",
    "category": "category",
    "date": "spent_on",
    "receipt_url": "receipt_url",
}
"""Facts that are a column as they are."""


def tag(expense: Expense) -> str:
    """The expense's version, as its ETag."""
    return str(expense.version)


def new_expense(caller: Caller, facts: Facts) -> Expense:
    expense = EXPENSES.new(
        uuid=new_id(),
        workspace_id=caller.workspace_id,
        amount_minor=0,
        currency=facts.get("currency") or caller.currency,
        spend_version=0,
        billable_version=0,
        billing_version=0,
        created_by=caller.member_id,
        version=1,
        created_at=(moment := now()),
        updated_at=moment,
    )
    apply_facts(expense, facts)
    return expense


def apply_facts(expense: Expense, facts: Facts) -> None:
    after = spend_after(expense, facts)
    for fact, column in PLAIN.items():
        if fact in facts:
            setattr(expense, column, facts[fact])
    expense.budget_id = after.budget_id
    expense.amount_minor, expense.currency = after.amount.minor, after.amount.currency


def spend_after(expense: Expense, facts: Facts) -> Spend:
    currency = facts.get("currency", expense.currency)
    amount = exact(facts.get("amount", expense.amount.amount), currency, "amount")
    budget_id = facts.get("budget_id", expense.budget_id)
    return Spend(str(budget_id) if budget_id else None, amount, facts.get("date", expense.spent_on))


def attach(session: Session, expense: Expense, receipt: Receipt | None, receipts: Receipts | None = None) -> None:
    if receipt is None:
        return
    if receipts and expense.receipt_key:
        afterwards(session, partial(receipts.remove, expense.receipt_key))
    expense.receipt_key, expense.receipt_type, expense.receipt_digest = receipt.key, receipt.type, receipt.digest
    afterwards(session, receipt.keep)


def tell(db: Database, session: Session, expense: Expense, state: Spend, outside: Outside) -> None:
    message = messages.tell(session, expense, state)
    afterwards(session, partial(outbox.deliver, db, outside.topics, message))
