"""What several verbs share: facts become columns, a receipt is attached."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from services.expenses.models import Expense
from services.expenses.queries import EXPENSES
from services.expenses.receipts import Receipt, Receipts
from shared.amounts import exact
from shared.caller import Caller
from shared.db import new_id, now, on_commit

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


def changed(expense: Expense, facts: Facts) -> Expense:
    """The expense as it would be with these facts: a row to look at, that is not written. Raises Invalid."""
    copy = EXPENSES.copy(expense)
    apply_facts(copy, facts)
    return copy


def apply_facts(expense: Expense, facts: Facts) -> None:
    """Let the facts become columns. Raises Invalid for an amount too precise for its currency."""
    currency = facts.get("currency", expense.currency)
    amount = exact(facts.get("amount", expense.amount.amount), currency, "amount")
    for fact, column in PLAIN.items():
        if fact in facts:
            setattr(expense, column, facts[fact])
    if "budget_id" in facts:
        expense.budget_id = str(facts["budget_id"]) if facts["budget_id"] else None
    expense.amount_minor, expense.currency = amount.minor, amount.currency


def sign(expense: Expense, caller: Caller) -> None:
    """Note who wrote the amount, besides the one who made the expense: whoever did may not approve its invoice."""
    member, known = caller.member_id, expense.writers or []
    if member is not None and member not in (expense.created_by, *known):
        expense.writers = [*known, member]


def attach(session: Session, expense: Expense, receipt: Receipt | None, receipts: Receipts | None = None) -> None:
    if receipt is None:
        return
    on_commit(session, receipt.confirm)  # first: what else follows takes time, and may be cut off
    if receipts and expense.receipt_key:
        on_commit(session, partial(receipts.remove, expense.receipt_key))
    expense.receipt_key, expense.receipt_type, expense.receipt_digest = receipt.key, receipt.type, receipt.digest
