"""What can be done with invoices: one function, one `with db.write()` block, one transaction."""

from services.invoices.actions.approve import Installation, approve, finance_approve
from services.invoices.actions.billing import Lines, bill
from services.invoices.actions.brand import put_logo, remove_logo
from services.invoices.actions.complete import complete, uncomplete
from services.invoices.actions.configure import configure
from services.invoices.actions.create import create
from services.invoices.actions.delete import delete
from services.invoices.actions.expenses import ExpenseState, accept_expense
from services.invoices.actions.pay import pay
from services.invoices.actions.projects import (
    create_company,
    create_project,
    delete_company,
    delete_project,
    set_rates,
    update_company,
    update_project,
)
from services.invoices.actions.send import send
from services.invoices.actions.time_entries import delete_time, log_time, update_time
from services.invoices.actions.update import update

__all__ = [
    "ExpenseState",
    "Installation",
    "Lines",
    "accept_expense",
    "approve",
    "bill",
    "complete",
    "configure",
    "create",
    "create_company",
    "create_project",
    "delete",
    "delete_company",
    "delete_project",
    "delete_time",
    "finance_approve",
    "log_time",
    "pay",
    "put_logo",
    "remove_logo",
    "send",
    "set_rates",
    "uncomplete",
    "update",
    "update_company",
    "update_project",
    "update_time",
]
