"""How a service hears of people: the route, for a service's `internal.py`, on which the gateway tells of one.

The gateway has checked what it tells; a service that found fault with a name would never hear of that person.
"""

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from shared import people
from shared.fields import TrueOrFalse, WholeNumber
from shared.web import Routes, answer, caller, db, whole_id


class PersonStateSchema(Schema):
    """All that a service must know of a person."""

    version = WholeNumber(required=True, most=2**31 - 1)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    email = fields.String(required=True)
    deleted = TrueOrFalse(required=True)


def accept_people(routes: Routes) -> None:
    """Add the route that takes the newest state of a person."""

    @routes.put("/people/<id:person_id>")
    @routes.arguments(PersonStateSchema)
    @routes.response(200, description="The version now known, and whether it is this message's.")
    def accept_person(state: dict[str, Any], person_id: str) -> Response:
        """Take the newest state of a person."""
        known = people.accept(db(), caller().workspace_id, whole_id(person_id), **state)
        return answer({"version": known, "fresh": known == state["version"]})
