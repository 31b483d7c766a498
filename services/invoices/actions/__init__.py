"""What can be done with invoices: one function, one `with db.write()` block, one transaction."""

from services.invoices.actions.approve import House, approve, finance_approve
from services.invoices.actions.complete import complete, uncomplete
from services.invoices.actions.configure import configure
from services.invoices.actions.create import create
from services.invoices.actions.delete import delete
from services.invoices.actions.pay import pay
from services.invoices.actions.send import send
from services.invoices.actions.update import update
from services.invoices.actions.writing import tag

__all__ = [
    "House",
    "approve",
    "complete",
    "configure",
    "create",
    "delete",
    "finance_approve",
    "pay",
    "send",
    "tag",
    "uncomplete",
    "update",
]
