"""Take note of the invoice that an expense is on, which is decided by the invoice service."""

from services.expenses import queries
from shared import audit
from shared.caller import Caller
from shared.db import Database
from shared.errors import NotFound


def bill(
    db: Database, caller: Caller, expense_id: str, *, version: int, invoice_id: int | None, account_id: str | None
) -> int:
    """Take the newest word of the invoice that an expense is on, and of its account. The version known afterwards.

    An older one or a copy changes nothing; nor does one about an expense that was deleted meanwhile.

    Raises:
        NotFound: there never was such an expense.
    """
    with db.write() as session:
        try:
            expense = queries.owned(session, caller, expense_id, lock=True)
        except NotFound:
            if not queries.has_been(session, caller, expense_id):
                raise
            return version
        if expense.billing_version >= version:
            return expense.billing_version
        expense.billing_version = version
        if (expense.invoice_id, expense.invoice_account_id) != (invoice_id, account_id):
            expense.invoice_id, expense.invoice_account_id = invoice_id, account_id
            expense.touch()
            audit.record(session, caller, "unbilled" if invoice_id is None else "billed", expense)
        return version
