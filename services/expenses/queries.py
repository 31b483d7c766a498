"""What can be asked of the expense service."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select
from sqlalchemy.orm import Session

from services.expenses.models import Expense
from shared import history as histories
from shared import people
from shared.audit import Audit
from shared.caller import Caller
from shared.db import Database
from shared.errors import NotFound
from shared.history import Event
from shared.page import Page, Place, Sorts, by_number, keyset
from shared.people import Names
from shared.rows import Rows
from shared.search import at_least, at_most, contains, major

ExpenseId = str | int
"""What a caller names an expense by: its UUID, or its integer id."""


@dataclass(frozen=True)
class Entry:
    """An expense, what its maker is called, and the invoice it is on, if the key may see it."""

    expense: Expense
    maker: Names
    invoice_id: int | None


EXPENSES = Rows(Expense)
LISTED = Rows(
    Expense,
    without=(
        *("workspace_id", "project_id", "invoice_id", "created_by", "receipt_type", "receipt_digest", "version"),
        *("spend_version", "billable_version", "billing_version", "invoice_account_id", "writers"),
    ),
)
"""Expenses as `finance` lists them: each column that is not read is time for every list."""

ABOUT = func.coalesce(Expense.description, Expense.name)
"""`Expense.about`, in SQL."""
SORTS: Sorts = {
    "created_at": Expense.created_at,
    "updated_at": Expense.updated_at,
    "date": func.coalesce(Expense.spent_on, date.max),
    "amount": major(Expense.amount_minor, Expense.currency),
    "category": func.coalesce(Expense.category, ""),
    "description": func.coalesce(ABOUT, ""),
}
ALL = select(*EXPENSES.columns).where(Expense.workspace_id == bindparam("workspace_id"))
NUMBERED = ALL.where(Expense.id == bindparam("id"))
"""These two are built once, as building a statement takes as long as running it."""


def find(db: Database, caller: Caller, expense_id: str) -> Expense:
    """One expense. Raises NotFound."""
    with db.read() as session:
        return owned(session, caller, expense_id)


def listing(db: Database, caller: Caller, *, sort: str, limit: int, cursor: str | None, **by: Any) -> Page[Expense]:
    """A page of expenses, narrowed by the filters of `api.finance.ExpenseQuery`."""
    query = _narrowed(select(*LISTED.columns).where(Expense.workspace_id == caller.workspace_id), by)
    with db.read() as session:
        return keyset(session, query, SORTS, Expense.id, sort=sort, limit=limit, cursor=cursor, each=LISTED.of)


def entry(db: Database, caller: Caller, number: int) -> Entry:
    """The expense of that integer id. Raises NotFound."""
    with db.connection(transaction=True) as connection:
        row = connection.execute(NUMBERED, {"workspace_id": caller.workspace_id, "id": number}).first()
        if row is None:
            raise NotFound
        return _entries(connection, caller, [row])[0]


def entries(db: Database, caller: Caller, place: Place, *, project_id: int | None = None) -> tuple[list[Entry], int]:
    """A page of expenses, of a project where it is given, and how many there are in all."""
    query = ALL if project_id is None else ALL.where(Expense.project_id == project_id)
    with db.connection(transaction=True) as connection:
        rows, count = by_number(
            connection, query.params(workspace_id=caller.workspace_id), SORTS, Expense.id, place, parameter="sort"
        )
        return _entries(connection, caller, rows), count


def _entries(connection: Connection, caller: Caller, rows: Sequence[Any]) -> list[Entry]:
    expenses = [EXPENSES.of(row) for row in rows]
    names = people.named(connection, caller.workspace_id, {expense.created_by for expense in expenses})
    return [Entry(each, names[each.created_by], each.invoice_id if _sees(caller, each) else None) for each in expenses]


def _sees(caller: Caller, expense: Expense) -> bool:
    """Whether the key may know of the invoice that the expense is on."""
    return caller.account_ids is None or expense.invoice_account_id in caller.account_ids


def history(db: Database, caller: Caller, expense_id: str, **place: Any) -> Page[Event]:
    """A page of what happened to an expense, which may be gone. Raises NotFound when nothing did."""
    return histories.of_one(db, caller, "expense", expense_id, **place)


def owned(session: Session, caller: Caller, expense_id: ExpenseId, *, lock: bool = False) -> Expense:
    """The caller's expense, in this transaction. Raises NotFound."""
    named = Expense.uuid if isinstance(expense_id, str) else Expense.id
    query = select(Expense).where(Expense.workspace_id == caller.workspace_id, named == expense_id)
    expense = session.scalar(query.with_for_update() if lock else query)
    if expense is None:
        raise NotFound
    return expense


def has_been(session: Session, caller: Caller, expense_id: str) -> bool:
    """Whether the history tells of an expense of the caller's, there or deleted."""
    told = select(Audit.id).where(Audit.workspace_id == caller.workspace_id, Audit.subject_id == expense_id)
    return session.execute(told.limit(1)).first() is not None


def _narrowed(query: Select[Expense], by: Mapping[str, Any]) -> Select[Expense]:
    narrow: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "from_": lambda value: Expense.spent_on >= value,
        "to": lambda value: Expense.spent_on <= value,
        "category": lambda value: Expense.category == value,
        "currency": lambda value: Expense.currency == value,
        "budget_id": lambda value: Expense.budget_id == str(value),
        "min_amount": lambda value: at_least(Expense.amount_minor, Expense.currency, value),
        "max_amount": lambda value: at_most(Expense.amount_minor, Expense.currency, value),
        "q": lambda value: contains(value, ABOUT, Expense.category),
    }
    return query.where(*(narrow[name](value) for name, value in by.items()))
