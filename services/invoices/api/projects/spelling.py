"""Facts in the document's words, as `shared.projects_dialect.spelled` then writes them."""

from typing import TYPE_CHECKING, Any

from services.invoices import rules
from shared.money import Money
from shared.people import Names

if TYPE_CHECKING:
    from services.invoices.models import Company, Project, ProjectExpense, TimeEntry
    from services.invoices.queries import Entry, InvoiceDetail
    from services.invoices.queries.projects import Rates

Spelling = dict[str, Any]

NOBODY = Names()


def spelled_invoice(bill: "InvoiceDetail") -> Spelling:
    """An invoice as lists show it."""
    invoice = bill.invoice
    maker, editor = bill.names.get(invoice.created_by, NOBODY), bill.names.get(invoice.updated_by, NOBODY)
    return {
        "project-id": invoice.project_id,
        "exported-by-user-id": None,
        "created-by-user-firstname": maker.first,
        "description": invoice.description,
        "fixed-cost": invoice.fixed_cost,
        "status": "completed" if invoice.completed else "active",
        "date-created": invoice.created_at,
        "exported-by-user-lastname": None,
        "company-id": bill.company_id,
        "number": invoice.number,
        "exported-by-user-firstname": None,
        "po-number": invoice.po_number,
        "project-name": bill.project,
        "display-date": invoice.issue_on,
        "exported-date": None,
        "created-by-user-id": invoice.created_by,
        "update-by-user-id": invoice.updated_by,
        "created-by-user-lastname": maker.last,
        "company-name": bill.company,
        "id": invoice.id,
        "date-updated": invoice.updated_at,
        "edited-by-user-lastname": editor.last,
        "edited-by-user-firstname": editor.first,
        "currency-code": invoice.currency,
        "total-cost": invoice.total,
        "time-cost": Money(invoice.time_minor, invoice.currency),
        "expenses-cost": Money(invoice.expenses_minor, invoice.currency),
        "due-date": invoice.due_on,
        "pricing": "time-and-expenses" if invoice.fixed_cost is None else "fixed",
    }


def spelled_whole(bill: "InvoiceDetail") -> Spelling:
    """An invoice with what is on it."""
    return spelled_invoice(bill) | {
        "line-items": [_line(bill, entry) for entry in bill.time],
        "expenses": [_expense(bill, expense) for expense in bill.expenses],
        "total-time": bill.minutes,
        "total-time-decimal": bill.hours,
    }


def _line(bill: "InvoiceDetail", entry: "TimeEntry") -> Spelling:
    person, currency = bill.names.get(entry.person_id, NOBODY), bill.invoice.currency
    return {
        "minutes": entry.minutes,
        "date-logged-utc": entry.logged_at,
        "rate": entry.rate(currency),
        "decimal-hours": entry.hours,
        "description": entry.description,
        "user-lastname": person.last,
        "id": entry.id,
        "user-firstname": person.first,
        "billable": entry.billable,
        "task-name": None,
        "user-id": entry.person_id,
        "task-id": None,
        "cost": entry.cost(currency),
    }


def _expense(bill: "InvoiceDetail", expense: "ProjectExpense") -> Spelling:
    maker = bill.names.get(expense.created_by, NOBODY)
    return {
        "invoice-id": expense.invoice_id,
        "name": expense.name,
        "created-by-user-firstname": maker.first,
        "created-by-user-id": expense.created_by,
        "description": expense.description,
        "created-by-user-lastname": maker.last,
        "date": expense.spent_on,
        "id": expense.id,
        "cost": expense.amount,
    }


def spelled_project(project: "Project", company: str | None) -> Spelling:
    """A project."""
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "status": "archived" if project.archived else "active",
        "company": {"id": project.company_id, "name": company},
        "company-id": project.company_id,
        "company-name": company,
        "startDate": project.starts_on,
        "endDate": project.ends_on,
        "created-on": project.created_at,
        "last-changed-on": project.updated_at,
    }


def spelled_company(company: "Company") -> Spelling:
    """A company."""
    return {
        "id": company.id,
        "name": company.name,
        "address-one": company.address_one,
        "address-two": company.address_two,
        "city": company.city,
        "state": company.state,
        "zip": company.zip,
        "country-code": company.country_code,
        "phone": company.phone,
        "website": company.website,
        "email": company.email,
        "created-on": company.created_at,
        "last-changed-on": company.updated_at,
    }


def spelled_rates(rates: "Rates", currency: str) -> Spelling:
    """What an hour costs on a project."""
    default = None if rates.default is None else rules.priced(rates.default, currency)
    users = {
        str(person): {"rate": rules.priced(rate, currency), "first-name": names.first, "last-name": names.last}
        for person, (rate, names) in rates.own.items()
    }
    return {"project-default": default, "users": users}


def spelled_entry(entry: "Entry") -> Spelling:
    """A time entry, on an invoice or not."""
    spent = entry.entry
    return {
        "id": spent.id,
        "project-id": spent.project_id,
        "project-name": entry.project,
        "company-id": entry.company_id,
        "company-name": entry.company,
        "person-id": spent.person_id,
        "person-first-name": entry.person.first,
        "person-last-name": entry.person.last,
        "date": spent.logged_at,
        "description": spent.description,
        "hours": spent.minutes // 60,
        "minutes": spent.minutes % 60,
        "isbillable": spent.billable,
        "isbilled": spent.invoice_id is not None,
        "invoice-id": entry.invoice_id,
        "invoiceNo": entry.invoice_number,
        "updated-date": spent.updated_at,
    }
