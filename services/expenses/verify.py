"""What must hold of expenses. `deploy.verify` asks, and compares them with what other services know."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, select

from services.expenses.models import Expense
from services.expenses.participants import BILLABLE, SPEND, budget, invoice
from services.expenses.queries import EXPENSES
from services.expenses.rules import RECEIPT_TYPES
from shared import underway, verify
from shared.audit import Audit
from shared.outbox import Outbox
from shared.underway import Says
from shared.verify import Kind, Wrong

KINDS = (
    Kind(Expense, moved=("spend_version", "billable_version", "billing_version", "invoice_account_id"), dated=True),
)


def _of_spend(connection: Connection, message: Outbox) -> str | None:
    """What is wrong with a message to the budget service."""
    expense = _expense(connection, message)
    if expense is None or expense.budget_id is None:
        return _away(connection, message, expense.spend_version if expense else None, "budget_id")
    return underway.newer(message, expense.spend_version) or underway.differs(message, budget.stored(expense.spend))


def _of_billable(connection: Connection, message: Outbox) -> str | None:
    """What is wrong with a message to the invoice service."""
    expense = _expense(connection, message)
    if expense is None or expense.project_id is None:
        return _away(connection, message, expense.billable_version if expense else None, "project_id")
    return underway.newer(message, expense.billable_version) or underway.differs(
        message, invoice.stored(expense.billable)
    )


SAYS: Mapping[str, Says] = {SPEND: _of_spend, BILLABLE: _of_billable}
"""What is wrong with each kind of message that is yet to be delivered."""


def _expense(connection: Connection, message: Outbox) -> Expense | None:
    its = (Expense.workspace_id == message.workspace_id, Expense.uuid == message.key)
    row = connection.execute(select(*EXPENSES.columns).where(*its)).first()
    return EXPENSES.of(row) if row else None


def _away(connection: Connection, message: Outbox, last: int | None, name: str) -> str | None:
    """What is wrong with a message about an expense that is gone, or on no budget, or in no project.

    The rest of its state says nothing then, and of one that is gone nobody knows which version was the last. What was
    taken off a budget that is gone, nobody was told of: a message may still name what the history says it was on.
    """
    if last is not None and (fault := underway.newer(message, last)):
        return fault
    on = message.body.get(name)
    its = (Audit.workspace_id == message.workspace_id, Audit.subject_id == message.key, Audit.subject == "expense")
    left = (sides.get(name, [None])[0] for sides in connection.scalars(select(Audit.changes).where(*its)))
    return None if last is not None and on in left else underway.differs(message, {name: None})


def wrong(connection: Connection) -> Iterator[Wrong]:
    """What is wrong in this database."""
    yield from verify.ids(connection, [Expense])
    yield from verify.stuck(connection)
    yield from underway.wrong(connection, SAYS)
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
