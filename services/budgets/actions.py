"""What can be done with budgets: one function, one `with db.write()` block, one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select

from services.budgets import certainty, messages, queries, rules
from services.budgets.certainty import Certainty
from services.budgets.models import Budget, Spend
from services.budgets.queries import BUDGETS, SPENDS, owned
from shared import audit
from shared.amounts import exact
from shared.caller import Caller
from shared.db import Database, connection_of, insert, new_id, now
from shared.errors import NotFound, Refused
from shared.money import Money
from shared.versions import IfMatch

Facts = Mapping[str, Any]

PLAIN = {
    "name": "name",
    "start_date": "start_on",
    "end_date": "end_on",
    "status": "status",
    "enforcement": "enforcement",
    "enforce_period": "enforce_period",
}
"""Facts that are a column as they are."""


def create(db: Database, caller: Caller, facts: Facts) -> Budget:
    """Set up a budget.

    Raises:
        Invalid: the period ends before it begins, or an amount is too precise for the currency.
        InsufficientFunds: a hard budget that begins overspent.
    """
    with db.write() as session:
        budget = BUDGETS.new(
            uuid=new_id(),
            workspace_id=caller.workspace_id,
            currency=facts.get("currency") or caller.currency,
            opening_minor=0,
            live_minor=0,
            status="active",
            enforcement=rules.HARD,
            enforce_period=False,
            version=1,
            created_at=(moment := now()),
            updated_at=moment,
        )
        _apply(budget, facts)
        audit.record(session, caller, "created", budget)
        insert(session, budget)
        return budget


def update(
    db: Database, caller: Caller, budget_id: str, facts: Facts, expected: IfMatch, known: Certainty | None
) -> Budget:
    """Change what is named. Writing `spent_amount` moves the opening figure, and needs what is `known` to be certain.

    Raises:
        NotFound, PreconditionFailed.
        Uncertain: something is under way to the budget.
        Invalid: as in `create`.
        InsufficientFunds: it would leave a hard budget overspent.
        Refused: another currency than the budget's.
    """
    with db.write() as session:
        budget = owned(session, caller, budget_id, lock=True)
        expected.check(budget.etag)
        if facts.get("currency", budget.currency) != budget.currency:
            raise Refused("A budget keeps its currency")
        if "spent_amount" in facts:
            certainty.check(session, budget, known)
        _apply(budget, facts)
        if session.is_modified(budget):
            audit.record(session, caller, "updated", budget)
        return budget


def delete(db: Database, caller: Caller, budget_id: str, expected: IfMatch) -> None:
    """Delete a budget; its expenses live on without one.

    Raises:
        NotFound, PreconditionFailed.
    """
    with db.write() as session:
        budget = owned(session, caller, budget_id, lock=True)
        expected.check(budget.etag)
        audit.record(session, caller, "deleted", budget)
        messages.tell_deleted(session, budget)
        session.delete(budget)


@dataclass(frozen=True, kw_only=True)
class SpendState:
    """All that the budget service knows of an expense. On no budget it is a tombstone.

    `held`: what stays booked, and on which budget, in whose currency, until a move is certain. `enforce`: the sender
    asks, and can be refused; without it, it tells of less money than before, and cannot.
    """

    version: int
    budget_id: str | None
    amount: Money
    spent_on: date | None
    enforce: bool
    held: tuple[str, Money] | None = None


def accept_spend(db: Database, workspace_id: str, expense_id: str, state: SpendState) -> int:
    """Take the newest state of an expense; an older one or a copy changes nothing. The version known afterwards.

    Check and booking are one transaction under the locks of the budgets, taken in the order of their ids, and then of
    the spend, in the order in which deleting a budget takes them.

    Raises:
        NotFound: no such budget.
        InsufficientFunds: over what a hard budget has left.
        Refused: another currency, a budget that is not active, a date outside an enforced period.
    """
    first = state.version == 1
    while (version := _accepted(db, workspace_id, expense_id, state, first=first)) is None:
        first = False  # another message about the expense was first, and may have booked it on budgets not locked here
    return version


def _accepted(db: Database, workspace_id: str, expense_id: str, state: SpendState, *, first: bool) -> int | None:
    """One try; None when another message about the expense came between. `first`: none is known of.

    It is written before it is judged, as the row alone tells a copy from news; a refusal takes all of it back.
    """
    of_it = {"workspace_id": workspace_id, "expense_id": expense_id}
    with db.write() as session:
        connection = connection_of(session)  # plain rows: this is the way of every expense on a budget
        seen = None if first else _spend(connection, queries.SPEND, of_it)
        budgets = _locked(connection, workspace_id, seen, state)
        known = _spend(connection, queries.SPEND_LOCKED, of_it) if seen else None
        if known and known.version >= state.version:
            return known.version
        if seen and known and known.version != seen.version:
            return None
        by_uuid = {budget.uuid: budget for budget in budgets}
        target = by_uuid.get(state.budget_id or "")
        held = by_uuid.get(state.held[0]) if state.held else None
        now_booked = {
            "version": state.version,
            "currency": state.amount.currency,
            "spent_on": state.spent_on,
            "budget_id": target.id if target else None,
            "amount_minor": state.amount.minor,
            "held_budget_id": held.id if held else None,
            "held_minor": state.held[1].minor if state.held else 0,
            "updated_at": now(),
        }
        spend = SPENDS.new(**of_it, **now_booked)
        if known:
            connection.execute(queries.REBOOK, {"spend": known.id, **now_booked})
        elif not insert(session, spend, unless=("workspace_id", "expense_id")):
            return None
        if state.enforce:
            _check_ask(known, target, held, state)
        _book(connection, budgets, known, spend, enforce=state.enforce)
        return state.version


def _spend(connection: Connection, query: Select[Any], of_it: Mapping[str, str]) -> Spend | None:
    row = connection.execute(query, of_it).first()
    return SPENDS.of(row) if row else None


def _apply(budget: Budget, facts: Facts) -> None:
    for fact, column in PLAIN.items():
        if fact in facts:
            setattr(budget, column, facts[fact])
    if "total_amount" in facts:
        total = facts["total_amount"]
        budget.total_minor = None if total is None else exact(total, budget.currency, "total_amount").minor
    if "spent_amount" in facts:
        spent = exact(facts["spent_amount"], budget.currency, "spent_amount")
        budget.opening_minor = spent.minor - budget.live_minor
    rules.check_period(budget.start_on, budget.end_on)
    rules.check_cap(budget.spent, budget.total, budget.enforcement)


def _locked(connection: Connection, workspace_id: str, known: Spend | None, state: SpendState) -> list[Budget]:
    """Every budget that the message touches, old and new, locked in the order of their ids."""
    touched = {
        "named": state.budget_id,
        "named_held": state.held and state.held[0],
        "booked": known and known.budget_id,
        "booked_held": known and known.held_budget_id,
    }
    if not any(touched.values()):
        return []
    return [BUDGETS.of(row) for row in connection.execute(queries.LOCKED, {"workspace_id": workspace_id, **touched})]


def _check_ask(known: Spend | None, target: Budget | None, held: Budget | None, state: SpendState) -> None:
    if held and state.held:
        rules.check_currency(state.held[1].currency, held.currency)
    if state.budget_id is None:
        return
    if target is None:
        raise NotFound
    rules.check_currency(state.amount.currency, target.currency)
    if known is None or known.budget_id != target.id:  # an expense of nothing joins no closed budget either
        rules.check_open(target.status)
    if target.enforce_period:
        rules.check_within(state.spent_on, target.start_on, target.end_on)


def _booked(spend: Spend) -> dict[int, int]:
    """Minor units that an expense has on each budget, by the budget's id."""
    on = {spend.budget_id: spend.amount_minor} if spend.budget_id else {}
    if spend.held_budget_id:
        on[spend.held_budget_id] = on.get(spend.held_budget_id, 0) + spend.held_minor
    return on


def _book(connection: Connection, budgets: list[Budget], before: Spend | None, after: Spend, *, enforce: bool) -> None:
    was, is_ = _booked(before) if before else {}, _booked(after)
    for budget in budgets:
        more = is_.get(budget.id, 0) - was.get(budget.id, 0)
        if not more:
            continue
        if enforce and more > 0:
            rules.check_open(budget.status)
            rules.check_cap(budget.spent + Money(more, budget.currency), budget.total, budget.enforcement)
        connection.execute(queries.BOOK, {"budget": budget.id, "more": more, "moment": after.updated_at})
