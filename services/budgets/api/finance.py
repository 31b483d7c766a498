"""Budgets as the `finance` document spells them."""

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Response
from marshmallow import Schema, fields, validate

from services.budgets import actions, queries, rules, writes
from services.budgets.certainty import Certainty
from services.budgets.vocabulary import VOCABULARY
from shared.bodies import ListQuery
from shared.describe import ListSchema, listed
from shared.fields import Amount, CurrencyCode, Day, Text, TrueOrFalse
from shared.lengths import NAME
from shared.telling import ENTRIES_SHOWN, EntryList, EntryQuery, told
from shared.web import (
    Routes,
    answers_once,
    caller,
    db,
    idempotency_key,
    if_match,
    listing,
    nothing,
    one,
    run_idempotent,
)

if TYPE_CHECKING:
    from services.budgets.models import Budget, Spend

MOST = Decimal("99999999.99")  # `finance`, "Create budget"

routes = Routes("budgets", __name__, scope="budgets", url_prefix="/v1/dev/finance/budgets")

EXAMPLE = {
    "name": "Q1 2024",
    "start_date": "2024-01-01",
    "end_date": "2024-03-31",
    "total_amount": 10000.00,
    "spent_amount": 0.00,
    "status": "active",
}
SHOWN = {
    "data": {
        "id": "f213a6d9-9c55-4922-87b1-8e0a64114d64",
        **EXAMPLE,
        "remaining_amount": 10000.00,
        "currency": "USD",
        "enforcement": "hard",
        "enforce_period": False,
        "created_at": "2024-01-01T09:00:00.000000Z",
        "updated_at": "2024-01-01T09:00:00.000000Z",
    }
}
SPEND_SHOWN = {
    "data": {
        "expense_id": "82c6f1e8-b885-4485-9cfd-b4980a847aa1",
        "amount": 100.00,
        "currency": "USD",
        "date": "2024-01-15",
        "updated_at": "2024-01-15T09:00:00.000000Z",
    }
}


class BudgetIn(Schema):
    """What can be written of a budget; everything is optional."""

    name = Text(NAME, allow_none=True)
    start_date = Day(allow_none=True)
    end_date = Day(allow_none=True, metadata={"description": "After `start_date`."})
    total_amount = Amount(most=MOST, allow_none=True, metadata={"description": "The cap; null: none."})
    spent_amount = Amount(most=MOST, metadata={"description": "Writing it moves the opening figure."})
    status = fields.String(validate=validate.OneOf(rules.STATUSES))
    currency = CurrencyCode(metadata={"description": "The workspace's, unless given. It cannot change."})
    enforcement = fields.String(
        validate=validate.OneOf(rules.ENFORCEMENTS),
        metadata={"description": "`hard`: what would overspend it is refused."},
    )
    enforce_period = TrueOrFalse(metadata={"description": "Take only expenses dated within the period."})


class BudgetOut(BudgetIn):
    """A budget."""

    id = fields.UUID()
    spent_amount = Amount(
        least=None, metadata={"description": "The opening figure, which may be below zero, and the live expenses."}
    )
    remaining_amount = Amount(
        least=None,
        allow_none=True,
        metadata={"description": "`total_amount` less `spent_amount`; below zero when overspent."},
    )
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class BudgetAnswer(Schema):
    data = fields.Nested(BudgetOut)


class BudgetList(ListSchema):
    data = fields.List(fields.Nested(BudgetOut))


class BudgetQuery(ListQuery):
    """Filters of the list of budgets."""

    status = fields.String(validate=validate.OneOf(rules.STATUSES))
    enforcement = fields.String(validate=validate.OneOf(rules.ENFORCEMENTS))
    currency = CurrencyCode()
    from_ = Day(data_key="from", metadata={"description": "Budgets that end on this day or later."})
    to = Day(metadata={"description": "Budgets that start on this day or before."})


class SpendOut(Schema):
    """What one expense has booked on a budget."""

    expense_id = fields.UUID()
    amount = Amount()
    currency = CurrencyCode()
    date = Day(allow_none=True)
    updated_at = fields.AwareDateTime()


class SpendList(ListSchema):
    data = fields.List(fields.Nested(SpendOut))


class SpendQuery(ListQuery):
    """How the list of spends is paged."""

    class Meta:
        exclude = ("q",)

    sort = Text(load_default="-updated_at")


@routes.get("")
@routes.arguments(BudgetQuery, location="query")
@routes.response(200, BudgetList, example=listed(SHOWN))
def list_budgets(query: dict[str, Any]) -> Response:
    """List budgets.

    `from` and `to` find the budgets whose period has a day in common with those. While `has_more`, `next_cursor` goes
    on.
    """
    return listing(queries.listing(db(), caller(), **query), spelled)


@routes.post("")
@routes.arguments(BudgetIn, example=EXAMPLE)
@routes.response(201, BudgetAnswer, example=SHOWN)
def create_budget(facts: dict[str, Any]) -> Response:
    """Create a budget.

    Everything is optional. Without `total_amount` it has no cap. A `hard` budget, as it is unless said otherwise,
    refuses what would overspend it; a `soft` one books that, too.
    """
    budget = actions.create(db(), caller(), facts)
    return one(spelled(budget), etag=budget.etag, status=201, location=f"{routes.url_prefix}/{budget.uuid}")


@routes.get("/<uuid:budget_id>")
@routes.response(200, BudgetAnswer, example=SHOWN)
def get_budget(budget_id: str) -> Response:
    """Get a budget.

    What is spent is the opening figure and all live expenses. The `ETag` is what `If-Match` takes.
    """
    return _shown(queries.find(db(), caller(), budget_id))


@routes.put("/<uuid:budget_id>")
@routes.arguments(BudgetIn, example={"name": "Updated Q1 2024", "total_amount": 12000.00, "spent_amount": 5000.00})
@routes.response(200, BudgetAnswer, example=SHOWN)
@answers_once
def update_budget(facts: dict[str, Any], budget_id: str) -> Response:
    """Update a budget: what is named changes, the rest stays.

    A hard budget cannot get a cap below what is spent (422), and none another currency. Writing `spent_amount` moves
    the opening figure; it is 409 while an expense on its way may change it.
    """
    key, expected = idempotency_key(), if_match()

    def work(known: Certainty | None) -> Response:
        return _shown(actions.update(db(), caller(), budget_id, facts, expected, known))

    if "spent_amount" in facts:
        return writes.when_certain(budget_id, key, work)
    return run_idempotent(key, partial(work, None))


@routes.delete("/<uuid:budget_id>")
@routes.response(204)
def delete_budget(budget_id: str) -> Response:
    """Delete a budget. Its expenses live on without one.

    Its history can still be read.
    """
    actions.delete(db(), caller(), budget_id, if_match())
    return nothing()


@routes.get("/<uuid:budget_id>/spends")
@routes.arguments(SpendQuery, location="query")
@routes.response(200, SpendList, example=listed(SPEND_SHOWN))
def list_spends(query: dict[str, Any], budget_id: str) -> Response:
    """List what is booked on a budget, expense by expense.

    Each live expense on it with what it amounts to. While `has_more`, `next_cursor` goes on.
    """
    return listing(queries.spends(db(), caller(), budget_id, **query), spelled_spend)


@routes.get("/<uuid:budget_id>/history")
@routes.arguments(EntryQuery, location="query")
@routes.response(200, EntryList, example=ENTRIES_SHOWN)
def list_budget_history(query: dict[str, Any], budget_id: str) -> Response:
    """List what happened to a budget, the oldest first. It can be read after the budget was deleted.

    Each entry says who changed what, from what to what, with which key and in which request. What expenses book is
    told in their own histories.
    """
    return told(queries.history(db(), caller(), budget_id, **query), VOCABULARY)


def spelled(budget: "Budget") -> dict[str, Any]:
    """A budget in the document's words; written by hand, because a list of them is a hot path."""
    return {
        "id": budget.uuid,
        "name": budget.name,
        "start_date": budget.start_on,
        "end_date": budget.end_on,
        "total_amount": budget.total,
        "spent_amount": budget.spent,
        "remaining_amount": budget.remaining,
        "status": budget.status,
        "currency": budget.currency,
        "enforcement": budget.enforcement,
        "enforce_period": budget.enforce_period,
        "created_at": budget.created_at,
        "updated_at": budget.updated_at,
    }


def spelled_spend(spend: "Spend") -> dict[str, Any]:
    """A spend, in the same manner."""
    return {
        "expense_id": spend.expense_id,
        "amount": spend.amount,
        "currency": spend.currency,
        "date": spend.spent_on,
        "updated_at": spend.updated_at,
    }


def _shown(budget: "Budget") -> Response:
    return one(spelled(budget), etag=budget.etag)
