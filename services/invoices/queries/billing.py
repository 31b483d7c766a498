"""What is on an invoice: its items, or the time entries and expenses that it is made of."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, case, func, select
from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.models import Invoice, Item, ProjectExpense, TimeEntry
from shared.caller import Caller
from shared.currencies import EXPONENT
from shared.db import connection_of
from shared.lengths import LARGEST_ID
from shared.money import Money
from shared.page import fitting, size
from shared.rows import Rows
from shared.search import among

ITEMS, TIME_ENTRIES, EXPENSES = Rows(Item), Rows(TimeEntry), Rows(ProjectExpense)

DATABASES = ("sqlite", "postgresql")
ITEMS_OF = {
    database: select(*ITEMS.columns)
    .where(Item.workspace_id == bindparam("workspace_id"), among(database, Item.invoice_id, "invoice_ids"))
    .order_by(Item.invoice_id, Item.position)
    .limit(bindparam("most"))
    for database in DATABASES
}
TIME_ON = {
    database: select(*TIME_ENTRIES.columns)
    .where(TimeEntry.workspace_id == bindparam("workspace_id"), among(database, TimeEntry.invoice_id, "invoice_ids"))
    .order_by(TimeEntry.logged_at, TimeEntry.id)
    .limit(bindparam("most"))
    for database in DATABASES
}
EXPENSES_ON = {
    database: select(*EXPENSES.columns)
    .where(
        ProjectExpense.workspace_id == bindparam("workspace_id"),
        among(database, ProjectExpense.invoice_id, "invoice_ids"),
    )
    .order_by(ProjectExpense.id)
    .limit(bindparam("most"))
    for database in DATABASES
}
"""What is asked most, built once: building a statement takes as long as running it."""

LINES, ALL = 20_000, LARGEST_ID
"""Lines that are read for a page of invoices at once: what a page has of them takes some memory, not all of it."""

LINE = 100
"""Bytes that an item takes in an answer, without its texts."""


def attach_items(connection: Connection, caller: Caller, invoices: Sequence[Invoice], most: int = ALL) -> bool:
    """Put their items on invoices; False where there are `most` of a kind or more, which are not all read then."""
    billed = [invoice for invoice in invoices if invoice.billed]
    others = {invoice.id: invoice for invoice in invoices if not invoice.billed}
    for invoice in others.values():
        invoice.items = []
    items = items_of(connection, caller, list(others), most) if others else []
    for item in items:
        others[item.invoice_id].items.append(item)
    if not billed:
        return len(items) < most
    time, expenses = lines_on(connection, caller, [invoice.id for invoice in billed], most)
    for invoice in billed:
        invoice.items = _as_items(invoice, time, expenses)
    return max(len(items), len(time), len(expenses)) < most


def attach_page_items(connection: Connection, caller: Caller, invoices: Sequence[Invoice]) -> int:
    """Put their items on as many of the invoices, from the first on, as make a page; how many that are."""
    count = len(invoices)
    while not attach_items(connection, caller, invoices[:count], LINES if count > 1 else ALL):
        count = -(-count // 4)
    return fitting(size(each) + sum(size(item, LINE) for item in each.items) for each in invoices[:count])


def with_items(session: Session, caller: Caller, invoice: Invoice) -> Invoice:
    """The same invoice, with its items."""
    attach_items(connection_of(session), caller, [invoice])
    return invoice


def items_of(connection: Connection, caller: Caller, invoice_ids: Sequence[int], most: int) -> list[Item]:
    """The items of invoices, for reading alone."""
    asked = {"workspace_id": caller.workspace_id, "invoice_ids": invoice_ids, "most": most}
    return [ITEMS.of(row) for row in connection.execute(ITEMS_OF[connection.dialect.name], asked)]


def lines_on(
    connection: Connection, caller: Caller, invoice_ids: Sequence[int], most: int = ALL
) -> tuple[list[TimeEntry], list[ProjectExpense]]:
    """The time entries and the expenses on invoices, for reading alone, each in the order of an invoice."""
    asked = {"workspace_id": caller.workspace_id, "invoice_ids": invoice_ids, "most": most}
    time = connection.execute(TIME_ON[connection.dialect.name], asked)
    expenses = connection.execute(EXPENSES_ON[connection.dialect.name], asked)
    return [TIME_ENTRIES.of(row) for row in time], [EXPENSES.of(row) for row in expenses]


def carried(session: Session, invoice: Invoice) -> tuple[Money, Money]:
    """What the time entries and the expenses on an invoice, as they are in the database, add up to."""
    cost = func.coalesce(func.sum(case((TimeEntry.billable, TimeEntry.cost_minor), else_=0)), 0)
    time = select(cost).where(TimeEntry.workspace_id == invoice.workspace_id, TimeEntry.invoice_id == invoice.id)
    expenses = select(func.coalesce(func.sum(ProjectExpense.amount_minor), 0)).where(
        ProjectExpense.workspace_id == invoice.workspace_id, ProjectExpense.invoice_id == invoice.id
    )
    row = connection_of(session).execute(select(time.scalar_subquery(), expenses.scalar_subquery())).one()
    return Money(int(row[0]), invoice.currency), Money(int(row[1]), invoice.currency)


def lines_carried(session: Session, invoice: Invoice) -> int:
    """How many time entries and expenses are on an invoice, as they are in the database."""
    time, expenses = (
        select(func.count()).where(each.workspace_id == invoice.workspace_id, each.invoice_id == invoice.id)
        for each in (TimeEntry, ProjectExpense)
    )
    both = select(time.scalar_subquery() + expenses.scalar_subquery())
    return int(connection_of(session).execute(both).scalar_one())


def carries(session: Session, invoice: Invoice) -> bool:
    """Whether there are time entries or expenses on the invoice, whatever they cost."""
    time, expenses = (
        select(each.uuid).where(each.workspace_id == invoice.workspace_id, each.invoice_id == invoice.id).limit(1)
        for each in (TimeEntry, ProjectExpense)
    )
    return invoice.project_id is not None and any(
        connection_of(session).execute(query).first() is not None for query in (time, expenses)
    )


def is_held(session: Session, invoice: Invoice) -> bool:
    """Whether an expense on the invoice is being changed. Only invoices of a project have any; new ones have none."""
    if invoice.project_id is None or invoice.id is None:
        return False
    held = select(ProjectExpense.uuid).where(
        ProjectExpense.workspace_id == invoice.workspace_id,
        ProjectExpense.invoice_id == invoice.id,
        ProjectExpense.held,
    )
    return connection_of(session).execute(held.limit(1)).first() is not None


def _as_items(invoice: Invoice, time: Iterable[TimeEntry], expenses: Iterable[ProjectExpense]) -> list[Item]:
    """What adds to a billed invoice, as items: one of each, at what it costs."""
    entries = (
        (entry.uuid, entry.description or "", entry.cost_minor or 0)
        for entry in time
        if entry.invoice_id == invoice.id and entry.billable
    )
    costs = (
        (expense.uuid, expense.name or expense.description or "", expense.amount_minor)
        for expense in expenses
        if expense.invoice_id == invoice.id
    )
    micros = 10 ** (rules.MICRO - EXPONENT[invoice.currency])
    return [
        ITEMS.new(
            id=uuid,
            workspace_id=invoice.workspace_id,
            invoice_id=invoice.id,
            position=position,
            description=description,
            quantity=1,
            price_micros=cost * micros,
            amount_minor=cost,
        )
        for position, (uuid, description, cost) in enumerate((*entries, *costs))
        if cost
    ]
