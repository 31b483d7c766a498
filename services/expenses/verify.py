"""What must hold of expenses. `deploy.verify` asks, and compares them with what other services know."""

from collections.abc import Iterator

from sqlalchemy import Connection

from services.expenses.models import Expense
from services.expenses.queries import EXPENSES
from services.expenses.rules import RECEIPT_TYPES
from shared import verify
from shared.verify import Kind, Wrong

KINDS = (Kind(Expense, moved=("spend_version", "billable_version", "billing_version", "invoice_account_id")),)


def wrong(connection: Connection) -> Iterator[Wrong]:
    """What is wrong in this database."""
    yield from verify.ids(connection, [Expense])
    yield from verify.stuck(connection)
    yield from verify.history(connection, KINDS)
    for expenses in verify.batches(connection, EXPENSES):
        for expense in expenses:
            for what in _faults(expense):
                yield Wrong(expense.workspace_id, f"expense {expense.uuid}", what)


def _faults(expense: Expense) -> Iterator[str]:
    receipt = (expense.receipt_key, expense.receipt_type, expense.receipt_digest)
    if any(receipt) and not all(receipt):
        yield "it says only a part of what its receipt is"
    if expense.receipt_type is not None and expense.receipt_type not in RECEIPT_TYPES:
        yield f"its receipt is {expense.receipt_type}, which no receipt can be"
    if expense.invoice_id is not None and expense.project_id is None:
        yield f"it is on the invoice {expense.invoice_id}, and in no project"
