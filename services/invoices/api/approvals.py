"""Invoices as the `approvals` document spells them: by transaction id, amounts as text, and a key set for each reply.

Amounts have the decimals of the invoice's currency: two in most, none in yen.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Response, request
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.invoices import actions, queries, rules, settings
from services.invoices.queries import TransactionId
from shared.bodies import json_body, load
from shared.errors import Forbidden, Invalid, renamed
from shared.fields import Amount, Day, Email, Text, TrueOrFalse, WholeNumber
from shared.lengths import DESCRIPTION, NAME
from shared.page import Place
from shared.web import Routes, answer, caller, db, if_match, needs, tagged

if TYPE_CHECKING:
    from services.invoices.models import Invoice, Profile

PATH = "/api/invoices"

DEFAULT_LIMIT, MAX_LIMIT, MAX_PAGE = 10, 100, 10**9
SHOWN_AMOUNT = {"format": "decimal", "pattern": r"^\d+(\.\d+)?$", "example": "5000.00"}

SHOWN_ONLY = {"description": "As it is shown: it cannot be changed here."}

LISTED, FOUND = "Invoices retrieved successfully.", "Invoice retrieved successfully."
CREATED, UPDATED = "Invoice created successfully", "Invoice updated successfully"
DECIDED, FINANCE_DECIDED = "Invoice successfully updated.", "Finance approval completed."
DELETED = "Invoice deleted successfully."

FACTS = (
    *("id", "description", "service_date", "provider_name", "total_amount", "amount_requested", "status"),
    *("approval_status", "balance", "category_name", "subcategory_name", "payment_method", "transaction_id"),
    *("user_email", "relationship_manager_email"),
)
"""What the replies to *create* and *update* show."""
WITH_APPROVER = (*FACTS, "finance_approver_email")
"""What the replies to the two approvals show."""
ALL = (*WITH_APPROVER, "approved_by_manager_email", "comment")
"""What a list and a single invoice show: all that is `spelled`."""

RESPELLED = {"total": "total_amount"}
"""What the domain blames -> what it is called here."""

EXAMPLE: dict[str, Any] = {
    "company_id": 1,
    "description": "Consulting services",
    "service_date": "2024-10-10",
    "total_amount": 5000,
    "amount_requested": 4500,
    "user_email": "user@example.com",
    "payment_method": "self",
    "provider_name": "ABC Consulting",
    "category_name": "Consulting",
    "subcategory_name": "Business",
}
CHANGE: dict[str, Any] = {
    "total_amount": 6000,
    "amount_requested": 5500,
    "payment_method": "self",
    "provider_name": "XYZ Consulting",
    "category_name": "Consulting",
    "subcategory_name": "Strategy",
}
APPROVAL: dict[str, Any] = {
    "manager_email": "manager@example.com",
    "approvalAction": "approve",
    "finance_approver_email": "finance@example.com",
    "comment": "Approval comment",
    "notify": True,
}
FINANCE_APPROVAL: dict[str, Any] = {"finance_approved": True, "comment": "Finance approval comment", "notify": True}
OWNER = {"user_email": "user@example.com"}

INVOICE: dict[str, Any] = {
    "id": 101,
    "description": "Consulting services",
    "service_date": "2024-10-10",
    "provider_name": "ABC Consulting",
    "total_amount": "5000.00",
    "amount_requested": "4500.00",
    "status": "unpaid",
    "approval_status": "pending",
    "balance": "500.00",
    "category_name": "Consulting",
    "subcategory_name": "Business",
    "payment_method": "self",
    "transaction_id": "H360-XYZ123",
    "user_email": "user@example.com",
    "relationship_manager_email": "manager@example.com",
}
CHANGED = INVOICE | {name: CHANGE[name] for name in ("provider_name", "subcategory_name")}
CHANGED |= {"total_amount": "6000.00", "amount_requested": "5500.00"}
WHOLE = INVOICE | {"finance_approver_email": None, "approved_by_manager_email": None, "comment": None}
HALF_APPROVED = INVOICE | {"approval_status": "in progress", "finance_approver_email": "finance@example.com"}

routes = Routes("approvals", __name__, scope="invoices", url_prefix=PATH)


class AmountOrText(fields.Field[Decimal]):
    """An amount as a number, or as the text that it reads back as."""

    def __init__(self, **kwargs: Any) -> None:
        kinds = [{"type": "number", "minimum": 0}, {"type": "string", **SHOWN_AMOUNT}]
        super().__init__(metadata={"oneOf": kinds}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        amount: Decimal = Amount(text=True).deserialize(value, attr, data)
        return amount


class CompanyQuery(Schema):
    """Whose invoices are meant."""

    company_id = WholeNumber(most=2**63 - 1, text=True, metadata={"description": "The company of the key."})


class TransactionQuery(CompanyQuery):
    """Which invoices."""

    transaction_id = Text()
    status = fields.String(
        validate=validate.OneOf((*rules.PAYMENT_STATUSES, *rules.APPROVALS)),
        metadata={"description": "The payment status or the approval status."},
    )
    sort = fields.String(load_default="created_at", metadata={"description": "A field's name."})
    order = fields.String(load_default="desc", validate=validate.OneOf(("asc", "desc")))
    per_page = WholeNumber(most=MAX_LIMIT, text=True, load_default=DEFAULT_LIMIT)
    page = WholeNumber(most=MAX_PAGE, text=True, load_default=1)


class TransactionIn(Schema):
    """What can be written of an invoice; everything is optional."""

    company_id = WholeNumber(most=2**63 - 1, metadata={"description": "The company of the key."})
    description = Text(DESCRIPTION, allow_none=True)
    service_date = Day(allow_none=True)
    provider_name = Text(NAME, allow_none=True)
    total = AmountOrText(data_key="total_amount")
    amount_requested = AmountOrText()
    category_name = Text(NAME, allow_none=True)
    subcategory_name = Text(NAME, allow_none=True)
    payment_method = Text(NAME, allow_none=True)
    user_email = Email(allow_none=True)


class TransactionUpdate(TransactionIn):
    """What can be changed of an invoice. What cannot be may be sent back as a reply showed it."""

    id = fields.Raw(metadata=SHOWN_ONLY)
    status = fields.Raw(metadata=SHOWN_ONLY)
    approval_status = fields.Raw(metadata=SHOWN_ONLY)
    balance = fields.Raw(metadata=SHOWN_ONLY)
    transaction_id = fields.Raw(metadata=SHOWN_ONLY)
    relationship_manager_email = fields.Raw(metadata=SHOWN_ONLY, allow_none=True)
    finance_approver_email = fields.Raw(metadata=SHOWN_ONLY, allow_none=True)
    approved_by_manager_email = fields.Raw(metadata=SHOWN_ONLY, allow_none=True)
    comment = fields.Raw(metadata=SHOWN_ONLY, allow_none=True)


SENT_BACK = TransactionUpdate._declared_fields.keys() - TransactionIn._declared_fields.keys()
"""What *update* takes only as it is."""


class ManagerDecision(Schema):
    """What a manager decides."""

    manager_email = Email(required=True)
    action = fields.String(data_key="approvalAction", required=True, validate=validate.OneOf(("approve", "deny")))
    finance_approver_email = Email(
        allow_none=True, metadata={"description": "Who decides next. Not given: the one of the settings."}
    )
    comment = Text(DESCRIPTION, allow_none=True)
    notify = TrueOrFalse(metadata={"description": "Whether to write to who decides next, or else to the user."})


class FinanceDecision(Schema):
    """What the finance department decides."""

    yes = TrueOrFalse(data_key="finance_approved", required=True)
    comment = Text(DESCRIPTION, allow_none=True, metadata={"description": "Required, unless it is approved."})
    notify = TrueOrFalse(metadata={"description": "Whether to write to the user."})

    @validates_schema
    def check_comment(self, facts: dict[str, Any], **_: Any) -> None:
        """A refusal says why."""
        if not facts["yes"] and not (facts.get("comment") or "").strip():
            raise ValidationError("Required when finance_approved is false.", "comment")


class OwnerIn(Schema):
    """Whose invoice it is."""

    user_email = Email(metadata={"description": "The invoice's user, here or in the body."})


class TransactionOut(Schema):
    """An invoice."""

    id = fields.Integer()
    description = fields.String(allow_none=True)
    service_date = Day(allow_none=True)
    provider_name = fields.String(allow_none=True)
    total_amount = fields.String(metadata=SHOWN_AMOUNT)
    amount_requested = fields.String(metadata=SHOWN_AMOUNT)
    status = fields.String(validate=validate.OneOf(rules.PAYMENT_STATUSES))
    approval_status = fields.String(validate=validate.OneOf(rules.APPROVALS))
    balance = fields.String(metadata=SHOWN_AMOUNT | {"description": "`total_amount` - `amount_requested`."})
    category_name = fields.String(allow_none=True)
    subcategory_name = fields.String(allow_none=True)
    payment_method = fields.String(allow_none=True)
    transaction_id = fields.String()
    user_email = fields.String(allow_none=True)
    relationship_manager_email = fields.String(allow_none=True)


class DecidedTransactionOut(TransactionOut):
    """An invoice, and who decides next."""

    finance_approver_email = fields.String(allow_none=True)


class WholeTransactionOut(DecidedTransactionOut):
    """An invoice, and all about its approval."""

    approved_by_manager_email = fields.String(allow_none=True)
    comment = fields.String(allow_none=True)


class Told(Schema):
    """What every answer says."""

    message = fields.String(required=True)


class TransactionAnswer(Told):
    invoice = fields.Nested(TransactionOut)


class DecidedTransactionAnswer(Told):
    invoice = fields.Nested(DecidedTransactionOut)


class WholeTransactionAnswer(Told):
    invoice = fields.Nested(WholeTransactionOut)


class TransactionList(Told):
    invoices = fields.List(fields.Nested(WholeTransactionOut))


class TransactionDeleted(Told):
    transaction_id = fields.String()


@routes.get("")
@routes.arguments(TransactionQuery, location="query")
@routes.response(200, TransactionList, example={"message": LISTED, "invoices": [WHOLE]})
def list_invoices(query: dict[str, Any]) -> Response:
    """List invoices. The headers X-Total, X-Pages and X-Page tell how many there are, and where this page is."""
    _check_company(query)
    place = Place(query["page"], query["per_page"], query["sort"], descending=query["order"] == "desc")
    by = {"transaction_id": query.get("transaction_id"), "standing": query.get("status")}
    told = {name: value for name, value in by.items() if value is not None}
    invoices, count = queries.transactions(db(), caller(), place, **told)
    profile = queries.profile(db(), caller())
    response = answer({"message": LISTED, "invoices": [spelled(invoice, profile) for invoice in invoices]})
    response.headers["X-Total"] = str(count)
    response.headers["X-Pages"] = str(-(-count // place.limit))
    response.headers["X-Page"] = str(place.page)
    return response


@routes.post("")
@routes.arguments(TransactionIn, example=EXAMPLE)
@routes.response(201, TransactionAnswer, example={"message": CREATED, "invoice": INVOICE})
def create_invoice(facts: dict[str, Any]) -> Response:
    """Create an invoice."""
    _check_company(facts)
    prefix = settings.current().transaction_prefix
    with renamed(RESPELLED):
        invoice = actions.create(db(), caller(), facts, prefix=prefix)
    location = f"{PATH}/{quote(invoice.transaction_id, safe='')}"
    return _shown(invoice, CREATED, FACTS, status=201, location=location)


@routes.get("/<transaction_id>")
@routes.response(200, WholeTransactionAnswer, example={"message": FOUND, "invoice": WHOLE})
def get_invoice(transaction_id: str) -> Response:
    """Get an invoice."""
    return _shown(queries.transaction(db(), caller(), transaction_id), FOUND, ALL)


@routes.put("/<transaction_id>")
@routes.arguments(TransactionUpdate, example=CHANGE)
@routes.response(200, TransactionAnswer, example={"message": UPDATED, "invoice": CHANGED})
def update_invoice(facts: dict[str, Any], transaction_id: str) -> Response:
    """Update an invoice: what is named changes, the rest stays. Other amounts need to be approved again."""
    _check_company(facts)
    _check_sent_back(facts, transaction_id)
    with renamed(RESPELLED):
        invoice = actions.update(db(), caller(), TransactionId(transaction_id), facts, if_match())
    return _shown(invoice, UPDATED, FACTS)


@routes.put("/<transaction_id>/approve")
@routes.arguments(ManagerDecision, example=APPROVAL)
@routes.response(200, DecidedTransactionAnswer, example={"message": DECIDED, "invoice": HALF_APPROVED})
@needs("invoices:approve")
def approve_invoice(facts: dict[str, Any], transaction_id: str) -> Response:
    """Approve an invoice as its manager, or deny it. Needs the scope `invoices:approve`."""
    decided = facts | {"yes": facts["action"] == "approve"}
    invoice = actions.approve(db(), caller(), TransactionId(transaction_id), decided, if_match(), _installation())
    return _shown(invoice, DECIDED, WITH_APPROVER)


@routes.put("/<transaction_id>/finance-approve")
@routes.arguments(FinanceDecision, example=FINANCE_APPROVAL)
@routes.response(
    200,
    DecidedTransactionAnswer,
    example={"message": FINANCE_DECIDED, "invoice": HALF_APPROVED | {"approval_status": "approved"}},
)
@needs("invoices:approve")
def finance_approve_invoice(facts: dict[str, Any], transaction_id: str) -> Response:
    """Approve an invoice as the finance department, or deny it. Needs the scope `invoices:approve`."""
    invoice = actions.finance_approve(db(), caller(), TransactionId(transaction_id), facts, if_match(), _installation())
    return _shown(invoice, FINANCE_DECIDED, WITH_APPROVER)


@routes.delete("/<transaction_id>/destroy")
@routes.arguments(OwnerIn, location="query")
@routes.doc(requestBody={"content": {"application/json": {"schema": OwnerIn, "example": OWNER}}})
@routes.response(200, TransactionDeleted, example={"message": DELETED, "transaction_id": INVOICE["transaction_id"]})
def destroy_invoice(query: dict[str, Any], transaction_id: str) -> Response:
    """Delete an invoice of which nothing is paid. Its user is named in the body or in the query."""
    user_email = _owner(query)
    named = TransactionId(transaction_id)
    actions.delete(db(), caller(), named, if_match(), user_email=user_email)
    return answer({"message": DELETED, "transaction_id": transaction_id})


def spelled(invoice: "Invoice", profile: "Profile") -> dict[str, Any]:
    """All that is said of an invoice; each reply shows a part of it."""
    return {
        "id": invoice.id,
        "description": invoice.description,
        "service_date": invoice.service_on,
        "provider_name": invoice.provider_name,
        "total_amount": str(invoice.total),
        "amount_requested": str(invoice.requested),
        "status": invoice.payment_status,
        "approval_status": invoice.approval,
        "balance": str(invoice.balance),
        "category_name": invoice.category_name,
        "subcategory_name": invoice.subcategory_name,
        "payment_method": invoice.payment_method,
        "transaction_id": invoice.transaction_id,
        "user_email": invoice.user_email,
        "relationship_manager_email": profile.relationship_manager_email,
        "finance_approver_email": invoice.finance_approver_email,
        "approved_by_manager_email": invoice.approved_by_manager_email,
        "comment": invoice.comment,
    }


def _shown(
    invoice: "Invoice", message: str, keys: tuple[str, ...], *, status: int = 200, location: str | None = None
) -> Response:
    said = spelled(invoice, queries.profile(db(), caller()))
    etag = invoice.etag(queries.today(caller()))
    body = {"message": message, "invoice": {name: said[name] for name in keys}}
    return tagged(body, etag=etag, status=status, location=location)


def _check_company(told: dict[str, Any]) -> None:
    """Raise Forbidden when another company is named than the key's; the name is taken out of what was told."""
    if told.pop("company_id", caller().company_id) != caller().company_id:
        raise Forbidden("This API key belongs to another company")


def _check_sent_back(facts: dict[str, Any], transaction_id: str) -> None:
    """Take out of the facts what cannot be changed here.

    Raises:
        NotFound.
        Invalid: it is not as it is shown.
    """
    sent = {name: facts.pop(name) for name in SENT_BACK & facts.keys()}
    if not sent:
        return
    shown = spelled(queries.transaction(db(), caller(), transaction_id), queries.profile(db(), caller()))
    if wrong := [name for name in sent if sent[name] != shown[name]]:
        raise Invalid(errors={name: ["Cannot be changed here."] for name in wrong})


def _owner(query: dict[str, Any]) -> str:
    """Whose invoice the request says that it is. Raises Invalid when it names nobody, or two."""
    body = load(OwnerIn(), json_body()) if request.get_data() else {}
    named = {told["user_email"] for told in (body, query) if told}
    if len(named) != 1:
        why = "Two different users are named." if named else "Missing data for required field."
        raise Invalid(errors={"user_email": [why]})
    email: str = named.pop()
    return email


def _installation() -> actions.Installation:
    known = settings.current()
    return actions.Installation(domain=known.mail_domain, apart=known.separation_of_duties)
