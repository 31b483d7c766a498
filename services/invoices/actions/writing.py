"""What several verbs share: facts become columns, statuses move, and every change is told in the history."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.actions import numbers
from services.invoices.models import Invoice, Item, Payment
from services.invoices.queries import ITEMS, PAYMENTS, is_held, known_profile, today
from services.invoices.rules import Amounts, Line
from shared import audit
from shared.amounts import exact
from shared.caller import Caller
from shared.db import advisory_lock, insert, new_id, now
from shared.money import Money

Facts = Mapping[str, Any]
Told = dict[str, Any]
"""Changes that are not a column's: `{name: [old, new]}`."""

PLAIN = {
    "customer_id": "customer_id",
    "client_name": "client_name",
    "client_email": "client_email",
    "client_address": "client_address",
    "issue_date": "issue_on",
    "due_date": "due_on",
    "invoice_number": "number",
    "notes": "notes",
    "description": "description",
    "service_date": "service_on",
    "provider_name": "provider_name",
    "category_name": "category_name",
    "subcategory_name": "subcategory_name",
    "payment_method": "payment_method",
    "user_email": "user_email",
    "po_number": "po_number",
}
"""Facts that are a column as they are."""

FIGURES = ("subtotal", "tax", "total")
REQUESTED = "amount_requested"
FIXED = "fixed_cost"
AMOUNTS = frozenset({"items", "currency", REQUESTED, FIXED, *FIGURES})
"""Facts that the amounts depend on. A fixed cost is the total; null lets time entries and expenses make it."""


PAYEE = ("provider_name", "payment_method", "user_email")
"""Facts that say who is paid, and how: `self` is the user, who has paid the provider."""


def apply_plain(invoice: Invoice, facts: Facts) -> None:
    """Take over what is a column as it is. Another payee asks for approval again.

    Raises:
        Refused: another payee of what is paid, be it in part.
    """
    if any(fact in facts and facts[fact] != getattr(invoice, PLAIN[fact]) for fact in PAYEE):
        rules.check_payee_open(invoice.payment_status)
        reopen(invoice)
    for fact, column in PLAIN.items():
        if fact in facts:
            setattr(invoice, column, facts[fact])


def figures(facts: Facts, currency: str) -> dict[str, Money]:
    """The figures that were written. Raises Invalid when one is too precise for the currency, or too large."""
    named = {name: exact(facts[name], currency, name) for name in FIGURES if name in facts}
    if facts.get(FIXED) is not None:
        named["total"] = exact(facts[FIXED], currency, FIXED)
    return named


def requested(facts: Facts, total: Money) -> int:
    """What of the total is asked for, in minor units.

    Raises:
        Invalid: it is too precise for the currency, or too large.
        Refused: it is more than the total.
    """
    amount = exact(facts[REQUESTED], total.currency, REQUESTED)
    rules.check_requested(amount, total)
    return amount.minor


def lines(facts: Facts) -> list[Line]:
    """The items that were written."""
    return [
        Line(each["description"], each["quantity"], int(Decimal(each["unit_price"]).scaleb(rules.MICRO)))
        for each in facts.get("items", ())
    ]


def itemised(caller: Caller, written: list[Line], currency: str) -> list[Item]:
    """New rows for lines."""
    return [
        ITEMS.new(
            id=new_id(),
            workspace_id=caller.workspace_id,
            position=position,
            description=line.description,
            quantity=line.quantity,
            price_micros=line.price_micros,
            amount_minor=line.amount(currency).minor,
        )
        for position, line in enumerate(written)
    ]


def put_items(session: Session, invoice: Invoice) -> None:
    """Write the new items of an invoice that is in the database."""
    for item in invoice.items:
        item.invoice_id = invoice.id
    insert(session, *invoice.items)


def told_items(items: list[Item]) -> list[Told]:
    """Items, as the history keeps them."""
    return [
        {
            "description": item.description,
            "quantity": item.quantity,
            "price_micros": item.price_micros,
            "amount_minor": item.amount_minor,
        }
        for item in items
    ]


def told_payment(payment: Payment) -> Told:
    """A payment, as the history keeps it."""
    return {
        "id": payment.uuid,
        "amount_minor": payment.amount_minor,
        "date": payment.paid_on.isoformat(),
        "method": payment.method,
        "reference": payment.reference,
        "note": payment.note,
    }


def move(session: Session, caller: Caller, invoice: Invoice, to: str) -> tuple[Payment | None, Told]:
    """Move the invoice to a status: it gets its number. The payment that `paid` stands for, and what to tell of it.

    Raises:
        Refused: it cannot make that move.
    """
    was = invoice.lifecycle
    rules.check_released(denied=invoice.denied and to not in (was, rules.CANCELLED))
    rules.check_not_held(held=was == rules.DRAFT and is_held(session, invoice))
    invoice.lifecycle = rules.move(was, to)
    if to == rules.PAID != was:
        check_approved(session, caller, invoice)
    if was == rules.DRAFT and to != rules.DRAFT and invoice.number is None:
        invoice.number, invoice.series = numbers.take(session, caller), True
    if to == rules.SENT and invoice.sent_at is None:
        invoice.sent_at = now()
    return book(caller, invoice, invoice.due, {}) if to == rules.PAID and invoice.due.minor else (None, {})


def check_approved(session: Session, caller: Caller, invoice: Invoice) -> None:
    """Raise Refused when the invoice may not be paid as it stands, as the workspace's policy says."""
    rules.check_approved(invoice.approval, known_profile(session, caller).approval_policy)


def book(caller: Caller, invoice: Invoice, amount: Money, facts: Facts) -> tuple[Payment, Told]:
    """Money that moved, counted on the invoice, and what to tell of it. `keep` writes it."""
    payment = PAYMENTS.new(
        uuid=new_id(),
        workspace_id=invoice.workspace_id,
        amount_minor=amount.minor,
        currency=amount.currency,
        paid_on=facts.get("date") or today(caller),
        method=facts.get("method"),
        reference=facts.get("reference"),
        note=facts.get("note"),
        created_by=caller.member_id,
        created_at=now(),
    )
    invoice.paid_minor += amount.minor
    return payment, {"payment": [None, told_payment(payment)]}


def insert_payment(session: Session, invoice: Invoice, payment: Payment | None) -> None:
    """Write a payment of an invoice that is in the database."""
    if payment:
        payment.invoice_id = invoice.id
        insert(session, payment)


def record(session: Session, caller: Caller, action: str, invoice: Invoice, told: Told | None = None) -> None:
    """Tell the change in the history, with the currency its amounts are in. Call it before the change is flushed."""
    audit.record(session, caller, action, invoice, {"currency": [invoice.currency] * 2, **(told or {})})
    if caller.member_id is not None:  # else it is a service at work, and no person
        invoice.updated_by = caller.member_id


def lock_decisions(session: Session, caller: Caller) -> None:
    """Wait for others who decide on invoices of the workspace, or change what its decisions rest on."""
    advisory_lock(session, f"decisions {caller.workspace_id}")


def reopen(invoice: Invoice) -> None:
    """Let a decision that was about other amounts, or another payee, be as if it had never been taken.

    What was denied is submitted anew by that, and still neither sent nor paid before it is approved.
    """
    if invoice.approval != rules.PENDING:
        invoice.denied_before = invoice.denied
        invoice.approval = rules.PENDING
        invoice.approved_by_manager_email = invoice.finance_approver_email = invoice.comment = None


def set_amounts(invoice: Invoice, amounts: Amounts) -> None:
    """Take over the three figures."""
    invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor = (
        amounts.subtotal.minor,
        amounts.tax.minor,
        amounts.total.minor,
    )
