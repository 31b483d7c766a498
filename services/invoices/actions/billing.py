"""Put time entries and expenses on an invoice, and take them off.

Whoever changes what is on an invoice takes the invoice's lock first, then those of the time entries and expenses.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from services.invoices import messages, rules
from services.invoices.actions import writing
from services.invoices.actions.writing import Told
from services.invoices.models import Invoice, ProjectExpense, TimeEntry
from services.invoices.queries import InvoiceId, carried, is_held, lines_carried, owned, rate_of, today
from shared.caller import Caller
from shared.db import Database, now
from shared.errors import NotFound, Refused
from shared.versions import IfMatch


@dataclass(frozen=True)
class Lines:
    """Time entries and expenses, by their ids."""

    time: Collection[int] = ()
    expenses: Collection[int] = ()


def bill(db: Database, caller: Caller, invoice_id: InvoiceId, add: Lines, remove: Lines, expected: IfMatch) -> Invoice:
    """Put `add` on an invoice, each at what it costs now, and take `remove` off.

    Raises:
        NotFound (also a time entry or an expense), PreconditionFailed.
        Conflict: an expense is being changed.
        Refused: the invoice is completed or sent; what is added is of another project, in another currency, or on
            another invoice; what is removed is not on it; there would be too many lines; or less remains than is
            asked for.
    """
    with db.write() as session:
        invoice = owned(session, caller, invoice_id, lock=True)
        expected.check(invoice.etag(today(caller)))
        rules.check_open(completed=invoice.completed)
        rules.check_amounts_open(invoice.lifecycle)
        with session.no_autoflush:
            on, off = _time(session, invoice, add.time), _time(session, invoice, remove.time)
            spent, unspent = _expenses(session, invoice, add.expenses), _expenses(session, invoice, remove.expenses)
            for entry in on:
                _put_on(session, invoice, entry)
            for entry in off:
                _take_off(invoice, entry)
            _link(session, [each for each in spent if _check_addable(invoice, each)], invoice)
            _link(session, [each for each in unspent if _check_removable(invoice, each)], None)
            session.flush()
            if on or spent:
                rules.check_lines(lines_carried(session, invoice))
            told = _told(time=(off, on), expenses=(unspent, spent))
            if told:
                recount(session, caller, invoice, told)
        return invoice


def recount(
    session: Session, caller: Caller, invoice: Invoice, told: Told, *, strict: bool = True, shown: bool = True
) -> None:
    """Take over what is on a locked invoice now, and tell of it.

    `strict`: what asks for it can still be refused. `shown`: it shows another line now, be it at the same cost.

    Raises:
        Refused: less remains than is asked for, or it would be too large.
    """
    time, expenses = carried(session, invoice)
    invoice.time_minor, invoice.expenses_minor = time.minor, expenses.minor
    if shown:
        writing.reopen(invoice)
    if not invoice.fixed:
        invoice.billed = bool(time.minor or expenses.minor)
        amounts = rules.added_up(invoice.amounts, time, expenses)
        if strict:
            rules.check_total(amounts.total)
            rules.check_requested(invoice.requested, amounts.total)
        writing.set_amounts(invoice, amounts)
        if amounts.total < invoice.requested:
            invoice.requested_minor = amounts.total.minor
    invoice.updated_at = now()  # a client sees another invoice, also where it is over as much
    writing.record(session, caller, "updated", invoice, told)


def release(session: Session, invoice: Invoice) -> Told:
    """Let go of all that is on an invoice that is about to be gone. What to tell of it.

    Raises:
        Conflict: an expense on it is being changed.
    """
    if invoice.project_id is None:
        return {}
    rules.check_not_held(held=is_held(session, invoice))
    time = list(session.scalars(_mine(TimeEntry, invoice, TimeEntry.invoice_id == invoice.id)))
    expenses = list(session.scalars(_mine(ProjectExpense, invoice, ProjectExpense.invoice_id == invoice.id)))
    for entry in time:
        _take_off(invoice, entry)
    _link(session, expenses, None)
    session.flush()
    return _told(time=(time, []), expenses=(expenses, []))


def priced(session: Session, invoice: Invoice, entry: TimeEntry) -> None:
    """Set what a time entry costs on its invoice."""
    entry.rate_micros = rate_of(session, entry)
    entry.cost_minor = rules.cost(entry.minutes, entry.rate_micros, invoice.currency).minor


def _put_on(session: Session, invoice: Invoice, entry: TimeEntry) -> None:
    rules.check_billable(entry.project_id, invoice.project_id, entry.invoice_id, invoice.id)
    if entry.invoice_id is None:
        entry.invoice_id = invoice.id
        priced(session, invoice, entry)


def _take_off(invoice: Invoice, entry: TimeEntry) -> None:
    if entry.invoice_id != invoice.id:
        raise Refused(f"The time entry {entry.id} is not on the invoice")
    entry.invoice_id = entry.rate_micros = entry.cost_minor = None


def _check_addable(invoice: Invoice, expense: ProjectExpense) -> bool:
    """Whether it must be linked. Raises as `bill` does."""
    rules.check_not_held(held=expense.held)
    rules.check_billable(expense.project_id, invoice.project_id, expense.invoice_id, invoice.id)
    rules.check_currency(invoice.currency, expense.amount)
    return expense.invoice_id is None


def _check_removable(invoice: Invoice, expense: ProjectExpense) -> bool:
    """Whether it must be unlinked. Raises as `bill` does."""
    rules.check_not_held(held=expense.held)
    if expense.invoice_id != invoice.id:
        raise Refused(f"The expense {expense.id} is not on the invoice")
    return True


def _link(session: Session, expenses: Collection[ProjectExpense], invoice: Invoice | None) -> None:
    """Write which invoice expenses are on, and tell the expense service."""
    for expense in expenses:
        expense.invoice_id = invoice.id if invoice else None
        expense.billing_version += 1
        messages.put_billing(session, expense, invoice)


def _time(session: Session, invoice: Invoice, ids: Collection[int]) -> list[TimeEntry]:
    found = list(session.scalars(_mine(TimeEntry, invoice, TimeEntry.id.in_(ids)))) if ids else []
    _check_found("time entry", ids, {each.id for each in found})
    return found


def _expenses(session: Session, invoice: Invoice, ids: Collection[int]) -> list[ProjectExpense]:
    known = ProjectExpense.id.in_(ids) & ProjectExpense.project_id.is_not(None)
    found = list(session.scalars(_mine(ProjectExpense, invoice, known))) if ids else []
    _check_found("expense", ids, {each.id for each in found})
    return found


def _check_found(what: str, ids: Collection[int], found: Collection[int | None]) -> None:
    if missing := sorted(set(ids) - set(found)):
        raise NotFound(f"There is no {what} {missing[0]}")


def _mine(entity: Any, invoice: Invoice, which: ColumnElement[bool]) -> Any:
    """The invoice's workspace's rows, locked in one order."""
    query = select(entity).where(entity.workspace_id == invoice.workspace_id, which).order_by(entity.id)
    return query.with_for_update().execution_options(populate_existing=True)


def _told(**lines: tuple[Collection[Any], Collection[Any]]) -> Told:
    """What was taken off and what was put on, by ids."""
    names = {"time": "time_entries", "expenses": "expenses"}
    return {
        names[name]: [[each.id for each in off], [each.id for each in on]]
        for name, (off, on) in lines.items()
        if off or on
    }
