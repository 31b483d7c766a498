"""Invoices as the `accounts` document spells them: integer ids, one account a call, everything in one envelope."""

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields, validate

from services.invoices import actions, queries, settings
from services.invoices.api.finance import schemas as native
from services.invoices.api.finance.spelling import spelled as natively_spelled
from services.invoices.api.finance.spelling import spelled_item
from services.invoices.queries import OfAccount
from shared.errors import Forbidden, Invalid
from shared.fields import Text, WholeNumber
from shared.lengths import NAME
from shared.page import Place
from shared.web import Routes, answer, caller, db, if_match, nothing, tagged, whole_id

if TYPE_CHECKING:
    from services.invoices.models import Invoice

PATH = "/api/v1/invoices"

DEFAULT_LIMIT, MAX_LIMIT, MAX_PAGE = 20, 100, 10**9

FIRST = (
    *("invoice_number", "client_name", "client_email", "issue_date", "due_date", "status", "currency"),
    *("subtotal", "tax", "total"),
)
CHANGEABLE = (*FIRST, "notes")
WRITABLE = (*CHANGEABLE, "items")
READABLE = (*FIRST, "amount_paid", "amount_due", "notes", "items", "created_at", "updated_at")
"""What reads here as it does in `finance`, of which a further field is none of `accounts` until it is listed here."""

OWN = ("accountId", "account_id", "customer_id")

EXAMPLE: dict[str, Any] = {
    "accountId": "1f0e8a52-6c1b-4a57-9d3e-0c5a7be1f010",
    "customer_id": 42,
    "issue_date": "2024-03-01",
    "due_date": "2024-04-01",
    "status": "draft",
    "notes": "Payment due within 30 days",
    "items": native.EXAMPLE_ITEMS,
}
INVOICE: dict[str, Any] = {
    "id": 7,
    "account_id": EXAMPLE["accountId"],
    "customer_id": 42,
    **{name: native.SHOWN["data"][name] for name in READABLE},
}
MADE, CHANGED = "Resource created successfully", "Resource updated successfully"

SHOWN = {"success": True, "data": INVOICE}
CREATED = {"success": True, "message": MADE, "data": INVOICE}
UPDATED = {"success": True, "message": CHANGED, "data": INVOICE}
LISTED = {"success": True, "data": [INVOICE], "count": 1}
ITEMS_LISTED = {"success": True, "data": INVOICE["items"], "count": 2}

routes = Routes("accounts", __name__, scope="invoices", url_prefix=PATH)


class CustomerId(fields.Field[str | int]):
    """The customer's id in the client's own books: text or a whole number, and read back as it was written."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"oneOf": [{"type": "string", "maxLength": NAME}, {"type": "integer"}]}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | int:
        kind = Text(NAME) if isinstance(value, str) else WholeNumber(least=0, most=2**53 - 1)
        told: str | int = kind.deserialize(value, attr, data, **kwargs)
        return told


class AccountQuery(Schema):
    """Whose invoices are meant."""

    accountId = fields.UUID(metadata={"description": "Required, under this name or the other."})  # noqa: N815
    account_id = fields.UUID()


class PageQuery(Schema):
    """Where in a list."""

    page = WholeNumber(most=MAX_PAGE, text=True, load_default=1)
    limit = WholeNumber(most=MAX_LIMIT, text=True, load_default=DEFAULT_LIMIT)
    query = Text(load_default="", metadata={"description": "Text to look for, without regard to case."})
    sortOrder = fields.String(load_default="asc", validate=validate.OneOf(("asc", "desc")))  # noqa: N815


class InvoiceQuery(AccountQuery, PageQuery):
    """Which invoices."""

    sortBy = fields.String(load_default="created_at", metadata={"description": "A field's name."})  # noqa: N815


class ItemQuery(PageQuery):
    """Which items."""

    sortBy = fields.String(load_default="position", metadata={"description": "A field's name, or `position`."})  # noqa: N815


class AccountInvoiceUpdate(AccountQuery, native.InvoiceIn):
    """What can be changed of an invoice."""

    customer_id = CustomerId(allow_none=True)

    class Meta:
        fields = CHANGEABLE + OWN


class AccountInvoiceCreate(AccountQuery, native.InvoiceIn):
    """What can be written of a new invoice."""

    customer_id = CustomerId(allow_none=True)

    class Meta:
        fields = WRITABLE + OWN


class AccountInvoiceOut(native.InvoiceOut):
    """An invoice."""

    id = fields.Integer()  # type: ignore[assignment]
    account_id = fields.UUID()
    customer_id = CustomerId(allow_none=True)

    class Meta:
        fields = ("id", "account_id", "customer_id", *READABLE)


class Envelope(Schema):
    """What every answer comes in."""

    success = fields.Boolean(required=True)
    message = fields.String()


class AccountInvoiceAnswer(Envelope):
    data = fields.Nested(AccountInvoiceOut)


class AccountInvoiceList(Envelope):
    data = fields.List(fields.Nested(AccountInvoiceOut))
    count = fields.Integer(metadata={"description": "How many there are in all, on every page."})


class AccountItemList(Envelope):
    data = fields.List(fields.Nested(native.ItemOut))
    count = fields.Integer(metadata={"description": "How many there are in all, on every page."})


@routes.get("")
@routes.arguments(InvoiceQuery, location="query")
@routes.response(200, AccountInvoiceList, example=LISTED)
def list_invoices(query: dict[str, Any]) -> Response:
    """List invoices."""
    place = _place(query)
    by = {"q": query["query"]} if query["query"] else {}
    invoices, count = queries.of_account(db(), caller(), _account(query), place, **by)
    today = queries.today(caller())
    return answer({"success": True, "data": [spelled(invoice, today) for invoice in invoices], "count": count})


@routes.post("")
@routes.arguments(AccountInvoiceCreate, example=EXAMPLE)
@routes.response(201, AccountInvoiceAnswer, example=CREATED)
def create_invoice(facts: dict[str, Any]) -> Response:
    """Create an invoice."""
    account_id = _account(facts)
    prefix = settings.current().transaction_prefix
    invoice = actions.create(db(), caller(), facts | {"account_id": account_id}, prefix=prefix)
    location = f"{PATH}/{invoice.id}?accountId={account_id}"
    return _shown(invoice, MADE, status=201, location=location)


@routes.get("/<id:invoice_id>")
@routes.arguments(AccountQuery, location="query")
@routes.response(200, AccountInvoiceAnswer, example=SHOWN)
def get_invoice(query: dict[str, Any], invoice_id: str) -> Response:
    """Get an invoice."""
    return _shown(queries.numbered(db(), caller(), _named(invoice_id, query)))


@routes.put("/<id:invoice_id>")
@routes.arguments(
    AccountInvoiceUpdate, example={"accountId": EXAMPLE["accountId"], "due_date": "2024-05-01", "notes": "Thanks"}
)
@routes.response(200, AccountInvoiceAnswer, example=UPDATED)
def update_invoice(facts: dict[str, Any], invoice_id: str) -> Response:
    """Update an invoice: what is named changes, the rest stays."""
    named = _named(invoice_id, facts)
    return _shown(actions.update(db(), caller(), named, facts, if_match()), CHANGED)


@routes.delete("/<id:invoice_id>")
@routes.arguments(AccountQuery, location="query")
@routes.response(204)
def delete_invoice(query: dict[str, Any], invoice_id: str) -> Response:
    """Delete an invoice. One with a payment, or with a number from the series, can only be cancelled."""
    actions.delete(db(), caller(), _named(invoice_id, query), if_match())
    return nothing()


@routes.get("/<id:invoice_id>/items")
@routes.arguments(ItemQuery, location="query")
@routes.response(200, AccountItemList, example=ITEMS_LISTED)
def list_items(query: dict[str, Any], invoice_id: str) -> Response:
    """List the items of an invoice. They are written with the invoice alone."""
    place = _place(query)
    invoice = queries.numbered(db(), caller(), whole_id(invoice_id))
    items, count = queries.items(db(), caller(), invoice, place, q=query["query"])
    return answer({"success": True, "data": [spelled_item(item, invoice.currency) for item in items], "count": count})


def spelled(invoice: "Invoice", today: date) -> dict[str, Any]:
    """An invoice as it is on that day."""
    said = natively_spelled(invoice, today)
    return {
        "id": invoice.id,
        "account_id": invoice.account_id,
        "customer_id": invoice.customer_id,
        **{name: said[name] for name in READABLE},
    }


def _shown(invoice: "Invoice", message: str = "", *, status: int = 200, location: str | None = None) -> Response:
    today = queries.today(caller())
    told = {"message": message} if message else {}
    said = {"success": True, **told, "data": spelled(invoice, today)}
    return tagged(said, etag=invoice.etag(today), status=status, location=location)


def _account(told: dict[str, Any]) -> str:
    """The account that is named, taken out of what was told.

    Raises:
        Invalid: none is, or two are.
        Forbidden: the key may not use it.
    """
    named: set[UUID] = {told.pop(name) for name in ("accountId", "account_id") if name in told}
    if len(named) != 1:
        why = "Two different accounts are named." if named else "Missing data for required field."
        raise Invalid(errors={"accountId": [why]})
    account_id = str(named.pop())
    if account_id not in caller().accounts:
        raise Forbidden("This API key may not use that account")
    return account_id


def _named(invoice_id: str, told: dict[str, Any]) -> OfAccount:
    """The invoice that is named, and its account, which is taken out of what was told.

    Raises:
        Invalid, NotFound: the id is none, or the account is not one.
        Forbidden: the key may not use the account.
    """
    account_id = _account(told)
    return OfAccount(whole_id(invoice_id), account_id)


def _place(query: dict[str, Any]) -> Place:
    return Place(query["page"], query["limit"], query["sortBy"], descending=query["sortOrder"] == "desc")
