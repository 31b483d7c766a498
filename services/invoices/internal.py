"""Routes for other services: the people of a workspace, and the expenses of projects."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from services.invoices import actions
from services.invoices.actions import ExpenseState
from services.invoices.vocabulary import VOCABULARY
from shared.amounts import exact
from shared.caller import INTERNAL
from shared.fields import Amount, CurrencyCode, Day, Text, TrueOrFalse, WholeNumber
from shared.introductions import accept_people
from shared.lengths import DESCRIPTION, LARGEST_ID, NAME
from shared.telling import tell_history
from shared.web import Routes, answer, caller, db

routes = Routes("internal", __name__, scope=INTERNAL, url_prefix="/internal")

tell_history(routes, VOCABULARY)
accept_people(routes)


class ProjectExpenseSchema(Schema):
    """An expense's whole state, never a difference. `project_id` null: it is gone, or in no project.

    `held`: it is about to change, which may be refused; `shown`: also what an invoice shows of it;
    `account_ids`: the only accounts whose invoices the one who changes it may reach; `changed_by`: the member who did;
    `writers`: those who have ever written its amount, besides the one who made it.
    """

    version = WholeNumber(required=True, most=LARGEST_ID)
    held = TrueOrFalse(required=True)
    shown = TrueOrFalse(required=True)
    id = WholeNumber(required=True, most=LARGEST_ID, allow_none=True)
    project_id = WholeNumber(required=True, most=LARGEST_ID, allow_none=True)
    name = Text(NAME, required=True, allow_none=True)
    description = Text(DESCRIPTION, required=True, allow_none=True)
    date = Day(required=True, allow_none=True)
    amount = Amount(required=True)
    currency = CurrencyCode(required=True)
    created_by = fields.Integer(required=True, allow_none=True)
    account_ids = fields.List(Text(36), load_default=None)
    changed_by = fields.Integer(load_default=None)
    writers = fields.List(fields.Integer(), load_default=())


@routes.put("/expenses/<uuid:expense_id>")
@routes.arguments(ProjectExpenseSchema)
@routes.response(200, description="The version now known, and whether it is this message's.")
def accept_expense(facts: dict[str, Any], expense_id: str) -> Response:
    """Take the newest state of an expense, or let it be held."""
    amount = exact(facts.pop("amount"), facts.pop("currency"), "amount")
    state = ExpenseState(amount=amount, spent_on=facts.pop("date"), **facts)
    known = actions.accept_expense(db(), caller().workspace_id, expense_id, state)
    return answer({"version": known, "fresh": known == state.version})
