"""The routes of invoices."""

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Response, request
from marshmallow import Schema

from services.invoices import actions, document, messages, queries, settings
from services.invoices.api.finance.files import BINARY, file
from services.invoices.api.finance.schemas import (
    EXAMPLE,
    PAYMENT,
    PAYMENT_SHOWN,
    SENT,
    SHOWN,
    InvoiceAnswer,
    InvoiceIn,
    InvoiceList,
    InvoiceQuery,
    PaymentAnswer,
    PaymentIn,
    PaymentList,
    PaymentQuery,
)
from services.invoices.api.finance.spelling import spelled, spelled_payment
from services.invoices.places import drawing
from services.invoices.press import Unprintable
from services.invoices.vocabulary import VOCABULARY
from shared.bodies import json_body, load
from shared.describe import listed
from shared.errors import Unavailable
from shared.telling import ENTRIES_SHOWN, EntryList, EntryQuery, told
from shared.web import Routes, caller, db, if_match, listing, nothing, one

if TYPE_CHECKING:
    from services.invoices.models import Invoice

routes = Routes("invoices", __name__, scope="invoices", url_prefix="/v1/dev/finance/invoices")


@routes.get("")
@routes.arguments(InvoiceQuery, location="query")
@routes.response(200, InvoiceList, example=listed(SHOWN))
def list_invoices(query: dict[str, Any]) -> Response:
    """List invoices."""
    page = queries.listing(db(), caller(), **query)
    return listing(page, partial(spelled, today=queries.today(caller())))


@routes.post("")
@routes.arguments(InvoiceIn, example=EXAMPLE)
@routes.response(201, InvoiceAnswer, example=SHOWN)
def create_invoice(facts: dict[str, Any]) -> Response:
    """Create an invoice."""
    invoice = actions.create(db(), caller(), facts, prefix=settings.current().transaction_prefix)
    return _shown(invoice, status=201, location=f"{routes.url_prefix}/{invoice.uuid}")


@routes.get("/<uuid:invoice_id>")
@routes.response(200, InvoiceAnswer, example=SHOWN)
def get_invoice(invoice_id: str) -> Response:
    """Get an invoice."""
    return _shown(queries.find(db(), caller(), invoice_id))


@routes.get("/<uuid:invoice_id>.pdf")
@routes.response(200, BINARY, content_type="application/pdf")
@routes.alt_response(304, description="`If-None-Match` names what it still is.")
def get_invoice_pdf(invoice_id: str) -> Response:
    """Get an invoice as a PDF, in the layout and on the paper that the settings say."""
    invoice, profile, logo = queries.printed(db(), caller(), invoice_id)
    facts = document.stated(invoice, profile, logo.digest if logo else None, queries.today(caller()))
    try:
        with drawing().taken(caller().workspace_id):
            pdf = document.for_reader(facts, (logo.kind, logo.data) if logo else None)
    except Unprintable:
        raise Unavailable("The document cannot be drawn", retry_after=60) from None
    return file(pdf, "application/pdf", tag=hashlib.sha256(pdf).hexdigest(), name=facts["file"])


@routes.put("/<uuid:invoice_id>")
@routes.arguments(InvoiceIn, example={"due_date": "2024-05-01", "notes": "Payment due within 60 days"})
@routes.response(200, InvoiceAnswer, example=SHOWN)
def update_invoice(facts: dict[str, Any], invoice_id: str) -> Response:
    """Update an invoice: what is named changes, the rest stays."""
    return _shown(actions.update(db(), caller(), invoice_id, facts, if_match()))


@routes.delete("/<uuid:invoice_id>")
@routes.response(204)
def delete_invoice(invoice_id: str) -> Response:
    """Delete an invoice. One with a payment, or with a number from the series, can only be cancelled."""
    actions.delete(db(), caller(), invoice_id, if_match(), messages.current())
    return nothing()


@routes.post("/<uuid:invoice_id>/send")
@routes.response(200, InvoiceAnswer, example=SENT)
def send_invoice(invoice_id: str) -> Response:
    """Send an invoice to its client, or send it again. It takes no body, or an empty object."""
    _check_nothing_asked()
    domain = settings.current().mail_domain
    return _shown(actions.send(db(), caller(), invoice_id, if_match(), domain=domain))


@routes.get("/<uuid:invoice_id>/payments")
@routes.arguments(PaymentQuery, location="query")
@routes.response(200, PaymentList, example=listed(PAYMENT_SHOWN))
def list_payments(query: dict[str, Any], invoice_id: str) -> Response:
    """List the payments of an invoice."""
    return listing(queries.payments(db(), caller(), invoice_id, **query), spelled_payment)


@routes.post("/<uuid:invoice_id>/payments")
@routes.arguments(PaymentIn, example=PAYMENT)
@routes.response(201, PaymentAnswer, example=PAYMENT_SHOWN)
def create_payment(facts: dict[str, Any], invoice_id: str) -> Response:
    """Book a payment. The one that completes the total makes the invoice paid."""
    payment = actions.pay(db(), caller(), invoice_id, facts, if_match())
    location = f"{routes.url_prefix}/{invoice_id}/payments/{payment.uuid}"
    return one(spelled_payment(payment), status=201, location=location)


@routes.get("/<uuid:invoice_id>/payments/<uuid:payment_id>")
@routes.response(200, PaymentAnswer, example=PAYMENT_SHOWN)
def get_payment(invoice_id: str, payment_id: str) -> Response:
    """Get a payment."""
    return one(spelled_payment(queries.payment(db(), caller(), invoice_id, payment_id)))


@routes.get("/<uuid:invoice_id>/history")
@routes.arguments(EntryQuery, location="query")
@routes.response(200, EntryList, example=ENTRIES_SHOWN)
def list_invoice_history(query: dict[str, Any], invoice_id: str) -> Response:
    """List what happened to an invoice, the oldest first. It can be read after the invoice was deleted."""
    return told(queries.history(db(), caller(), invoice_id, **query), VOCABULARY)


def _check_nothing_asked() -> None:
    """Raise Invalid unless the body is empty, or an empty object."""
    if request.get_data():
        load(Schema(), json_body())


def _shown(invoice: "Invoice", *, status: int = 200, location: str | None = None) -> Response:
    today = queries.today(caller())
    return one(spelled(invoice, today), tag=actions.tag(invoice, today), status=status, location=location)
