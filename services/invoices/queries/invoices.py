"""What can be asked of invoices and their settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, bindparam, case, func, literal, or_, select, union
from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.models import (
    OF_APPROVALS,
    OF_PROJECTS,
    Invoice,
    Item,
    Logo,
    Payment,
    Profile,
    Project,
    ProjectExpense,
    TimeEntry,
)
from services.invoices.queries.billing import ITEMS, attach_items, attach_page_items, with_items
from services.invoices.rules import Hand
from shared import history as histories
from shared.audit import Audit
from shared.caller import Caller
from shared.db import Database
from shared.errors import Forbidden, NotFound
from shared.history import Event
from shared.page import Page, Place, Sorts, by_number, keyset, known_sort
from shared.rows import Rows
from shared.search import at_least, at_most, contains, major

SORTS: Sorts = {
    "created_at": Invoice.created_at,
    "updated_at": Invoice.updated_at,
    "issue_date": Invoice.issue_on,
    "due_date": func.coalesce(Invoice.due_on, literal(date.max)),
    "total": major(Invoice.total_minor, Invoice.currency),
    "invoice_number": func.coalesce(Invoice.number, ""),
    "client_name": func.coalesce(Invoice.client_name, ""),
}
PAYMENT_SORTS: Sorts = {"created_at": Payment.created_at, "date": Payment.paid_on, "amount": Payment.amount_minor}
ITEM_SORTS: Sorts = {
    "position": Item.position,
    "description": Item.description,
    "quantity": Item.quantity,
    "unit_price": Item.price_micros,
    "amount": Item.amount_minor,
}

PAYMENT_STATUS = case(
    (Invoice.lifecycle == rules.PAID, rules.PAID),
    (Invoice.paid_minor == 0, rules.UNPAID),
    (Invoice.paid_minor >= Invoice.total_minor, rules.PAID),
    else_=rules.PARTIALLY_PAID,
)
"""`rules.payment_status`, in SQL."""
TRANSACTION_SORTS: Sorts = {
    "created_at": Invoice.created_at,
    "id": Invoice.id,
    "service_date": func.coalesce(Invoice.service_on, literal(date.max)),
    "total_amount": major(Invoice.total_minor, Invoice.currency),
    "status": PAYMENT_STATUS,
}

INVOICES, PAYMENTS = Rows(Invoice), Rows(Payment)
BILLS = Rows(Invoice, without=(*OF_APPROVALS, *OF_PROJECTS))
"""Invoices that are read with their items: each column that is not read is time for every list."""

WEIGHTY = frozenset(
    {"provider_name", "payment_method", "user_email", "subtotal_minor", "tax_minor", "total_minor", "requested_minor"}
    | {"items", "time_entries", "expenses", "seller_name", "bank_details"}
)
"""What the history calls that of which an approval is asked for again."""

OF_TIME, OF_RATES = ("minutes", "billable", "person_id"), ("rates", "rate_micros")
"""What it calls that of which the cost of time is made: of a time entry, and of its project."""

MINE = (Invoice.workspace_id == bindparam("workspace_id"),)
MINE_LIMITED = (*MINE, Invoice.account_id.in_(bindparam("account_ids", expanding=True)))
WHOLE = (
    select(*BILLS.columns, *ITEMS.columns)
    .outerjoin(Item, and_(Item.invoice_id == Invoice.id, Item.workspace_id == Invoice.workspace_id))
    .order_by(Item.position)
)
ONE = WHOLE.where(Invoice.uuid == bindparam("uuid"))
ONE_MINE, ONE_LIMITED = ONE.where(*MINE), ONE.where(*MINE_LIMITED)
NUMBERED = WHOLE.where(Invoice.id == bindparam("id"), *MINE)
ALL_BILLS = select(*BILLS.columns)
ALL_MINE, ALL_LIMITED = ALL_BILLS.where(*MINE), ALL_BILLS.where(*MINE_LIMITED)
ALL = select(*INVOICES.columns)
NAMED = ALL.where(Invoice.transaction_id == bindparam("transaction_id"))
NAMED_MINE, NAMED_LIMITED = NAMED.where(*MINE), NAMED.where(*MINE_LIMITED)
"""What is asked most, built once: building a statement takes as long as running it."""


class TransactionId(str):
    """An invoice's id in `approvals`."""

    __slots__ = ()


@dataclass(frozen=True)
class OfAccount:
    """An invoice by its integer id, which must be in the account that is named."""

    number: int
    account_id: str


InvoiceId = str | int | TransactionId | OfAccount
"""What a caller names an invoice by: its UUID, its integer id, its transaction id, or its integer id in an account."""


def find(db: Database, caller: Caller, invoice_id: str) -> Invoice:
    """One invoice with its items, for reading alone. Raises NotFound."""
    return _whole(db, caller, ONE_MINE if caller.account_ids is None else ONE_LIMITED, uuid=invoice_id)


def numbered(db: Database, caller: Caller, invoice_id: int | OfAccount) -> Invoice:
    """The same by its integer id.

    Raises:
        NotFound.
        Forbidden: it is in an account that the key may not use, or in another one than the named.
    """
    number = invoice_id.number if isinstance(invoice_id, OfAccount) else invoice_id
    invoice = _whole(db, caller, NUMBERED, id=number)
    _check_account(caller, invoice, invoice_id)
    return invoice


def transaction(db: Database, caller: Caller, transaction_id: str) -> Invoice:
    """The same by its transaction id, without its items. Raises NotFound."""
    query = NAMED_MINE if caller.account_ids is None else NAMED_LIMITED
    with db.connection() as connection:
        row = connection.execute(query, _who(caller) | {"transaction_id": _asked(transaction_id)}).first()
    if row is None:
        raise NotFound
    return INVOICES.of(row)


def _whole(db: Database, caller: Caller, query: Select[Any], **named: Any) -> Invoice:
    """The invoice of a query that reads it with its items. Only one that is billed takes other statements."""
    asked = _who(caller) | named
    with db.connection() as connection:
        invoice = _with_its_items(connection.execute(query, asked).all())
    if invoice.billed:
        with db.connection(transaction=True) as connection:  # once more: the lines must be those of this very version
            invoice = _with_its_items(connection.execute(query, asked).all())
            attach_items(connection, caller, [invoice])
    return invoice


def _with_its_items(rows: Sequence[Any]) -> Invoice:
    if not rows:
        raise NotFound
    invoice = BILLS.of(rows[0])
    items = [ITEMS.of(row[len(BILLS.columns) :]) for row in rows]
    invoice.items = [item for item in items if item.id]  # an invoice without items comes with one that is all null
    return invoice


def listing(db: Database, caller: Caller, *, sort: str, limit: int, cursor: str | None, **by: Any) -> Page[Invoice]:
    """A page of invoices with their items, for reading alone, narrowed by the filters of `api.finance.InvoiceQuery`."""
    query = ALL_MINE if caller.account_ids is None else ALL_LIMITED
    narrowed = _narrowed(query, by, today(caller)) if by else query
    place: Any = {"sort": sort, "limit": limit, "cursor": cursor, "values": _who(caller), "kept": not by}
    with db.connection(transaction=True) as connection:
        fit = partial(attach_page_items, connection, caller)
        return keyset(connection, narrowed, SORTS, Invoice.id, each=BILLS.of, fit=fit, **place)


def of_account(db: Database, caller: Caller, account_id: str, place: Place, **by: Any) -> tuple[list[Invoice], int]:
    """Those of one account on a page by its number, narrowed in the same way; and how many there are in all."""
    query = _narrowed(ALL_BILLS.where(*mine(caller), Invoice.account_id == account_id), by, today(caller))
    with db.connection(transaction=True) as connection:
        found, count = by_number(connection, query, {"id": Invoice.id, **SORTS}, Invoice.id, place, parameter="sortBy")
        invoices = [BILLS.of(row) for row in found]
        attach_items(connection, caller, invoices)
    return invoices, count


def transactions(db: Database, caller: Caller, place: Place, **by: Any) -> tuple[list[Invoice], int]:
    """Those that the caller may see, without their items, on a page by its number; and how many there are in all."""
    query = _narrowed(ALL.where(*mine(caller)), by, today(caller))
    with db.connection(transaction=True) as connection:
        found, count = by_number(connection, query, TRANSACTION_SORTS, Invoice.id, place, parameter="sort")
    return [INVOICES.of(row) for row in found], count


def items(db: Database, caller: Caller, invoice: Invoice, place: Place, *, q: str | None) -> tuple[list[Item], int]:
    """The items of an invoice on a page by its number; and how many there are in all."""
    if invoice.billed:
        return _billed(invoice, place, q)
    query = select(*ITEMS.columns).where(Item.workspace_id == caller.workspace_id, Item.invoice_id == invoice.id)
    with db.connection(transaction=True) as connection:
        narrowed = query.where(contains(q, Item.description)) if q else query
        found, count = by_number(connection, narrowed, ITEM_SORTS, Item.position, place, parameter="sortBy")
    return [ITEMS.of(row) for row in found], count


def _billed(invoice: Invoice, place: Place, q: str | None) -> tuple[list[Item], int]:
    """The same of an invoice whose items are not rows of their own."""
    column = known_sort(ITEM_SORTS, place.sort, "sortBy")
    found = [item for item in invoice.items if q is None or q.lower() in item.description.lower()]
    found.sort(key=lambda item: (getattr(item, column.key), item.position), reverse=place.descending)
    return found[(place.page - 1) * place.limit :][: place.limit], len(found)


def payments(
    db: Database, caller: Caller, invoice_id: str, *, sort: str, limit: int, cursor: str | None
) -> Page[Payment]:
    """A page of an invoice's payments. Raises NotFound."""
    with db.read() as session:
        invoice = owned(session, caller, invoice_id)
        query = select(Payment).where(Payment.workspace_id == caller.workspace_id, Payment.invoice_id == invoice.id)
        return keyset(session, query, PAYMENT_SORTS, Payment.id, sort=sort, limit=limit, cursor=cursor)


def payment(db: Database, caller: Caller, invoice_id: str, payment_id: str) -> Payment:
    """One payment of an invoice. Raises NotFound."""
    with db.read() as session:
        invoice = owned(session, caller, invoice_id)
        query = select(Payment).where(Payment.workspace_id == caller.workspace_id, Payment.invoice_id == invoice.id)
        found = session.scalar(query.where(Payment.uuid == payment_id))
        if found is None:
            raise NotFound
        return found


def history(db: Database, caller: Caller, invoice_id: str, *, sort: str, limit: int, cursor: str | None) -> Page[Event]:
    """A page of what happened to an invoice, which may be gone. Raises NotFound when nothing did."""
    with db.read() as session:
        begun = histories.first(session, caller, "invoice", invoice_id)
        if not may_see(caller, begun.changes["account_id"][1]):
            raise NotFound
        about = histories.about(caller, "invoice", invoice_id)
        return histories.page(session, caller, about, histories.SORTS, sort=sort, limit=limit, cursor=cursor)


def profile(db: Database, caller: Caller) -> Profile:
    """The settings of the caller's workspace."""
    with db.read() as session:
        return known_profile(session, caller)


def known_profile(session: Session, caller: Caller, *, lock: bool = False) -> Profile:
    """The settings in this transaction; where none were written, the defaults, which are version 0 and not kept."""
    query = select(Profile).where(Profile.workspace_id == caller.workspace_id)
    query = query.with_for_update().execution_options(populate_existing=True) if lock else query
    unwritten = Profile(
        workspace_id=caller.workspace_id,
        number_format=rules.NUMBER_FORMAT,
        paper_size="a4",
        layout="classic",
        approval_policy=rules.OPEN,
        version=0,
    )
    return session.scalar(query) or unwritten


def logo(db: Database, caller: Caller) -> Logo:
    """The logo of the caller's workspace. Raises NotFound where it has none."""
    with db.read() as session:
        found = known_logo(session, caller)
    if found is None:
        raise NotFound
    return found


def known_logo(session: Session, caller: Caller, *, lock: bool = False) -> Logo | None:
    """The logo in this transaction."""
    query = select(Logo).where(Logo.workspace_id == caller.workspace_id)
    return session.scalar(query.with_for_update() if lock else query)


def logo_digest(session: Session, caller: Caller) -> str | None:
    """What tells the logo of now from every other."""
    return session.scalar(select(Logo.digest).where(Logo.workspace_id == caller.workspace_id))


def printed(db: Database, caller: Caller, invoice_id: str) -> tuple[Invoice, Profile, Logo | None]:
    """An invoice with its items, and what else its document shows, as of one moment. Raises NotFound."""
    with db.read() as session:
        invoice = with_items(session, caller, owned(session, caller, invoice_id))
        return invoice, known_profile(session, caller), known_logo(session, caller)


def owned(session: Session, caller: Caller, invoice_id: InvoiceId, *, lock: bool = False) -> Invoice:
    """The caller's invoice, in this transaction.

    Raises:
        NotFound; by a UUID or a transaction id, also where it is in an account that the key may not use.
        Forbidden: as `numbered` says.
    """
    match invoice_id:
        case OfAccount(number=number) | int(number):
            its = [Invoice.workspace_id == caller.workspace_id, Invoice.id == number]
        case TransactionId():
            its = [*mine(caller), Invoice.transaction_id == _asked(invoice_id)]
        case _:
            its = [*mine(caller), Invoice.uuid == invoice_id]
    query = select(Invoice).where(*its)
    query = query.with_for_update().execution_options(populate_existing=True) if lock else query
    invoice = session.scalar(query)
    if invoice is None:
        raise NotFound
    _check_account(caller, invoice, invoice_id)
    return invoice


def _asked(transaction_id: str) -> str:
    """The same. Raises NotFound where no invoice has such an id, and some databases could not even be asked."""
    if not transaction_id.isprintable():
        raise NotFound
    return transaction_id


def _check_account(caller: Caller, invoice: Invoice, invoice_id: InvoiceId) -> None:
    if not may_see(caller, invoice.account_id):
        raise Forbidden
    if isinstance(invoice_id, OfAccount) and invoice_id.account_id != invoice.account_id:
        raise Forbidden("The invoice does not belong to the requested organization")


def hands(session: Session, invoice: Invoice) -> tuple[list[Hand], Hand | None]:
    """Who made an invoice, or what is on it, or wrote its amounts or its payee; and which manager approved it last."""
    about = (Audit.workspace_id == invoice.workspace_id, Audit.subject_id == invoice.uuid, Audit.subject == "invoice")
    told = select(Audit.id, Audit.action, Audit.member_id, Audit.key_id, Audit.changes).where(
        *about, Audit.action.in_(("created", "updated", "approved"))
    )
    submitters, manager, timed = [], None, 0
    for entry_id, action, member_id, key_id, changes in session.execute(told.order_by(Audit.id)):
        hand = Hand(member_id, key_id)
        timed = entry_id if "time_entries" in changes else timed
        if action == "approved":
            manager = hand
        elif action == "created" or WEIGHTY & changes.keys() or changes["currency"][0] != changes["currency"][1]:
            submitters.append(hand)
    if invoice.project_id is not None:
        submitters += [*_of_time(session, invoice, timed), *_of_expenses(session, invoice)]
    return submitters, manager


def _of_time(session: Session, invoice: Invoice, timed: int) -> list[Hand]:
    """Whose the time on an invoice is, and who wrote what it costs, also before it was on it.

    `timed`: the entry of the invoice's history that last tells of time on it. Rates that were set later are not in it.
    """
    mine = (TimeEntry.workspace_id == invoice.workspace_id, TimeEntry.invoice_id == invoice.id)
    project = select(Project.uuid).where(
        Project.workspace_id == invoice.workspace_id, Project.id.in_(select(TimeEntry.project_id).where(*mine))
    )
    found: CompoundSelect[Any] = union(
        select(TimeEntry.person_id, literal("")).where(*mine),
        _wrote(invoice, "time entry", select(TimeEntry.uuid).where(*mine), OF_TIME),
        _wrote(invoice, "project", project, OF_RATES).where(Audit.id < timed),
    )
    return [Hand(member_id, key_id) for member_id, key_id in session.execute(found)]


def _wrote(invoice: Invoice, subject: str, things: Select[str], names: Sequence[str]) -> Select[int | None, str]:
    """Who wrote one of these facts of one of these things, as the history tells."""
    told = or_(*(Audit.changes[name].as_string().is_not(None) for name in names))
    about = (Audit.workspace_id == invoice.workspace_id, Audit.subject_id.in_(things), Audit.subject == subject)
    return select(Audit.member_id, Audit.key_id).where(*about, told)


def _of_expenses(session: Session, invoice: Invoice) -> list[Hand]:
    """Who made the expenses on an invoice, and who wrote their amounts, as the expense service has told."""
    mine = (ProjectExpense.workspace_id == invoice.workspace_id, ProjectExpense.invoice_id == invoice.id)
    told = session.execute(select(ProjectExpense.created_by, ProjectExpense.writers).where(*mine))
    members = {member for made_by, writers in told for member in (made_by, *(writers or ()))}
    return [Hand(member, "") for member in members if member is not None]


def approved_unpaid(caller: Caller) -> Select[Invoice]:
    """The workspace's invoices that somebody has approved and that can still be paid, to be changed."""
    query = select(Invoice).where(
        Invoice.workspace_id == caller.workspace_id,
        Invoice.approval.in_((rules.IN_PROGRESS, rules.APPROVED)),
        Invoice.lifecycle.not_in((rules.PAID, rules.CANCELLED)),
    )
    return query.order_by(Invoice.id).with_for_update().execution_options(populate_existing=True)


def today(caller: Caller) -> date:
    """The date it is now in the caller's workspace."""
    return rules.today(caller.time_zone)


def _who(caller: Caller) -> dict[str, Any]:
    """The values of `MINE` and `MINE_LIMITED`."""
    return {"workspace_id": caller.workspace_id, "account_ids": caller.account_ids}


def mine(caller: Caller) -> list[ColumnElement[bool]]:
    mine = [Invoice.workspace_id == caller.workspace_id]
    if caller.account_ids is not None:
        mine.append(Invoice.account_id.in_(caller.account_ids))
    return mine


def may_see(caller: Caller, account_id: str) -> bool:
    return caller.account_ids is None or account_id in caller.account_ids


def _narrowed(query: Select[Any], by: Mapping[str, Any], day: date) -> Select[Any]:
    narrow: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "status": lambda value: _status_is(value, day),
        "from_": lambda value: Invoice.issue_on >= value,
        "to": lambda value: Invoice.issue_on <= value,
        "due_from": lambda value: Invoice.due_on >= value,
        "due_to": lambda value: Invoice.due_on <= value,
        "client_email": lambda value: func.lower(Invoice.client_email) == value.lower(),
        "client_name": lambda value: contains(value, Invoice.client_name),
        "currency": lambda value: Invoice.currency == value,
        "invoice_number": lambda value: Invoice.number == value,
        "transaction_id": lambda value: Invoice.transaction_id == value,
        "approval": lambda value: Invoice.approval == value,
        "standing": lambda value: (Invoice.approval if value in rules.APPROVALS else PAYMENT_STATUS) == value,
        "min_amount": lambda value: at_least(Invoice.total_minor, Invoice.currency, value),
        "max_amount": lambda value: at_most(Invoice.total_minor, Invoice.currency, value),
        "q": lambda value: contains(value, Invoice.number, Invoice.client_name, Invoice.client_email, Invoice.notes),
    }
    return query.where(*(narrow[name](value) for name, value in by.items()))


def _status_is(status: str, day: date) -> ColumnElement[bool]:
    """`rules.shown`, in SQL."""
    late = and_(
        Invoice.lifecycle == rules.SENT,
        func.coalesce(Invoice.due_on, literal(day)) < day,
        Invoice.paid_minor < Invoice.total_minor,
    )
    if status == rules.OVERDUE:
        return or_(Invoice.lifecycle == rules.OVERDUE, late)
    return and_(Invoice.lifecycle == status, ~late)
