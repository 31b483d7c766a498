"""Expenses as the `projects` document spells them: by integer id, everything a text, dates as YYYYMMDD."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask import Response
from marshmallow import Schema, fields

from services.expenses import queries, writes
from shared.errors import renamed
from shared.lengths import DESCRIPTION, LARGEST_ID
from shared.page import Place
from shared.projects_dialect import (
    CompactDay,
    LooseAmount,
    LooseNumber,
    LooseText,
    created,
    does,
    done,
    known_currency,
    lists,
    makes,
    paged,
    queried,
    spelled,
    takes,
)
from shared.web import Routes, answers_once, caller, db, idempotency_key, tagged, whole_id

if TYPE_CHECKING:
    from services.expenses.models import Expense
    from services.expenses.queries import Entry

OURS = {"amount": "cost"}
"""What the domain blames -> what it is called here."""

EXAMPLE = {"name": "4 New Tyres", "description": "", "date": "20150617", "cost": "200.00"}
SHOWN = {
    "invoice-id": "50",
    "name": "4 New Tyres",
    "created-by-user-firstname": "Daniel",
    "created-by-user-id": "414",
    "description": "",
    "created-by-user-lastname": "Mackey",
    "date": "20150617",
    "id": "14",
    "cost": "200.00",
    "project-id": "1149",
    "currency-code": "USD",
    "date-created": "2015-06-17T12:25:00Z",
    "date-updated": "2015-06-17T12:25:00Z",
}

routes = Routes("project-expenses", __name__, scope="expenses")

ID = "<id:expense_id>"


class ProjectExpenseIn(Schema):
    """What can be written of an expense; everything is optional, and empty text stands for nothing."""

    name = LooseText(allow_none=True)
    description = LooseText(DESCRIPTION, allow_none=True)
    date = CompactDay(allow_none=True)
    amount = LooseAmount(
        data_key="cost", allow_none=True, metadata={"description": "Nothing is 0.00.", "example": EXAMPLE["cost"]}
    )
    currency = LooseText(
        data_key="currency-code", allow_none=True, metadata={"description": "The workspace's, unless given."}
    )
    project_id = LooseNumber(
        data_key="project-id",
        allow_none=True,
        most=LARGEST_ID,
        metadata={"description": "Another one moves it; empty text takes it out of its project."},
    )


class ProjectExpenseOut(Schema):
    """An expense; every value is text, `""` for nothing."""

    invoice_id = fields.String(data_key="invoice-id", metadata={"description": "The invoice it is on."})
    name = fields.String()
    first_name = fields.String(data_key="created-by-user-firstname")
    created_by = fields.String(data_key="created-by-user-id")
    description = fields.String()
    last_name = fields.String(data_key="created-by-user-lastname")
    date = fields.String(metadata={"example": SHOWN["date"]})
    id = fields.String()
    cost = fields.String()
    project_id = fields.String(data_key="project-id")
    currency = fields.String(data_key="currency-code")
    created_at = fields.String(data_key="date-created")
    updated_at = fields.String(data_key="date-updated")


class ProjectExpenseAnswer(Schema):
    expense = fields.Nested(ProjectExpenseOut)


class ProjectExpenseList(Schema):
    expenses = fields.List(fields.Nested(ProjectExpenseOut))


@routes.get("/expenses.json")
@queried(routes)
@lists(routes, ProjectExpenseList, example={"expenses": [SHOWN]})
def list_expenses(query: dict[str, Any]) -> Response:
    """List all expenses, the oldest first. The headers x-page, x-pages, x-records say where this page is."""
    return _listed(query)


@routes.get("/projects/<id:project_id>/expenses.json")
@queried(routes)
@lists(routes, ProjectExpenseList, example={"expenses": [SHOWN]})
def list_expenses_of_project(query: dict[str, Any], project_id: str) -> Response:
    """List the expenses of a project, the oldest first."""
    return _listed(query, project_id=whole_id(project_id))


@routes.post("/expenses.json")
@takes(routes, "expense", ProjectExpenseIn, example=EXAMPLE | {"project-id": "1149"})
@makes(routes)
@answers_once
def create_expense(facts: dict[str, Any]) -> Response:
    """Create an expense, in the project that the body names."""
    return _recorded(facts)


@routes.post("/projects/<id:project_id>/expenses.json")
@takes(routes, "expense", ProjectExpenseIn, example=EXAMPLE)
@makes(routes)
@answers_once
def create_expense_of_project(facts: dict[str, Any], project_id: str) -> Response:
    """Create an expense in a project."""
    return _recorded(facts | {"project_id": whole_id(project_id)})


@routes.get(f"/expenses/{ID}.json")
@routes.response(200, ProjectExpenseAnswer, example={"expense": SHOWN})
def get_expense(expense_id: str) -> Response:
    """Get an expense."""
    entry = queries.entry(db(), caller(), whole_id(expense_id))
    return tagged({"expense": spelled(_spelled(entry))}, etag=entry.expense.etag)


@routes.put(f"/expenses/{ID}.json")
@takes(routes, "expense", ProjectExpenseIn, example=EXAMPLE)
@does(routes)
@answers_once
def update_expense(facts: dict[str, Any], expense_id: str) -> Response:
    """Update an expense: what is named changes, the rest stays."""
    with renamed(OURS):
        return writes.update(whole_id(expense_id), _known(facts), None, idempotency_key(), lambda _expense: done())


@routes.delete(f"/expenses/{ID}.json")
@does(routes)
@answers_once
def delete_expense(expense_id: str) -> Response:
    """Delete an expense."""
    return writes.delete(whole_id(expense_id), idempotency_key(), done)


def _listed(query: dict[str, Any], **by: Any) -> Response:
    place = Place(query["page"], query["size"], "created_at", descending=False)
    entries, count = queries.entries(db(), caller(), place, **by)
    return paged("expenses", map(_spelled, entries), count, place)


def _recorded(facts: dict[str, Any]) -> Response:
    with renamed(OURS):
        return writes.create(_known(facts), None, idempotency_key(), _made)


def _made(expense: "Expense") -> Response:
    return created(expense.id)


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts, where a cost that is nothing is none, and no currency is the one there is. Raises Refused."""
    known = dict(facts)
    if "amount" in known:
        known["amount"] = known["amount"] or Decimal(0)
    if known_currency(known.get("currency")) is None:
        known.pop("currency", None)
    return known


def _spelled(entry: "Entry") -> dict[str, Any]:
    expense = entry.expense
    return {
        "invoice-id": entry.invoice_id,
        "name": expense.title,
        "created-by-user-firstname": entry.maker.first,
        "created-by-user-id": expense.created_by,
        "description": expense.description,
        "created-by-user-lastname": entry.maker.last,
        "date": expense.spent_on,
        "id": expense.id,
        "cost": expense.amount,
        "project-id": expense.project_id,
        "currency-code": expense.currency,
        "date-created": expense.created_at,
        "date-updated": expense.updated_at,
    }
