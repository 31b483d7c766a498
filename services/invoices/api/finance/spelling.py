"""Facts in the document's words; written by hand, because a list of invoices is a hot path."""

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from orjson import Fragment

from services.invoices import rules
from services.invoices.rules import priced
from shared.json_codec import amount

if TYPE_CHECKING:
    from services.invoices.models import Invoice, Item, Logo, Payment, Profile

Spelling = dict[str, Any]


def spelled(invoice: "Invoice", today: date) -> Spelling:
    """An invoice as it is on that day."""
    currency = invoice.currency
    due = invoice.due
    status = rules.shown(invoice.lifecycle, invoice.due_on, due, today)
    return {
        "id": invoice.uuid,
        "invoice_number": invoice.number,
        "client_name": invoice.client_name,
        "client_email": invoice.client_email,
        "client_address": invoice.client_address,
        "issue_date": invoice.issue_on,
        "due_date": invoice.due_on,
        "status": status,
        "currency": currency,
        "items": [spelled_item(item, currency) for item in invoice.items],
        "subtotal": amount(invoice.subtotal_minor, currency),
        "tax": amount(invoice.tax_minor, currency),
        "total": amount(invoice.total_minor, currency),
        "amount_paid": amount(invoice.paid_minor, currency),
        "amount_due": amount(due.minor, currency),
        "is_overdue": status == rules.OVERDUE,
        "approval": invoice.approval,
        "notes": invoice.notes,
        "delivery": _delivery(invoice),
        "sent_at": invoice.sent_at,
        "created_at": invoice.created_at,
        "updated_at": invoice.updated_at,
    }


def spelled_item(item: "Item", currency: str) -> Spelling:
    """A line."""
    return {
        "id": item.id,
        "description": item.description,
        "quantity": item.quantity,
        "unit_price": price(item.price_micros, currency),
        "amount": amount(item.amount_minor, currency),
    }


@lru_cache(maxsize=8192)
def price(micros: int, currency: str) -> Fragment:
    """A unit price as a JSON number; kept because a price list is short."""
    return Fragment(f"{priced(micros, currency):f}")


def spelled_payment(payment: "Payment") -> Spelling:
    """A payment."""
    return {
        "id": payment.uuid,
        "amount": payment.amount,
        "currency": payment.currency,
        "date": payment.paid_on,
        "method": payment.method,
        "reference": payment.reference,
        "note": payment.note,
        "created_at": payment.created_at,
    }


def spelled_settings(profile: "Profile") -> Spelling:
    """The settings of a workspace."""
    return {
        "seller_name": profile.seller_name,
        "seller_address": profile.seller_address,
        "seller_tax_id": profile.seller_tax_id,
        "bank_details": profile.bank_details,
        "number_format": profile.number_format,
        "relationship_manager_email": profile.relationship_manager_email,
        "finance_approver_email": profile.finance_approver_email,
        "approval_policy": profile.approval_policy,
        "paper_size": profile.paper_size,
        "layout": profile.layout,
    }


def spelled_logo(logo: "Logo") -> Spelling:
    """What there is to say of a logo beside its bytes."""
    return {"content_type": logo.kind, "size": len(logo.data), "sha256": logo.digest}


def _delivery(invoice: "Invoice") -> Spelling | None:
    if invoice.delivery_state is None:
        return None
    return {
        "status": invoice.delivery_state,
        "to": invoice.delivery_to,
        "message_id": invoice.delivery_message_id,
        "error": invoice.delivery_error,
    }
