"""The tables of the invoice service."""

from services.invoices.models.invoices import (
    OF_APPROVALS,
    OF_PROJECTS,
    Invoice,
    Item,
    Logo,
    Payment,
    Profile,
    Series,
)
from services.invoices.models.projects import Company, Project, ProjectExpense, Rate, TimeEntry

__all__ = [
    "OF_APPROVALS",
    "OF_PROJECTS",
    "Company",
    "Invoice",
    "Item",
    "Logo",
    "Payment",
    "Profile",
    "Project",
    "ProjectExpense",
    "Rate",
    "Series",
    "TimeEntry",
]
