"""Change an invoice: what is named, and nothing else."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.actions import numbers, writing
from services.invoices.actions.writing import Facts, Told
from services.invoices.models import Invoice, Item, Project
from services.invoices.queries import InvoiceId, carries, of_workspace, owned, today, with_items
from services.invoices.rules import Amounts
from shared.amounts import exact
from shared.caller import Caller
from shared.db import Database, connection_of, now
from shared.money import Money
from shared.versions import IfMatch


def update(db: Database, caller: Caller, invoice_id: InvoiceId, facts: Facts, expected: IfMatch) -> Invoice:
    """Change what is named. `items` replaces all items; writing status `paid` books the rest.

    Raises:
        NotFound (also the project that is named), PreconditionFailed.
        Invalid: an amount is too precise for the currency, or too large.
        Refused: it is completed, its amounts are fixed, its status cannot make that move, figures that do not agree,
            more asked for than the total, another payee of what is paid, or a number that is already used.
    """
    with db.write() as session:
        if facts.get("status", rules.DRAFT) != rules.DRAFT and not facts.get("invoice_number"):
            return numbers.retry_on_taken_number(session, lambda: _update(session, caller, invoice_id, facts, expected))
        return _update(session, caller, invoice_id, facts, expected)


def _update(session: Session, caller: Caller, invoice_id: InvoiceId, facts: Facts, expected: IfMatch) -> Invoice:
    invoice = owned(session, caller, invoice_id, lock=True)
    expected.check(invoice.etag(today(caller)))
    rules.check_open(completed=invoice.completed)
    with_items(session, caller, invoice)
    with session.no_autoflush:
        told = _reckon(session, caller, invoice, facts)
        _move(session, caller, invoice, facts)
        number, series, status = invoice.number, invoice.series, invoice.shown(today(caller))
        writing.apply_plain(invoice, facts)
        if facts.get("status", status) != status:
            payment, paid = writing.move(session, caller, invoice, facts["status"])
            writing.insert_payment(session, invoice, payment)
            told |= paid
        rules.check_number(number, invoice.number, invoice.lifecycle, series=series)
        if session.is_modified(invoice):
            writing.record(session, caller, "updated", invoice, told)
        numbers.flushed(session, invoice)
    return invoice


def _move(session: Session, caller: Caller, invoice: Invoice, facts: Facts) -> None:
    """Take over the project, where another one is named."""
    project_id = facts.get("project_id", invoice.project_id)
    if project_id == invoice.project_id:
        return
    if project_id is not None:
        of_workspace(session, Project, caller, project_id)
    rules.check_project_open(carries=carries(session, invoice))
    invoice.project_id = project_id


def _reckon(session: Session, caller: Caller, invoice: Invoice, facts: Facts) -> Told:
    """Take over items, figures and currency where they differ from what is known. What to tell besides."""
    if not writing.AMOUNTS & facts.keys():
        return {}
    currency = facts.get("currency", invoice.currency)
    before = [item.line for item in invoice.items]
    after = writing.lines(facts) if "items" in facts else before
    relined, converted = before != after, currency != invoice.currency
    rules.check_items_open(billed=invoice.billed, relined=relined)
    if converted:
        rules.check_currency_open(carries=carries(session, invoice))
    amounts, fixed = _figures(invoice, facts, currency, after, relined=relined)
    requested = _requested(invoice, facts, amounts.total)
    if (relined, amounts, fixed, requested or 0) == (False, invoice.amounts, invoice.fixed, invoice.requested.minor):
        return {}
    rules.check_amounts_open(invoice.lifecycle)
    writing.reopen(invoice)
    invoice.currency, invoice.requested_minor = currency, requested
    invoice.fixed, invoice.billed = fixed, not fixed and bool(invoice.time_minor or invoice.expenses_minor)
    writing.set_amounts(invoice, amounts)
    return _replace(session, caller, invoice, after) if relined or converted else {}


def _figures(
    invoice: Invoice, facts: Facts, currency: str, after: list[rules.Line], *, relined: bool
) -> tuple[Amounts, bool]:
    """The figures after the change; and whether they are given, or those of items, and so not of what it carries."""
    named = writing.figures(facts, currency)
    itemised = bool(after) and not invoice.billed
    time, expenses = Money(invoice.time_minor, currency), Money(invoice.expenses_minor, currency)
    old = invoice.amounts
    if currency != invoice.currency:
        old = rules.converted(old, currency, itemised=bool(after))
    if writing.FIXED in facts and facts[writing.FIXED] is None and invoice.fixed and not itemised:
        return rules.added_up(old, time, expenses), False
    if invoice.billed and writing.FIXED in facts and named.get("total", invoice.total) != invoice.total:
        return rules.fixed_at(old, named["total"]), True
    if not named and not relined and currency == invoice.currency:
        return old, invoice.fixed
    amounts = rules.amended(old, named, rules.summed(after, currency), relined=relined)
    given = itemised or amounts.total.minor != 0 or facts.get(writing.FIXED) is not None
    return amounts, not invoice.billed and (given or (invoice.fixed and bool((time + expenses).minor)))


def _requested(invoice: Invoice, facts: Facts, total: Money) -> int | None:
    """What is asked for of the new total, in its minor units."""
    if writing.REQUESTED in facts:
        return writing.requested(facts, total)
    if invoice.requested_minor is None:
        return None
    kept = exact(invoice.requested.amount, total.currency, "currency")
    rules.check_requested(kept, total)
    return kept.minor


def _replace(session: Session, caller: Caller, invoice: Invoice, after: list[rules.Line]) -> Told:
    """Put new items in the place of the old; the invoice's version moves even when its figures stay."""
    old = writing.told_items(invoice.items)
    its = (Item.workspace_id == invoice.workspace_id, Item.invoice_id == invoice.id)
    connection_of(session).execute(delete(Item).where(*its))
    invoice.items = writing.itemised(caller, after, invoice.currency)
    writing.put_items(session, invoice)
    invoice.updated_at = now()
    return {"items": [old, writing.told_items(invoice.items)]} if old or invoice.items else {}
