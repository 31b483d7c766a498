"""Routes for other services: a budget that is gone, the invoice that an expense is on, and the people."""

from typing import Any

from flask import Response
from marshmallow import Schema, validate

from services.expenses import actions
from services.expenses.participants import budget
from services.expenses.vocabulary import VOCABULARY
from shared.caller import INTERNAL
from shared.fields import Text, TrueOrFalse, WholeNumber
from shared.introductions import accept_people
from shared.lengths import LARGEST_ID
from shared.telling import tell_history
from shared.web import Routes, answer, caller, db

routes = Routes("internal", __name__, scope=INTERNAL, url_prefix="/internal")

tell_history(routes, VOCABULARY)
accept_people(routes)


class BudgetStateSchema(Schema):
    """All that the expense service must know of a budget."""

    deleted = TrueOrFalse(required=True, validate=validate.Equal(True))


class BillingSchema(Schema):
    """All that the expense service must know of where an expense is billed. `invoice_id` null: nowhere.

    `account_id`: the invoice's; an older invoice service does not tell it.
    """

    version = WholeNumber(required=True, most=LARGEST_ID)
    invoice_id = WholeNumber(required=True, allow_none=True, most=LARGEST_ID)
    account_id = Text(36, load_default=None, allow_none=True)


@routes.put("/budgets/<uuid:budget_id>")
@routes.arguments(BudgetStateSchema)
@routes.response(200, description="How many expenses were on it.")
def accept_budget(_state: dict[str, Any], budget_id: str) -> Response:
    """Unlink the expenses of a deleted budget."""
    return answer({"unlinked": actions.unlink(db(), caller(), budget_id)})


@routes.get("/under-way")
@routes.response(200, description="The expenses of which a budget does not know yet how it ends.")
def list_under_way() -> Response:
    """List the expenses of which word to a budget is under way."""
    return answer({"expenses": budget.under_way(db(), caller().workspace_id)})


@routes.put("/billings/<uuid:expense_id>")
@routes.arguments(BillingSchema)
@routes.response(200, description="The version now known, and whether it is this message's.")
def accept_billing(facts: dict[str, Any], expense_id: str) -> Response:
    """Take note of the invoice that an expense is on."""
    known = actions.bill(db(), caller(), expense_id, **facts)
    return answer({"version": known, "fresh": known == facts["version"]})
