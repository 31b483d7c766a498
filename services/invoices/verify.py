"""What must hold of invoices and what is on them. `deploy.verify` asks, and compares the expenses of projects."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, case, func, select, tuple_

from services.invoices import rules
from services.invoices.actions.writing import told_items, told_payment
from services.invoices.messages import BILLING, MAIL, told_letter
from services.invoices.models import (
    Company,
    Invoice,
    Item,
    Logo,
    Payment,
    Profile,
    Project,
    ProjectExpense,
    Rate,
    TimeEntry,
)
from services.invoices.numbering import wrong_numbers
from services.invoices.queries import INVOICES, ITEMS, PAYMENTS, TIME_ENTRIES
from shared import underway, verify
from shared.outbox import Outbox
from shared.rows import Rows
from shared.underway import Says
from shared.verify import Kind, Wrong

ENTITIES = (Invoice, Item, Payment, Project, ProjectExpense, Rate, TimeEntry)
NUMBERED = (Company, Invoice, Payment, Project, TimeEntry)
KINDS = (
    Kind(Invoice, moved=("updated_by",), dated=True),
    Kind(Profile, begins=("updated",)),
    Kind(Logo),
    Kind(Company),
    Kind(Project),
    Kind(TimeEntry, moved=("invoice_id", "rate_micros", "cost_minor")),
)

PROJECTS, RATES = Rows(Project), Rows(Rate)
HOME = (Rate.workspace_id, Rate.project_id)

Key = tuple[str, int]
"""A workspace, and the id of an invoice there."""


def _of_billing(connection: Connection, message: Outbox) -> str | None:
    """What is wrong with a message about the invoice that an expense is on.

    One that left its project has left its invoice, and who told us of that need not be told.
    """
    its = and_(ProjectExpense.workspace_id == message.workspace_id, ProjectExpense.uuid == message.key)
    on = and_(Invoice.workspace_id == ProjectExpense.workspace_id, Invoice.id == ProjectExpense.invoice_id)
    facts = (ProjectExpense.billing_version, ProjectExpense.project_id, ProjectExpense.invoice_id, Invoice.account_id)
    known = connection.execute(select(*facts).join_from(ProjectExpense, Invoice, on, isouter=True).where(its)).first()
    if known is None:
        return "is about an expense that is not known"
    if fault := underway.newer(message, known.billing_version):
        return fault
    state = {"invoice_id": known.invoice_id, "account_id": known.account_id}
    return None if known.project_id is None else underway.differs(message, state)


def _of_mail(connection: Connection, message: Outbox) -> str | None:
    """What is wrong with a letter."""
    if fault := underway.newer(message, 1):
        return fault
    letter = told_letter(message.body)
    for entry in verify.entries(connection, "invoice", [str(message.body.get("invoice_id"))]):
        told = entry.changes
        is_it = letter.items() <= told.items() if "letter" in told else _of_older(told, message.body)
        if is_it and entry.workspace_id == message.workspace_id:
            return None
    return "is not a letter that the history tells of"


def _of_older(told: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether an entry from before letters were told names this one: by its Message-ID, or by who was notified."""
    sent, notified = told.get("delivery_message_id"), told.get("notified")
    return bool((sent and sent[1] == body.get("message_id")) or (notified and notified[1] == body.get("to")))


SAYS: Mapping[str, Says] = {BILLING: _of_billing, MAIL: _of_mail}
"""What is wrong with each kind of message that is yet to be delivered."""


def wrong(connection: Connection) -> Iterator[Wrong]:
    """What is wrong in this database."""
    yield from verify.references(connection, ENTITIES)
    yield from verify.ids(connection, NUMBERED)
    yield from verify.stuck(connection)
    yield from underway.wrong(connection, SAYS)
    yield from verify.history(connection, KINDS)
    for invoices in verify.batches(connection, INVOICES):
        yield from _told(connection, invoices)
        sums = _sums(connection, [(invoice.workspace_id, invoice.id) for invoice in invoices])
        for invoice in invoices:
            for what in _faults(invoice, *(each.get((invoice.workspace_id, invoice.id)) for each in sums)):
                yield Wrong(invoice.workspace_id, f"invoice {invoice.uuid}", what)
    yield from _rates(connection)
    yield from _lines(connection)
    yield from wrong_numbers(connection)


def _faults(
    invoice: Invoice, items: int | None, payments: int | None, time: int | None, expenses: int | None
) -> Iterator[str]:
    """What is wrong with an invoice, whose items and so on add up to so many minor units; None: there are none."""
    yield from _amounts(invoice, items, time or 0, expenses or 0)
    yield from _paid(invoice, payments or 0)
    yield from _states(invoice)


def _amounts(invoice: Invoice, items: int | None, time: int, expenses: int) -> Iterator[str]:
    if invoice.subtotal_minor + invoice.tax_minor != invoice.total_minor:
        yield f"total is {invoice.total}, its subtotal and tax make {invoice.subtotal + invoice.tax}"
    if (invoice.time_minor, invoice.expenses_minor) != (time, expenses):
        says = f"{invoice.time_minor} for time and {invoice.expenses_minor} for expenses"
        yield f"it says {says}, what is on it makes {time} and {expenses} minor units"
    if invoice.billed and invoice.subtotal_minor != time + expenses:
        yield f"subtotal is {invoice.subtotal}, time entries and expenses make {time + expenses} minor units"
    if items is not None and not invoice.billed and invoice.subtotal_minor != items:
        yield f"subtotal is {invoice.subtotal}, its items make {items} minor units"
    if invoice.total < invoice.requested:
        yield f"{invoice.requested} are asked for of {invoice.total}"


def _paid(invoice: Invoice, payments: int) -> Iterator[str]:
    if invoice.paid_minor != payments:
        yield f"it says that {invoice.paid} were paid, its payments make {payments} minor units"
    if invoice.lifecycle == rules.PAID and invoice.due.minor:
        yield f"it is paid, and {invoice.due} are due"
    if invoice.lifecycle == rules.DRAFT and invoice.paid_minor:
        yield "it is a draft, and something was paid"
    if invoice.lifecycle in (rules.SENT, rules.OVERDUE) and invoice.paid_minor and not invoice.due.minor:
        yield f"it is {invoice.lifecycle}, and all of it was paid"


def _states(invoice: Invoice) -> Iterator[str]:
    if invoice.lifecycle not in rules.STATUSES or invoice.approval not in rules.APPROVALS:
        yield f"it is {invoice.lifecycle} and {invoice.approval}, which no invoice can be"
    if invoice.number is None and (invoice.series or invoice.lifecycle != rules.DRAFT):
        yield f"it is {invoice.lifecycle}, and has no number"
    if invoice.series and invoice.lifecycle == rules.DRAFT:
        yield "it is a draft, and has a number from the series"
    if invoice.approval in (rules.IN_PROGRESS, rules.APPROVED) and invoice.approved_by_manager_email is None:
        yield f"its approval is {invoice.approval}, and no manager approved it"
    if invoice.approval == rules.APPROVED and invoice.denied_before:
        yield "it is approved, and counts as denied"


def _sums(connection: Connection, invoices: Sequence[Key]) -> tuple[dict[Key, int], ...]:
    """What items, payments, time entries and expenses make, by workspace and invoice."""
    cost = case((TimeEntry.billable, TimeEntry.cost_minor), else_=0)
    return (
        _sum(connection, Item, Item.amount_minor, invoices),
        _sum(connection, Payment, Payment.amount_minor, invoices),
        _sum(connection, TimeEntry, cost, invoices),
        _sum(connection, ProjectExpense, ProjectExpense.amount_minor, invoices),
    )


def _sum(connection: Connection, entity: Any, minor: Any, invoices: Sequence[Key]) -> dict[Key, int]:
    on = (entity.workspace_id, entity.invoice_id)
    query = select(*on, func.sum(minor)).where(tuple_(*on).in_(invoices)).group_by(*on)
    return {(home, invoice_id): int(total or 0) for home, invoice_id, total in connection.execute(query)}


def _told(connection: Connection, invoices: Sequence[Invoice]) -> Iterator[Wrong]:
    """Items, payments, time entries and who wrote last, where they are not those that the history tells of."""
    keys = [(invoice.workspace_id, invoice.id) for invoice in invoices]
    told = verify.last_told(connection, "invoice", [invoice.uuid for invoice in invoices])
    items, payments = _rows(connection, ITEMS, Item.position, keys), _rows(connection, PAYMENTS, Payment.id, keys)
    time = _rows(connection, TIME_ENTRIES, TimeEntry.id, keys)
    carried = _carried(connection, [invoice.uuid for invoice in invoices])
    for invoice in invoices:
        own, named = (invoice.workspace_id, invoice.id), (invoice.workspace_id, invoice.uuid)
        if named not in told:
            continue
        same = {
            "its items are": told_items(items[own]) == told[named].last.get("items", []),
            "its payments are": _all_booked(payments[own], carried[named].payments),
            "its time entries are": {entry.id for entry in time[own]} == carried[named].time,
            "who wrote it last is": invoice.updated_by in (None, told[named].by),
        }
        for what, is_so in same.items():
            if not is_so:
                those = "the one" if what.startswith("who") else "those"
                yield Wrong(
                    invoice.workspace_id, f"invoice {invoice.uuid}", f"{what} not {those} that the history tells of"
                )


def _rows(connection: Connection, rows: Rows[Any], order: Any, invoices: Sequence[Key]) -> dict[Key, list[Any]]:
    """The items or payments of invoices, in an order."""
    found: dict[Key, list[Any]] = defaultdict(list)
    entity = order.class_
    of_them = select(*rows.columns).where(tuple_(entity.workspace_id, entity.invoice_id).in_(invoices))
    for row in connection.execute(of_them.order_by(order)):
        one = rows.of(row)
        found[one.workspace_id, one.invoice_id].append(one)
    return found


@dataclass(slots=True)
class Carried:
    """What the history says that an invoice has: the entries of its payments, as they were booked, and its time."""

    payments: list[Any] = field(default_factory=list)
    time: set[int] = field(default_factory=set)


def _carried(connection: Connection, uuids: Sequence[str]) -> dict[tuple[str, str], Carried]:
    found: dict[tuple[str, str], Carried] = defaultdict(Carried)
    for entry in verify.entries(connection, "invoice", uuids):
        its = found[entry.workspace_id, entry.subject_id]
        if "payment" in entry.changes:
            its.payments.append(entry)
        off, on = entry.changes.get("time_entries", ([], []))
        its.time = (its.time - set(off)) | set(on)
    return found


def _all_booked(payments: Sequence[Payment], entries: Sequence[Any]) -> bool:
    """Whether these are the payments that were booked, by whom and when the entries say."""
    return len(payments) == len(entries) and all(
        (told_payment(payment), payment.created_by) == (entry.changes["payment"][1], entry.member_id)
        and verify.near(payment.created_at, entry.at)
        for payment, entry in zip(payments, entries, strict=True)
    )


def _rates(connection: Connection) -> Iterator[Wrong]:
    """Projects whose rates are not those that the history tells of."""
    for projects in verify.batches(connection, PROJECTS):
        told: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for entry in verify.entries(connection, "project", [project.uuid for project in projects]):
            told[entry.workspace_id, entry.subject_id] |= entry.changes.get("rates", (None, {}))[1]
        keys = [(project.workspace_id, project.id) for project in projects]
        rates: dict[Key, dict[str, int]] = defaultdict(dict)
        for rate in connection.execute(select(*RATES.columns).where(tuple_(*HOME).in_(keys))):
            rates[rate.workspace_id, rate.project_id][str(rate.person_id)] = rate.rate_micros
        for project in projects:
            last = told[project.workspace_id, project.uuid]
            if rates[project.workspace_id, project.id] != {who: rate for who, rate in last.items() if rate is not None}:
                yield Wrong(
                    project.workspace_id, f"project {project.uuid}", "its rates are not those that the history tells of"
                )


def _lines(connection: Connection) -> Iterator[Wrong]:
    """Items, time entries, expenses and payments that cannot be what they are on their invoice."""
    for row in connection.execute(_on(Item, *ITEMS.columns)):
        item = ITEMS.of(row[2:])
        if item.line.amount(row.currency).minor != item.amount_minor:
            yield Wrong(
                item.workspace_id, f"item {item.id}", f"amount_minor is {item.amount_minor}, its price makes another"
            )
    for row in connection.execute(_on(TimeEntry, *TIME_ENTRIES.columns)):
        entry = TIME_ENTRIES.of(row[2:])
        made = rules.cost(entry.minutes, entry.rate_micros or 0, row.currency).minor
        if (entry.cost_minor, entry.project_id) != (made, row.project_id):
            yield Wrong(
                entry.workspace_id, f"time entry {entry.id}", f"costs {entry.cost_minor}, its rate makes {made}"
            )
    for entity, name in ((ProjectExpense, "expense"), (Payment, "payment")):
        of_line = _on(entity, entity.workspace_id, entity.uuid, entity.currency.label("own"))
        for row in connection.execute(of_line.where(entity.currency != Invoice.currency)):
            yield Wrong(row.workspace_id, f"{name} {row.uuid}", f"is in {row.own}, its invoice in {row.currency}")


def _on(entity: Any, *columns: Any) -> Any:
    """Lines with the currency and the project of their invoice before them."""
    query = select(Invoice.currency, Invoice.project_id.label("of_project"), *columns)
    its = and_(entity.workspace_id == Invoice.workspace_id, entity.invoice_id == Invoice.id)
    joined = query.join_from(entity, Invoice, its)
    return joined.order_by(*entity.__table__.primary_key.columns).execution_options(yield_per=verify.BATCH)
