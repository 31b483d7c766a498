"""The routes of projects, and of what an hour costs on one."""

from decimal import Decimal
from typing import Any

from flask import Response
from marshmallow import Schema, fields

from services.invoices import actions, queries, rules
from services.invoices.api.projects.schemas import NewProjectIn, ProjectIn, ProjectQuery, RatesIn
from services.invoices.api.projects.spelling import spelled_project, spelled_rates
from shared.page import Place
from shared.projects_dialect import created, does, done, lists, makes, paged, queried, spelled, takes
from shared.web import Routes, caller, db, if_match, tagged, whole_id

routes = Routes("projects", __name__, scope="invoices")

ID = "<id:project_id>"
EXAMPLE = {"name": "API Private Items", "description": "", "newCompany": "Kent Farms", "startDate": "20150601"}
SHOWN = {
    "id": "1149",
    "name": "API Private Items",
    "description": "",
    "status": "active",
    "company": {"id": "51", "name": "Kent Farms"},
    "company-id": "51",
    "company-name": "Kent Farms",
    "startDate": "20150601",
    "endDate": "",
    "created-on": "2015-06-01T09:00:00Z",
    "last-changed-on": "2015-06-01T09:00:00Z",
}
RATES = {"project-default": "50.00", "users": {"414": {"rate": "65.00"}}}
SHOWN_RATES = RATES | {"users": {"414": {"rate": "65.00", "first-name": "Daniel", "last-name": "Mackey"}}}


class OfProject(Schema):
    """The company of a project."""

    id = fields.String()
    name = fields.String()


class ProjectOut(Schema):
    """A project."""

    class Meta:
        include = {name: fields.String() for name in SHOWN if name != "company"} | {"company": fields.Nested(OfProject)}


class ProjectAnswer(Schema):
    project = fields.Nested(ProjectOut)


class ProjectList(Schema):
    projects = fields.List(fields.Nested(ProjectOut))


class UserRateOut(Schema):
    """What an hour of a person costs."""

    rate = fields.String()
    first_name = fields.String(data_key="first-name")
    last_name = fields.String(data_key="last-name")


class RatesOut(Schema):
    """What an hour costs on a project: of whoever has no own rate, and by person's id of who has."""

    default = fields.String(data_key="project-default")
    users = fields.Dict(keys=fields.String(), values=fields.Nested(UserRateOut))


class RatesAnswer(Schema):
    rates = fields.Nested(RatesOut)


@routes.get("/projects.json")
@queried(routes, ProjectQuery)
@lists(routes, ProjectList, example={"projects": [SHOWN]})
def list_projects(query: dict[str, Any]) -> Response:
    """List projects."""
    place = Place(query["page"], query["size"], "id", descending=False)
    found, count = queries.projects(db(), caller(), place, archived=query["archived"])
    return paged("projects", [spelled_project(*each) for each in found], count, place)


@routes.post("/projects.json")
@takes(routes, "project", NewProjectIn, example=EXAMPLE)
@makes(routes)
def create_project(facts: dict[str, Any]) -> Response:
    """Create a project; `newCompany` creates the company of that name with it."""
    return created(actions.create_project(db(), caller(), _written(facts)).id)


@routes.get(f"/projects/{ID}.json")
@routes.response(200, ProjectAnswer, example={"project": SHOWN})
def get_project(project_id: str) -> Response:
    """Get a project."""
    project, company = queries.project(db(), caller(), whole_id(project_id))
    return tagged({"project": spelled(spelled_project(project, company))}, etag=project.etag)


@routes.put(f"/projects/{ID}.json")
@takes(routes, "project", ProjectIn, example={"name": "API Public Items", "status": "archived"})
@does(routes)
def update_project(facts: dict[str, Any], project_id: str) -> Response:
    """Update a project: what is named changes, the rest stays. The status `archived` archives it."""
    actions.update_project(db(), caller(), whole_id(project_id), _written(facts), if_match())
    return done()


@routes.delete(f"/projects/{ID}.json")
@does(routes)
def delete_project(project_id: str) -> Response:
    """Delete a project that nothing was spent on."""
    actions.delete_project(db(), caller(), whole_id(project_id), if_match())
    return done()


@routes.get(f"/projects/{ID}/rates.json")
@routes.response(200, RatesAnswer, example={"rates": SHOWN_RATES})
def get_rates(project_id: str) -> Response:
    """Get what an hour costs on a project."""
    rates = queries.rates(db(), caller(), whole_id(project_id))
    return tagged({"rates": spelled(spelled_rates(rates, caller().currency))}, etag=str(rates.version))


@routes.post(f"/projects/{ID}/rates.json")
@takes(routes, "rates", RatesIn, example=RATES)
@does(routes)
def set_rates(facts: dict[str, Any], project_id: str) -> Response:
    """Set what an hour costs from now on: by default, and of persons. What is on an invoice keeps its rate."""
    return _set_rates(facts, project_id)


@routes.put(f"/projects/{ID}/rates.json")
@takes(routes, "rates", RatesIn, example=RATES)
@does(routes)
def update_rates(facts: dict[str, Any], project_id: str) -> Response:
    """The same by PUT."""
    return _set_rates(facts, project_id)


def _set_rates(facts: dict[str, Any], project_id: str) -> Response:
    default = {"default": _micros(facts["default"])} if "default" in facts else {}
    own = {person: _micros(rate) for person, rate in (facts.get("users") or {}).items()}
    actions.set_rates(db(), caller(), whole_id(project_id), default, own, if_match())
    return done()


def _micros(rate: Decimal | None) -> int | None:
    return None if rate is None else int(rate.scaleb(rules.MICRO))


def _written(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts for the domain: archived or not is a status here."""
    status = facts.pop("status", None)
    return facts if status is None else facts | {"archived": status == "archived"}
