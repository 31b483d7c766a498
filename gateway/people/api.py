"""People as the `projects` document spells its things. Reading needs `invoices:read`, changing `admin`."""

from typing import TYPE_CHECKING, Any

from flask import Response
from marshmallow import Schema, fields, validate

from gateway.people import actions, queries
from shared.fields import Email
from shared.page import Place
from shared.projects_dialect import LooseText, created, does, done, lists, makes, paged, queried, spelled, takes
from shared.web import Routes, caller, db, if_match, needs, tagged, whole_id

if TYPE_CHECKING:
    from gateway.keys.models import Member

EXAMPLE = {"first-name": "Daniel", "last-name": "Mackey", "email-address": "daniel@example.com"}
PERSON = {
    "id": "414",
    **EXAMPLE,
    "user-name": "daniel@example.com",
    "user-type": "account",
    "company-id": "",
    "companyId": "",
    "administrator": "0",
    "deleted": "0",
    "created-at": "2015-06-17T12:00:47Z",
    "last-changed-on": "2015-06-17T12:00:47Z",
}
SHOWN, LISTED = {"person": PERSON}, {"people": [PERSON]}

routes = Routes("people", __name__, scope="invoices")


class PersonUpdate(Schema):
    """What can be changed of a person."""

    first_name = LooseText(data_key="first-name", validate=[validate.Length(min=1)])
    last_name = LooseText(data_key="last-name", allow_none=True)
    email = Email(data_key="email-address", allow_none=True)  # the owner may have none, and can be sent back


class PersonCreate(PersonUpdate):
    """What can be written of a new person."""

    first_name = LooseText(data_key="first-name", required=True, validate=[validate.Length(min=1)])
    last_name = LooseText(data_key="last-name", allow_none=True, load_default=None)
    email = Email(data_key="email-address", required=True)


class PersonOut(Schema):
    """A person."""

    class Meta:
        include = {name: fields.String() for name in PERSON}  # noqa: RUF012


class PersonAnswer(Schema):
    person = fields.Nested(PersonOut)


class PersonList(Schema):
    people = fields.List(fields.Nested(PersonOut))


@routes.get("/people.json")
@queried(routes)
@lists(routes, PersonList, example=LISTED)
def list_people(query: dict[str, Any]) -> Response:
    """List the people of the workspace."""
    place = Place(query["page"], query["size"], "id", descending=False)
    people, count = queries.listing(db(), caller(), place)
    return paged("people", map(_facts, people), count, place)


@routes.post("/people.json")
@takes(routes, "person", PersonCreate, example=EXAMPLE)
@makes(routes)
@needs("admin")
def create_person(facts: dict[str, Any]) -> Response:
    """Add a person."""
    return created(actions.create(db(), caller(), _written(facts)).id)


@routes.get("/people/<id:person_id>.json")
@routes.response(200, PersonAnswer, example=SHOWN)
def get_person(person_id: str) -> Response:
    """Get a person."""
    return _shown(queries.find(db(), caller(), whole_id(person_id)))


@routes.put("/people/<id:person_id>.json")
@takes(routes, "person", PersonUpdate, example={"last-name": "Mackey-Byrne"})
@does(routes)
@needs("admin")
def update_person(facts: dict[str, Any], person_id: str) -> Response:
    """Update a person: what is named changes, the rest stays."""
    actions.update(db(), caller(), whole_id(person_id), _written(facts), if_match())
    return done()


@routes.delete("/people/<id:person_id>.json")
@does(routes)
@needs("admin")
def delete_person(person_id: str) -> Response:
    """Delete a person. One with a live API key stays."""
    actions.delete(db(), caller(), whole_id(person_id), if_match())
    return done()


@routes.get("/me.json")
@routes.response(200, PersonAnswer, example=SHOWN)
def get_me() -> Response:
    """Get the person whose API key this is."""
    return _shown(queries.find(db(), caller(), caller().member_id))


def _shown(person: "Member") -> Response:
    return tagged({"person": spelled(_facts(person))}, etag=person.etag)


def _facts(person: "Member") -> dict[str, Any]:
    """What is shown of a person. They are of no company: those of this dialect are the ones that projects are for."""
    return {
        "id": person.id,
        "first-name": person.first_name,
        "last-name": person.last_name,
        "email-address": person.email,
        "user-name": person.email,
        "user-type": "account",
        "company-id": None,
        "companyId": None,
        "administrator": person.role == "owner",
        "deleted": person.deleted,
        "created-at": person.created_at,
        "last-changed-on": person.updated_at,
    }


def _written(facts: dict[str, Any]) -> dict[str, str]:
    """What is to be kept: nothing, in a name, is an empty one."""
    return {name: value or "" for name, value in facts.items()}
