"""What can be done with expenses: one verb a file, one `with db.write()` block, one transaction."""

from services.expenses.actions.bill import bill
from services.expenses.actions.create import create
from services.expenses.actions.delete import delete
from services.expenses.actions.promise import Reservation, Unasked, abandon, withdraw
from services.expenses.actions.reserve import OFTEN_ASKED, reserve_change, reserve_deletion, reserve_new
from services.expenses.actions.unlink import unlink
from services.expenses.actions.update import update
from services.expenses.actions.writing import tag

__all__ = [
    "OFTEN_ASKED",
    "Reservation",
    "Unasked",
    "abandon",
    "bill",
    "create",
    "delete",
    "reserve_change",
    "reserve_deletion",
    "reserve_new",
    "tag",
    "unlink",
    "update",
    "withdraw",
]
