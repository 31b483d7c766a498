"""What can be done with expenses: one verb a file.

`create`, `update` and `delete` are the change of a write (`writes.py`), in its transaction; the others have their own.
"""

from services.expenses.actions.bill import bill
from services.expenses.actions.create import create
from services.expenses.actions.delete import delete
from services.expenses.actions.unlink import unlink
from services.expenses.actions.update import update

__all__ = ["bill", "create", "delete", "unlink", "update"]
