"""The routes of companies."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from services.invoices import actions, queries
from services.invoices.api.projects.schemas import CompanyIn, NewCompanyIn
from services.invoices.api.projects.spelling import spelled_company
from shared.page import Place
from shared.projects_dialect import created, does, done, lists, makes, paged, queried, spelled, takes
from shared.web import Routes, caller, db, if_match, tagged, whole_id

routes = Routes("companies", __name__, scope="invoices")

ID = "<id:company_id>"
SHOWN = {
    "id": "51",
    "name": "Kent Farms",
    "address-one": "1 Orchard Lane",
    "address-two": "",
    "city": "Maidstone",
    "state": "",
    "zip": "",
    "country-code": "GB",
    "phone": "",
    "website": "",
    "email": "",
    "created-on": "2015-06-01T09:00:00Z",
    "last-changed-on": "2015-06-01T09:00:00Z",
}


class CompanyOut(Schema):
    """A company."""

    class Meta:
        include = {name: fields.String() for name in SHOWN}  # noqa: RUF012


class CompanyAnswer(Schema):
    company = fields.Nested(CompanyOut)


class CompanyList(Schema):
    companies = fields.List(fields.Nested(CompanyOut))


@routes.get("/companies.json")
@queried(routes)
@lists(routes, CompanyList, example={"companies": [SHOWN]})
def list_companies(query: dict[str, Any]) -> Response:
    """List companies."""
    place = Place(query["page"], query["size"], "id", descending=False)
    found, count = queries.companies(db(), caller(), place)
    return paged("companies", map(spelled_company, found), count, place)


@routes.post("/companies.json")
@takes(routes, "company", NewCompanyIn, example={"name": "Kent Farms", "city": "Maidstone"})
@makes(routes)
def create_company(facts: dict[str, Any]) -> Response:
    """Create a company."""
    return created(actions.create_company(db(), caller(), facts).id)


@routes.get(f"/companies/{ID}.json")
@routes.response(200, CompanyAnswer, example={"company": SHOWN})
def get_company(company_id: str) -> Response:
    """Get a company."""
    company = queries.company(db(), caller(), whole_id(company_id))
    return tagged({"company": spelled(spelled_company(company))}, etag=company.etag)


@routes.put(f"/companies/{ID}.json")
@takes(routes, "company", CompanyIn, example={"city": "Canterbury"})
@does(routes)
def update_company(facts: dict[str, Any], company_id: str) -> Response:
    """Update a company: what is named changes, the rest stays."""
    actions.update_company(db(), caller(), whole_id(company_id), facts, if_match())
    return done()


@routes.delete(f"/companies/{ID}.json")
@does(routes)
def delete_company(company_id: str) -> Response:
    """Delete a company that no project is for."""
    actions.delete_company(db(), caller(), whole_id(company_id), if_match())
    return done()
