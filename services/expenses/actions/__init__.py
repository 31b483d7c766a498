"""What can be done with expenses: one verb a file, one `with db.write()` block, one transaction."""

from services.expenses.actions.create import create
from services.expenses.actions.delete import delete
from services.expenses.actions.outside import Outside
from services.expenses.actions.reserve import Reservation, abandon, reserve_change, reserve_new, withdraw
from services.expenses.actions.unlink import unlink
from services.expenses.actions.update import update
from services.expenses.actions.writing import tag

__all__ = [
    "Outside",
    "Reservation",
    "abandon",
    "create",
    "delete",
    "reserve_change",
    "reserve_new",
    "tag",
    "unlink",
    "update",
    "withdraw",
]
