"""Routes for other services: a budget that is gone, and the people of a workspace."""

from typing import Any

from flask import Response
from marshmallow import Schema, validate

from services.expenses import actions
from shared.caller import INTERNAL
from shared.fields import TrueOrFalse
from shared.introductions import hear_of_people
from shared.web import Routes, answer, caller, db

routes = Routes("internal", __name__, scope=INTERNAL, url_prefix="/internal")

hear_of_people(routes)


class BudgetStateSchema(Schema):
    """All that the expense service must know of a budget."""

    deleted = TrueOrFalse(required=True, validate=validate.Equal(True))


@routes.put("/budgets/<uuid:budget_id>")
@routes.arguments(BudgetStateSchema)
@routes.response(200, description="How many expenses were on it.")
def accept_budget(_state: dict[str, Any], budget_id: str) -> Response:
    """Unlink the expenses of a deleted budget."""
    return answer({"unlinked": actions.unlink(db(), caller(), budget_id)})
