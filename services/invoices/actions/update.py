"""Change an invoice: what is named, and nothing else."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.actions import numbers, writing
from services.invoices.actions.writing import Facts, Told
from services.invoices.models import Invoice, Item
from services.invoices.queries import owned, today, with_items
from shared.amounts import exact
from shared.caller import Caller
from shared.db import Database, now, plainly
from shared.money import Money
from shared.versions import IfMatch


def update(db: Database, caller: Caller, invoice_id: str, facts: Facts, expected: IfMatch) -> Invoice:
    """Change what is named. `items` replaces all items; writing status `paid` books the rest.

    Raises:
        NotFound, PreconditionFailed.
        Invalid: an amount is too precise for the currency, or too large.
        Refused: it is completed, its amounts are fixed, its status cannot make that move, figures that do not agree,
            more asked for than the total, or a number that is already used.
    """
    with db.write() as session:
        if facts.get("status", rules.DRAFT) != rules.DRAFT and not facts.get("invoice_number"):
            return numbers.again(session, lambda: _update(session, caller, invoice_id, facts, expected))
        return _update(session, caller, invoice_id, facts, expected)


def _update(session: Session, caller: Caller, invoice_id: str, facts: Facts, expected: IfMatch) -> Invoice:
    invoice = owned(session, caller, invoice_id, lock=True)
    expected.check(writing.tag(invoice, today(caller)))
    rules.check_open(completed=invoice.completed)
    with_items(session, caller, invoice)
    with session.no_autoflush:
        told = _reckon(session, caller, invoice, facts)
        number, series, status = invoice.number, invoice.series, invoice.shown(today(caller))
        writing.apply_plain(invoice, facts)
        if facts.get("status", status) != status:
            payment, paid = writing.move(session, caller, invoice, facts["status"])
            writing.keep(session, invoice, payment)
            told |= paid
        rules.check_number(number, invoice.number, invoice.lifecycle, series=series)
        if session.is_modified(invoice):
            writing.record(session, caller, "updated", invoice, told)
        numbers.flushed(session, invoice)
    return invoice


def _reckon(session: Session, caller: Caller, invoice: Invoice, facts: Facts) -> Told:
    """Take over items, figures and currency where they differ from what is known. What to tell besides."""
    if not {"items", "currency", writing.REQUESTED, *writing.FIGURES} & facts.keys():
        return {}
    currency = facts.get("currency", invoice.currency)
    before = [item.line for item in invoice.items]
    after = writing.lines(facts) if "items" in facts else before
    named = writing.figures(facts, currency)
    relined, converted = before != after, currency != invoice.currency
    if named or relined or converted:
        old = rules.converted(invoice.amounts, currency, itemised=bool(after)) if converted else invoice.amounts
        amounts = rules.amended(old, named, rules.summed(after, currency), relined=relined)
    else:
        amounts = invoice.amounts
    requested = _requested(invoice, facts, amounts.total)
    if not relined and amounts == invoice.amounts and (requested or 0) == invoice.requested.minor:
        return {}
    rules.check_amounts_open(invoice.lifecycle)
    _reopen(invoice)
    invoice.currency, invoice.requested_minor = currency, requested
    invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor = (
        amounts.subtotal.minor,
        amounts.tax.minor,
        amounts.total.minor,
    )
    return _replace(session, caller, invoice, after) if relined or converted else {}


def _requested(invoice: Invoice, facts: Facts, total: Money) -> int | None:
    """What is asked for of the new total, in its minor units."""
    if writing.REQUESTED in facts:
        return writing.requested(facts, total)
    if invoice.requested_minor is None:
        return None
    kept = exact(invoice.requested.amount, total.currency, "currency")
    rules.check_requested(kept, total)
    return kept.minor


def _reopen(invoice: Invoice) -> None:
    """Let a decision that was about other amounts be as if it had never been taken."""
    again = rules.reopened(invoice.approval)
    if again != invoice.approval:
        invoice.approval = again
        invoice.approved_by_manager_email = invoice.finance_approver_email = invoice.comment = None


def _replace(session: Session, caller: Caller, invoice: Invoice, after: list[rules.Line]) -> Told:
    """Put new items in the place of the old; the invoice's version moves even when its figures stay."""
    old = writing.told_items(invoice.items)
    plainly(session).execute(delete(Item).where(Item.invoice_id == invoice.id))
    invoice.items = writing.itemised(caller, after, invoice.currency)
    writing.put_items(session, invoice)
    invoice.updated_at = now()
    return {"items": [old, writing.told_items(invoice.items)]} if old or invoice.items else {}
