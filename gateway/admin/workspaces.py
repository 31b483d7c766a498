"""Workspaces in `finance`, for whoever runs the installation: a key with the scope `operator`."""

from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from flask import Response
from marshmallow import Schema, ValidationError, fields, validate

from gateway.admin import actions, queries
from gateway.admin.keys import SECRET_SHOWN, OldestFirst, key_secret, shown_once
from shared.caller import OPERATOR
from shared.describe import ListSchema, listed
from shared.fields import CurrencyCode, Email, Text
from shared.lengths import NAME
from shared.web import Routes, answers_once, caller, db, listing, needs, one

if TYPE_CHECKING:
    from gateway.admin.actions import Made
    from gateway.keys.models import Workspace

PATH = "/v1/dev/finance/workspaces"

routes = Routes("workspaces", __name__, scope=OPERATOR, url_prefix=PATH)

EXAMPLE = {"name": "Acme", "currency": "EUR", "time_zone": "Europe/Berlin"}
WORKSPACE = {
    "id": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
    "company_id": 7,
    **EXAMPLE,
    "created_at": "2024-01-15T09:00:00.000000Z",
}
SHOWN, MADE_SHOWN = {"data": WORKSPACE}, {"data": WORKSPACE | {"key": SECRET_SHOWN}}


def _time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("Not one of the IANA's time zones.")


class OwnerIn(Schema):
    """The first member of a workspace."""

    first_name = Text(NAME, required=True, validate=[validate.Length(min=1)])
    last_name = Text(NAME, load_default="")
    email = Email(required=True)


class WorkspaceIn(Schema):
    """What can be said of a new workspace."""

    name = Text(NAME, required=True, validate=[validate.Regexp(r".*\S", error="Must not be empty.")])
    currency = CurrencyCode(metadata={"description": "USD, unless given. It stays."})
    time_zone = Text(64, validate=[_time_zone], metadata={"description": "UTC, unless given. It stays."})
    owner = fields.Nested(OwnerIn)


class WorkspaceOut(Schema):
    """A workspace."""

    id = fields.UUID()
    company_id = fields.Integer(metadata={"description": "Its number in `approvals`."})
    name = fields.String()
    currency = CurrencyCode()
    time_zone = fields.String()
    created_at = fields.AwareDateTime()


class MadeWorkspaceOut(WorkspaceOut):
    """A workspace with the secret of its first key, which is shown this once."""

    key = fields.String(allow_none=True, metadata={"description": "Null in a repeat under the same Idempotency-Key."})


class WorkspaceAnswer(Schema):
    data = fields.Nested(WorkspaceOut)


class MadeWorkspaceAnswer(Schema):
    data = fields.Nested(MadeWorkspaceOut)


class WorkspaceList(ListSchema):
    data = fields.List(fields.Nested(WorkspaceOut))


@routes.get("")
@routes.arguments(OldestFirst, location="query")
@routes.response(200, WorkspaceList, example=listed(SHOWN))
@needs(OPERATOR)
def list_workspaces(query: dict[str, Any]) -> Response:
    """List all workspaces, the oldest first.

    Needs a key with the scope `operator`.
    """
    return listing(queries.workspaces(db(), **query), spelled)


@routes.post("")
@routes.arguments(WorkspaceIn, example=EXAMPLE)
@routes.response(201, MadeWorkspaceAnswer, example=MADE_SHOWN)
@answers_once
@needs(OPERATOR)
def create_workspace(facts: dict[str, Any]) -> Response:
    """Make a workspace, with a first key for all that can be done in it. That key is shown this once.

    Needs a key with the scope `operator`. A name that is taken is 422.
    """
    homes: list[Workspace] = []

    def make() -> "Made":
        home, made = actions.create_workspace(db(), caller(), key_secret(), facts)
        homes[:] = [home]
        return made

    return shown_once(make, lambda _made, secret: _answer(homes[0], secret))


@routes.get("/<uuid:workspace_id>")
@routes.response(200, WorkspaceAnswer, example=SHOWN)
@needs(OPERATOR)
def get_workspace(workspace_id: str) -> Response:
    """Get a workspace.

    Needs a key with the scope `operator`.
    """
    return one(spelled(queries.workspace(db(), workspace_id)), etag="1")


def spelled(home: "Workspace") -> dict[str, Any]:
    """A workspace."""
    return {
        "id": home.id,
        "company_id": home.company_id,
        "name": home.name,
        "currency": home.currency,
        "time_zone": home.time_zone,
        "created_at": home.created_at,
    }


def _answer(home: "Workspace", secret: str | None) -> Response:
    return one(spelled(home) | {"key": secret}, etag="1", status=201, location=f"{PATH}/{home.id}")
