"""What the history of the invoice service calls things, where the name of a column is not enough."""

from typing import Any

from services.invoices.rules import priced
from shared.history import Vocabulary, Words
from shared.money import Money

Facts = dict[str, Any]


def _items(items: list[Facts], currency: str) -> list[Facts]:
    return [
        {
            "description": item["description"],
            "quantity": item["quantity"],
            "unit_price": priced(item["price_micros"], currency),
            "amount": Money(item["amount_minor"], currency),
        }
        for item in items
    ]


def _payment(payment: Facts, currency: str) -> Facts:
    said = {"id": payment["id"], "amount": Money(payment["amount_minor"], currency)}
    return said | {name: payment[name] for name in ("date", "method", "reference", "note")}


def _rates(rates: dict[str, int | None], currency: str) -> Facts:
    return {person: None if rate is None else priced(rate, currency) for person, rate in rates.items()}


VOCABULARY: Vocabulary = {
    "invoice": Words(
        names={
            "number": "invoice_number",
            "lifecycle": "status",
            "issue_on": "issue_date",
            "due_on": "due_date",
            "paid_minor": "amount_paid",
            "requested_minor": "amount_requested",
            "time_minor": "time_cost",
            "expenses_minor": "expenses_cost",
            "fixed": "has_fixed_cost",
            "delivery_state": "delivery.status",
            "delivery_to": "delivery.to",
            "delivery_message_id": "delivery.message_id",
            "delivery_error": "delivery.error",
        },
        hidden=frozenset({"series", "billed", "denied_before", "account_id", "letter"}),
        values={"items": _items, "payment": _payment},
    ),
    "project": Words(
        names={"starts_on": "start_date", "ends_on": "end_date"}, values={"rate_micros": priced, "rates": _rates}
    ),
    "time entry": Words(names={"logged_at": "date", "billable": "is_billable"}, values={"rate_micros": priced}),
    "logo": Words(names={"kind": "content_type", "digest": "sha256"}),
}
