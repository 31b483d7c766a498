"""What can be written and read of invoices: names, kinds and limits, as OpenAPI shows them."""

from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields, validate

from services.invoices import rules
from services.invoices.papers.document import LAYOUTS, PAPER_SIZES
from services.invoices.papers.logos import KINDS
from shared.bodies import ListQuery
from shared.describe import ListSchema
from shared.fields import Amount, CurrencyCode, Day, Email, Several, Text, WholeNumber
from shared.lengths import DESCRIPTION, NAME, NOTES

DEAREST = Decimal("999999999.999999")
MOST = Decimal(10) ** 13

EXAMPLE_ITEMS: list[dict[str, Any]] = [
    {"description": "Service A", "quantity": 1, "unit_price": 100.00},
    {"description": "Service B", "quantity": 2, "unit_price": 50.00},
]
EXAMPLE: dict[str, Any] = {
    "invoice_number": "INV-2024-001",
    "client_name": "Acme Corp",
    "client_email": "billing@acme.com",
    "client_address": "123 Main St",
    "due_date": "2024-04-01",
    "status": "draft",
    "items": EXAMPLE_ITEMS,
    "subtotal": 200.00,
    "tax": 20.00,
    "total": 220.00,
    "notes": "Payment due within 30 days",
}

SHOWN: dict[str, dict[str, Any]] = {
    "data": EXAMPLE
    | {
        "id": "1f0e8a52-6c1b-4a57-9d3e-0c5a7be1f001",
        "issue_date": "2024-03-01",
        "currency": "USD",
        "items": [
            {"id": "1f0e8a52-6c1b-4a57-9d3e-0c5a7be1f002", **EXAMPLE_ITEMS[0], "amount": 100.00},
            {"id": "1f0e8a52-6c1b-4a57-9d3e-0c5a7be1f003", **EXAMPLE_ITEMS[1], "amount": 100.00},
        ],
        "amount_paid": 0.00,
        "amount_due": 220.00,
        "is_overdue": False,
        "approval": "pending",
        "delivery": None,
        "sent_at": None,
        "created_at": "2024-03-01T09:30:00Z",
        "updated_at": "2024-03-01T09:30:00Z",
    }
}
"""What the example reads back as."""

SENT = {
    "data": SHOWN["data"]
    | {
        "status": "sent",
        "sent_at": "2024-03-01T09:31:00Z",
        "delivery": {
            "status": "queued",
            "to": "billing@acme.com",
            "message_id": "<1f0e8a52-6c1b-4a57-9d3e-0c5a7be1f004@example.com>",
            "error": None,
        },
    }
}
PAYMENT = {"amount": 100.00, "date": "2024-03-15", "method": "bank transfer"}
PAYMENT_SHOWN = {
    "data": PAYMENT
    | {
        "id": "1f0e8a52-6c1b-4a57-9d3e-0c5a7be1f005",
        "currency": "USD",
        "reference": None,
        "note": None,
        "created_at": "2024-03-15T10:00:00Z",
    }
}
SETTINGS = {
    "seller_name": "Example Ltd",
    "number_format": "INV-{year}-{number:04d}",
    "approval_policy": "open",
    "paper_size": "a4",
    "layout": "classic",
}
UNSET = ("seller_address", "seller_tax_id", "bank_details", "relationship_manager_email", "finance_approver_email")
SETTINGS_SHOWN = {"data": dict.fromkeys(UNSET) | SETTINGS}
LOGO_SHOWN = {"data": {"content_type": "image/png", "size": 20480, "sha256": "9f86d081884c7d65" + "0" * 48}}


class ItemIn(Schema):
    """A line of an invoice."""

    description = Text(DESCRIPTION, required=True)
    quantity = WholeNumber(required=True)
    unit_price = Amount(above=0, most=DEAREST, decimals=rules.MICRO, required=True)


class ItemOut(ItemIn):
    """A line, with what it adds up to."""

    id = fields.UUID()
    amount = Amount(metadata={"description": "Quantity x unit price, rounded half up to the currency."})


class InvoiceIn(Schema):
    """What can be written of an invoice; everything is optional."""

    invoice_number = Text(
        NAME,
        allow_none=True,
        validate=[validate.Length(min=1)],
        metadata={"description": "Unique. Not given: the next of the series, when the invoice leaves draft."},
    )
    client_name = Text(NAME, allow_none=True)
    client_email = Email(allow_none=True)
    client_address = Text(DESCRIPTION, allow_none=True)
    issue_date = Day(metadata={"description": "Today, unless given."})
    due_date = Day(allow_none=True)
    status = fields.String(
        validate=validate.OneOf(rules.STATUSES),
        metadata={"description": "Writing `sent` mails nothing; writing `paid` books a payment of the rest."},
    )
    currency = CurrencyCode(metadata={"description": "The workspace's, unless given. Fixed once sent."})
    items = Several(
        fields.Nested(ItemIn),
        most=rules.LINES,
        metadata={"description": "Written, they replace all items. Fixed once sent, as are the amounts."},
    )
    subtotal = Amount(metadata={"description": "The sum of the items. Computed, unless given; a wrong one is refused."})
    tax = Amount(metadata={"description": "0, unless given or told by `total`."})
    total = Amount(metadata={"description": "`subtotal` and `tax`. Computed, unless given; a wrong one is refused."})
    notes = Text(NOTES, allow_none=True)


class DeliveryOut(Schema):
    """What became of the latest mail."""

    status = fields.String(validate=validate.OneOf(("queued", "delivered", "failed")))
    to = fields.String()
    message_id = fields.String()
    error = fields.String(allow_none=True)


class InvoiceOut(InvoiceIn):
    """An invoice."""

    id = fields.UUID()
    items = fields.List(fields.Nested(ItemOut))  # type: ignore[assignment]
    amount_paid = Amount()
    amount_due = Amount()
    is_overdue = fields.Boolean(metadata={"description": "Whether `status` is `overdue`."})
    approval = fields.String(
        validate=validate.OneOf(rules.APPROVALS),
        dump_only=True,
        metadata={"description": "Decided in `approvals`. A denied invoice is neither sent nor paid."},
    )
    delivery = fields.Nested(DeliveryOut, allow_none=True)
    sent_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class InvoiceAnswer(Schema):
    data = fields.Nested(InvoiceOut)


class InvoiceList(ListSchema):
    data = fields.List(fields.Nested(InvoiceOut))


class InvoiceQuery(ListQuery):
    """Filters of the list of invoices."""

    status = fields.String(validate=validate.OneOf(rules.STATUSES))
    approval = fields.String(validate=validate.OneOf(rules.APPROVALS))
    from_ = Day(data_key="from", metadata={"description": "Issued on this day or later."})
    to = Day(metadata={"description": "Issued on this day or before."})
    due_from = Day(metadata={"description": "Due on this day or later."})
    due_to = Day(metadata={"description": "Due on this day or before."})
    client_email = Text(metadata={"description": "The whole address, without regard to case."})
    client_name = Text(metadata={"description": "A piece of the name, without regard to case."})
    currency = CurrencyCode()
    invoice_number = Text()
    min_amount = Amount(most=MOST, text=True, metadata={"description": "`total` is this or more."})
    max_amount = Amount(most=MOST, text=True, metadata={"description": "`total` is this or less."})


class PaymentIn(Schema):
    """What a client has paid."""

    amount = Amount(above=0, required=True)
    date = Day(metadata={"description": "Today, unless given."})
    method = Text(NAME, allow_none=True)
    reference = Text(NAME, allow_none=True)
    note = Text(DESCRIPTION, allow_none=True)


class PaymentOut(PaymentIn):
    """A payment."""

    id = fields.UUID()
    currency = CurrencyCode()
    created_at = fields.AwareDateTime()


class PaymentAnswer(Schema):
    data = fields.Nested(PaymentOut)


class PaymentList(ListSchema):
    data = fields.List(fields.Nested(PaymentOut))


class PaymentQuery(ListQuery):
    """How the list of payments is paged."""

    class Meta:
        exclude = ("q",)

    sort = Text(load_default="created_at", metadata={"description": "`created_at`, `date` or `amount`."})


class SettingsIn(Schema):
    """What can be set for a workspace."""

    seller_name = Text(NAME, allow_none=True)
    seller_address = Text(DESCRIPTION, allow_none=True)
    seller_tax_id = Text(NAME, allow_none=True)
    bank_details = Text(DESCRIPTION, allow_none=True)
    number_format = Text(
        64, metadata={"description": "With {number} or {number:04d} in it, and {year} if each year begins at 1."}
    )
    relationship_manager_email = Email(
        allow_none=True, metadata={"description": "The only manager who may approve an invoice; null: any may."}
    )
    finance_approver_email = Email(
        allow_none=True, metadata={"description": "Who approves after the manager, where he names nobody."}
    )
    approval_policy = fields.String(
        validate=validate.OneOf(rules.POLICIES),
        metadata={
            "description": "Whose key may approve. `open`: any with the scope; `members`: that of the manager or the "
            "finance approver who is named; `four_eyes`: besides, they and the submitter are three members. "
            "Under the last two nothing is paid before it is approved."
        },
    )
    paper_size = fields.String(validate=validate.OneOf(PAPER_SIZES), metadata={"description": "Of an invoice's PDF."})
    layout = fields.String(validate=validate.OneOf(LAYOUTS), metadata={"description": "How an invoice's PDF looks."})


class SettingsAnswer(Schema):
    data = fields.Nested(SettingsIn)


class LogoOut(Schema):
    """The logo on every PDF of the workspace."""

    content_type = fields.String(validate=validate.OneOf(KINDS))
    size = fields.Integer(metadata={"description": "In bytes."})
    sha256 = fields.String()


class LogoAnswer(Schema):
    data = fields.Nested(LogoOut)
