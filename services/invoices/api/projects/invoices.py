"""The routes of invoices, and the currencies they may be in."""

from typing import Any

from flask import Response

from services.invoices import actions, queries, settings
from services.invoices.actions import Lines
from services.invoices.api.projects.schemas import (
    CHANGE,
    EXAMPLE,
    LISTED,
    SINGLE,
    CurrencyList,
    InvoiceKindQuery,
    LineItemsIn,
    ProjectInvoiceAnswer,
    ProjectInvoiceIn,
    ProjectInvoiceList,
    ProjectInvoiceQuery,
)
from services.invoices.api.projects.spelling import spelled_invoice, spelled_whole
from shared.currencies import NAMES
from shared.errors import renamed
from shared.page import Place
from shared.projects_dialect import created, does, done, known_currency, lists, makes, paged, queried, spelled, takes
from shared.web import Routes, answer, caller, db, if_match, tagged, whole_id

routes = Routes("project-invoices", __name__, scope="invoices")

OURS = {
    "fixed_cost": "fixed-cost",
    "total": "fixed-cost",
    "invoice_number": "number",
    "due_date": "due-date",
    "issue_date": "display-date",
    "currency": "currency-code",
}
"""What the domain's fields are called here."""

ID = "<id:invoice_id>"


@routes.get("/invoices.json")
@queried(routes, ProjectInvoiceQuery)
@lists(routes, ProjectInvoiceList, example={"invoices": [LISTED]})
def list_invoices(query: dict[str, Any]) -> Response:
    """List the invoices of all projects."""
    place = _place(query)
    found, count = queries.bills(db(), caller(), place, completed=query["completed"], archived=query["archived"])
    return paged("invoices", map(spelled_invoice, found), count, place)


@routes.get("/projects/<id:project_id>/invoices.json")
@queried(routes, InvoiceKindQuery)
@lists(routes, ProjectInvoiceList, example={"invoices": [LISTED]})
def list_invoices_of_project(query: dict[str, Any], project_id: str) -> Response:
    """List the invoices of one project."""
    place = _place(query)
    of = whole_id(project_id)
    found, count = queries.bills(db(), caller(), place, project_id=of, completed=query["completed"])
    return paged("invoices", map(spelled_invoice, found), count, place)


@routes.get(f"/invoices/{ID}.json")
@routes.response(200, ProjectInvoiceAnswer, example={"invoice": SINGLE})
def get_invoice(invoice_id: str) -> Response:
    """Get an invoice with what is on it."""
    bill = queries.bill(db(), caller(), whole_id(invoice_id))
    etag = bill.invoice.etag(queries.today(caller()))
    return tagged({"invoice": spelled(spelled_whole(bill))}, etag=etag)


@routes.post("/invoices.json")
@takes(routes, "invoice", ProjectInvoiceIn, example=EXAMPLE)
@makes(routes)
def create_invoice(facts: dict[str, Any]) -> Response:
    """Create an invoice."""
    return _create(facts)


@routes.post("/projects/<id:project_id>/invoices.json")
@takes(routes, "invoice", ProjectInvoiceIn, example=EXAMPLE)
@makes(routes)
def create_invoice_of_project(facts: dict[str, Any], project_id: str) -> Response:
    """Create an invoice of that project, whatever the body says."""
    return _create(facts | {"project_id": whole_id(project_id)})


@routes.put(f"/invoices/{ID}.json")
@takes(routes, "invoice", ProjectInvoiceIn, example=CHANGE)
@does(routes)
def update_invoice(facts: dict[str, Any], invoice_id: str) -> Response:
    """Update an invoice: what is named changes, the rest stays."""
    with renamed(OURS):
        actions.update(db(), caller(), whole_id(invoice_id), _written(facts), if_match())
    return done()


@routes.delete(f"/invoices/{ID}.json")
@does(routes)
def delete_invoice(invoice_id: str) -> Response:
    """Delete an invoice; its time entries and expenses can be billed again."""
    actions.delete(db(), caller(), whole_id(invoice_id), if_match())
    return done()


@routes.put(f"/invoices/{ID}/complete.json")
@does(routes)
def complete_invoice(invoice_id: str) -> Response:
    """Mark an invoice as complete: it is locked."""
    actions.complete(db(), caller(), whole_id(invoice_id), if_match())
    return done()


@routes.put(f"/invoices/{ID}/uncomplete.json")
@does(routes)
def uncomplete_invoice(invoice_id: str) -> Response:
    """Mark an invoice as not complete."""
    actions.uncomplete(db(), caller(), whole_id(invoice_id), if_match())
    return done()


@routes.put(f"/invoices/{ID}/lineitems.json")
@takes(routes, "lineitems", LineItemsIn, example={"add": {"timelogs": "937,938", "expenses": "14,15"}})
@does(routes)
def bill_line_items(facts: dict[str, Any], invoice_id: str) -> Response:
    """Put time entries and expenses on an invoice, at what they cost now, and take others off."""
    add, remove = (_lines(facts.get(name)) for name in ("add", "remove"))
    actions.bill(db(), caller(), whole_id(invoice_id), add, remove, if_match())
    return done()


@routes.get("/currencycodes.json")
@routes.response(200, CurrencyList, example={"currency-codes": [{"name": "Afghani", "code": "AFN"}]})
def list_currencies() -> Response:
    """List the currencies that an invoice may be in, by name."""
    return answer({"currency-codes": CURRENCIES})


CURRENCIES = [
    {"name": name, "code": code}
    for code, name in sorted(NAMES.items(), key=lambda currency: (currency[1].casefold(), currency[0]))
]


def _create(facts: dict[str, Any]) -> Response:
    with renamed(OURS):
        invoice = actions.create(
            db(), caller(), _written(facts, new=True), prefix=settings.current().transaction_prefix
        )
    return created(invoice.id)


def _written(facts: dict[str, Any], *, new: bool = False) -> dict[str, Any]:
    """The facts for the domain. A date or a currency that is nothing is not named; on a new invoice, nothing is."""
    known_currency(facts.get("currency"))
    blank = facts.keys() if new else {"issue_date", "currency", "project_id"}
    return {name: value for name, value in facts.items() if value is not None or name not in blank}


def _lines(ids: dict[str, Any] | None) -> Lines:
    told = ids or {}
    return Lines(time=frozenset(told.get("time") or ()), expenses=frozenset(told.get("expenses") or ()))


def _place(query: dict[str, Any]) -> Place:
    return Place(query["page"], query["size"], "id", descending=False)
