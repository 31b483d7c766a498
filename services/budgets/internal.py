"""Routes for other services: the spends that expenses book (api.md, section 7)."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from services.budgets import actions
from services.budgets.actions import SpendState
from services.budgets.vocabulary import VOCABULARY
from shared.amounts import exact
from shared.caller import INTERNAL
from shared.fields import Amount, CurrencyCode, Day, TrueOrFalse, WholeNumber
from shared.lengths import LARGEST_ID
from shared.money import Money
from shared.telling import tell_history
from shared.web import Routes, answer, caller, db

routes = Routes("internal", __name__, scope=INTERNAL, url_prefix="/internal")

tell_history(routes, VOCABULARY)


class HeldSchema(Schema):
    """Money that stays booked on the budget an expense is leaving, which may be in another currency."""

    budget_id = fields.UUID(required=True)
    amount = Amount(required=True)
    currency = CurrencyCode(metadata={"description": "The expense's, unless given, as older senders do not."})


class SpendSchema(Schema):
    """An expense's whole state, never a difference. `budget_id` null: a tombstone."""

    version = WholeNumber(required=True, most=LARGEST_ID)
    budget_id = fields.UUID(required=True, allow_none=True)
    amount = Amount(required=True)
    currency = CurrencyCode(required=True)
    date = Day(required=True, allow_none=True)
    enforce = TrueOrFalse(required=True)
    held = fields.Nested(HeldSchema, load_default=None, allow_none=True)


@routes.put("/spends/<uuid:expense_id>")
@routes.arguments(SpendSchema)
@routes.response(200, description="The version now known, and whether it is this message's.")
def accept_spend(facts: dict[str, Any], expense_id: str) -> Response:
    """Take the newest state of an expense."""
    known = actions.accept_spend(db(), caller().workspace_id, expense_id, _state(facts))
    return answer({"version": known, "fresh": known == facts["version"]})


def _state(facts: dict[str, Any]) -> SpendState:
    budget_id, currency = facts["budget_id"], facts["currency"]
    return SpendState(
        version=facts["version"],
        budget_id=str(budget_id) if budget_id else None,
        amount=exact(facts["amount"], currency, "amount"),
        spent_on=facts["date"],
        enforce=facts["enforce"],
        held=_held(facts["held"], currency),
    )


def _held(held: dict[str, Any] | None, currency: str) -> tuple[str, Money] | None:
    if held is None:
        return None
    return str(held["budget_id"]), exact(held["amount"], held.get("currency", currency), "held")
