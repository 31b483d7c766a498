"""Tell the expense service again which invoice an expense is on, where it knows a version that was never given.

That comes about when services are restored from different moments.
"""

from sqlalchemy import select

from services.invoices import messages
from services.invoices.models import Invoice, ProjectExpense
from shared.db import Database


def tell_billing(db: Database, workspace_id: str, expense_id: str, known: int) -> None:
    """Tell the expense service, which knows version `known`, which invoice an expense is on."""
    with db.write() as session:
        mine = (ProjectExpense.workspace_id == workspace_id, ProjectExpense.uuid == expense_id)
        expense = session.scalar(select(ProjectExpense).where(*mine).with_for_update())
        if expense is None:
            return
        expense.billing_version = max(expense.billing_version, known) + 1
        invoice = session.get(Invoice, (workspace_id, expense.invoice_id)) if expense.invoice_id else None
        messages.put_billing(session, expense, invoice)
