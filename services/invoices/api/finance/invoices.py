"""The routes of invoices."""

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Response, request
from marshmallow import Schema

from services.invoices import actions, queries, settings
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
from services.invoices.papers import document
from services.invoices.papers.press import Unprintable
from services.invoices.places import drawing
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
    """List invoices.

    Filters may be combined. While `has_more`, `next_cursor` goes on: nothing that stays is skipped or repeated. A
    page may end before `limit` where invoices are large. A key for some accounts sees the invoices of those alone.
    """
    page = queries.listing(db(), caller(), **query)
    return listing(page, partial(spelled, today=queries.today(caller())))


@routes.post("")
@routes.arguments(InvoiceIn, example=EXAMPLE)
@routes.response(201, InvoiceAnswer, example=SHOWN)
def create_invoice(facts: dict[str, Any]) -> Response:
    """Create an invoice.

    Everything is optional, and missing figures are computed: an invoice with items adds up to them. It is a draft,
    unless `status` says more; outside draft it has a number, its own or the next one of the series. Figures that do
    not agree are 422.
    """
    invoice = actions.create(db(), caller(), facts, prefix=settings.current().transaction_prefix)
    return _shown(invoice, status=201, location=f"{routes.url_prefix}/{invoice.uuid}")


@routes.get("/<uuid:invoice_id>")
@routes.response(200, InvoiceAnswer, example=SHOWN)
def get_invoice(invoice_id: str) -> Response:
    """Get an invoice.

    Its `status` is `overdue` from the day after its due date, in the workspace's time zone. The `ETag` is what
    `If-Match` takes.
    """
    return _shown(queries.find(db(), caller(), invoice_id))


@routes.get("/<uuid:invoice_id>.pdf")
@routes.response(200, BINARY, content_type="application/pdf")
@routes.alt_response(304, description="`If-None-Match` names what it still is.")
def get_invoice_pdf(invoice_id: str) -> Response:
    """Get an invoice as a PDF, in the layout and on the paper that the settings say.

    The same invoice is the same file, byte for byte. 503 where it cannot be drawn.
    """
    invoice, profile, logo = queries.printed(db(), caller(), invoice_id)
    facts = document.stated(invoice, profile, logo.digest if logo else None, queries.today(caller()))
    try:
        with drawing().taken(caller().workspace_id):
            pdf = document.for_reader(facts, (logo.kind, logo.data) if logo else None)
    except Unprintable:
        raise Unavailable("The document cannot be drawn", retry_after=60) from None
    return file(pdf, "application/pdf", etag=hashlib.sha256(pdf).hexdigest(), name=facts["file"])


@routes.put("/<uuid:invoice_id>")
@routes.arguments(InvoiceIn, example={"due_date": "2024-05-01", "notes": "Payment due within 60 days"})
@routes.response(200, InvoiceAnswer, example=SHOWN)
def update_invoice(facts: dict[str, Any], invoice_id: str) -> Response:
    """Update an invoice: what is named changes, the rest stays.

    `items` replaces all items. Items and amounts are fixed once the invoice is sent, and all of it while it is
    completed. The `status` `paid` books what is due as a payment. Another payee or other amounts ask for approval
    again.
    """
    return _shown(actions.update(db(), caller(), invoice_id, facts, if_match()))


@routes.delete("/<uuid:invoice_id>")
@routes.response(204)
def delete_invoice(invoice_id: str) -> Response:
    """Delete an invoice. One with a payment, or with a number from the series, can only be cancelled.

    Its time entries and expenses can be billed again, and its history can still be read.
    """
    actions.delete(db(), caller(), invoice_id, if_match())
    return nothing()


@routes.post("/<uuid:invoice_id>/send")
@routes.response(200, InvoiceAnswer, example=SENT)
def send_invoice(invoice_id: str) -> Response:
    """Send an invoice to its client, or send it again. It takes no body, or an empty object.

    A draft is `sent` from now on, with a number. The letter follows with the PDF; `delivery` says what became of it.
    One that was denied is 422.
    """
    _check_nothing_asked()
    domain = settings.current().mail_domain
    return _shown(actions.send(db(), caller(), invoice_id, if_match(), domain=domain))


@routes.get("/<uuid:invoice_id>/payments")
@routes.arguments(PaymentQuery, location="query")
@routes.response(200, PaymentList, example=listed(PAYMENT_SHOWN))
def list_payments(query: dict[str, Any], invoice_id: str) -> Response:
    """List the payments of an invoice.

    While `has_more`, `next_cursor` goes on.
    """
    return listing(queries.payments(db(), caller(), invoice_id, **query), spelled_payment)


@routes.post("/<uuid:invoice_id>/payments")
@routes.arguments(PaymentIn, example=PAYMENT)
@routes.response(201, PaymentAnswer, example=PAYMENT_SHOWN)
def create_payment(facts: dict[str, Any], invoice_id: str) -> Response:
    """Book a payment. The one that completes the total makes the invoice paid.

    A draft, a cancelled and a denied invoice take none, and nobody can pay more than is due: 422.
    """
    payment = actions.pay(db(), caller(), invoice_id, facts, if_match())
    location = f"{routes.url_prefix}/{invoice_id}/payments/{payment.uuid}"
    return one(spelled_payment(payment), status=201, location=location)


@routes.get("/<uuid:invoice_id>/payments/<uuid:payment_id>")
@routes.response(200, PaymentAnswer, example=PAYMENT_SHOWN)
def get_payment(invoice_id: str, payment_id: str) -> Response:
    """Get a payment.

    A payment never changes.
    """
    return one(spelled_payment(queries.payment(db(), caller(), invoice_id, payment_id)))


@routes.get("/<uuid:invoice_id>/history")
@routes.arguments(EntryQuery, location="query")
@routes.response(200, EntryList, example=ENTRIES_SHOWN)
def list_invoice_history(query: dict[str, Any], invoice_id: str) -> Response:
    """List what happened to an invoice, the oldest first. It can be read after the invoice was deleted.

    Each entry says who changed what, from what to what, with which key and in which request.
    """
    return told(queries.history(db(), caller(), invoice_id, **query), VOCABULARY)


def _check_nothing_asked() -> None:
    """Raise Invalid unless the body is empty, or an empty object."""
    if request.get_data():
        load(Schema(), json_body())


def _shown(invoice: "Invoice", *, status: int = 200, location: str | None = None) -> Response:
    today = queries.today(caller())
    return one(spelled(invoice, today), etag=invoice.etag(today), status=status, location=location)
