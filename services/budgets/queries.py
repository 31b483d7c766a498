"""What can be asked of the budget service."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, String, bindparam, func, literal, or_, select, update
from sqlalchemy.orm import Session

from services.budgets.models import Budget, Spend
from shared import history as histories
from shared.caller import Caller
from shared.db import Database
from shared.errors import NotFound
from shared.history import Event
from shared.money import MAX_MINOR
from shared.page import Page, Sorts, keyset
from shared.rows import Rows
from shared.search import contains, major

BUDGETS, SPENDS = Rows(Budget), Rows(Spend)
SPENT = Budget.opening_minor + Budget.live_minor
SORTS: Sorts = {
    "created_at": Budget.created_at,
    "updated_at": Budget.updated_at,
    "name": func.coalesce(Budget.name, ""),
    "total_amount": major(func.coalesce(Budget.total_minor, MAX_MINOR + 1), Budget.currency),
    "spent_amount": major(SPENT, Budget.currency),
}
SPEND_SORTS: Sorts = {"updated_at": Spend.updated_at, "amount": Spend.amount_minor}


SPEND = select(*SPENDS.columns).where(
    Spend.workspace_id == bindparam("workspace_id"), Spend.expense_id == bindparam("expense_id")
)
SPEND_LOCKED = SPEND.with_for_update()
LOCKED = (
    select(*BUDGETS.columns)
    .where(
        Budget.workspace_id == bindparam("workspace_id"),
        or_(
            Budget.uuid.in_([bindparam("named", type_=String), bindparam("named_held", type_=String)]),
            Budget.id.in_([bindparam("booked", type_=BigInteger), bindparam("booked_held", type_=BigInteger)]),
        ),
    )
    .order_by(Budget.id)
    .with_for_update()
)
REBOOK = update(Spend.__table__).where(Spend.id == bindparam("spend"))  # type: ignore[arg-type]
BOOK = (
    update(Budget.__table__)  # type: ignore[arg-type]
    .where(Budget.id == bindparam("budget"))
    .values(
        live_minor=Budget.live_minor + bindparam("more"), version=Budget.version + 1, updated_at=bindparam("moment")
    )
)
"""These five are built once, as they are on the way of every expense on a budget."""


def find(db: Database, caller: Caller, budget_id: str) -> Budget:
    """One budget. Raises NotFound."""
    with db.read() as session:
        return owned(session, caller, budget_id)


def listing(db: Database, caller: Caller, *, sort: str, limit: int, cursor: str | None, **by: Any) -> Page[Budget]:
    """A page of budgets, narrowed by the filters of `api.finance.ListQuery`."""
    query = _narrowed(select(Budget).where(Budget.workspace_id == caller.workspace_id), by)
    with db.read() as session:
        return keyset(session, query, SORTS, Budget.id, sort=sort, limit=limit, cursor=cursor)


def spends(db: Database, caller: Caller, budget_id: str, *, sort: str, limit: int, cursor: str | None) -> Page[Spend]:
    """A page of the live spends of one budget. Raises NotFound."""
    with db.read() as session:
        budget = owned(session, caller, budget_id)
        query = select(Spend).where(Spend.workspace_id == caller.workspace_id, Spend.budget_id == budget.id)
        return keyset(session, query, SPEND_SORTS, Spend.id, sort=sort, limit=limit, cursor=cursor)


def history(db: Database, caller: Caller, budget_id: str, **place: Any) -> Page[Event]:
    """A page of what happened to a budget, which may be gone. Raises NotFound when nothing did."""
    return histories.of_one(db, caller, "budget", budget_id, **place)


def owned(session: Session, caller: Caller, budget_id: str, *, lock: bool = False) -> Budget:
    """The caller's budget, in this transaction. Raises NotFound."""
    query = select(Budget).where(Budget.workspace_id == caller.workspace_id, Budget.uuid == budget_id)
    budget = session.scalar(query.with_for_update() if lock else query)
    if budget is None:
        raise NotFound
    return budget


def _narrowed(query: Select[Budget], by: Mapping[str, Any]) -> Select[Budget]:
    narrow: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "status": lambda value: Budget.status == value,
        "currency": lambda value: Budget.currency == value,
        "enforcement": lambda value: Budget.enforcement == value,
        "from_": lambda value: func.coalesce(Budget.end_on, literal(value)) >= value,
        "to": lambda value: func.coalesce(Budget.start_on, literal(value)) <= value,
        "q": lambda value: contains(value, Budget.name),
    }
    return query.where(*(narrow[name](value) for name, value in by.items()))
