"""API keys in `finance`, for a key with the scope `admin` that is for all accounts.

A secret is in the answer that makes it, and nowhere else: what an `Idempotency-Key` keeps of that answer is without it.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, request
from marshmallow import Schema, fields, validate

from gateway.admin import actions, queries
from gateway.admin.actions import GIVEN
from shared.bodies import ListQuery, json_body, load
from shared.describe import ListSchema, listed
from shared.fields import Several, Text, WholeNumber
from shared.lengths import LARGEST_ID
from shared.web import (
    Routes,
    answers_once,
    caller,
    db,
    idempotency_key,
    if_match,
    listing,
    nothing,
    one,
    run_idempotent,
)

if TYPE_CHECKING:
    from gateway.admin.actions import Made
    from gateway.keys.models import ApiKey

PATH = "/v1/dev/finance/keys"
WEEK, MONTH = 7 * 24 * 3600, 30 * 24 * 3600
ACCOUNTS = 100
"""The most accounts that a key can be limited to: no workspace has more."""

routes = Routes("keys", __name__, scope="admin", url_prefix=PATH)
routes.before_request(lambda: caller().check_everywhere())

KEY = {
    "id": "1a2b3c4d-0f1e-4d2c-8b3a-495867768594",
    "prefix": "ch_1a2b3c4d",
    "member_id": 414,
    "scopes": ["invoices:read"],
    "account_ids": None,
    "status": "active",
    "created_at": "2024-01-15T09:00:00.000000Z",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
    "older_secret_until": None,
}
SECRET_SHOWN = "ch_1a2b3c4d_" + "x" * 43
SHOWN, MADE_SHOWN = {"data": KEY}, {"data": KEY | {"key": SECRET_SHOWN}}


class KeyIn(Schema):
    """What can be said of a new key; everything is optional."""

    scopes = Several(
        fields.String(validate=validate.OneOf(GIVEN)),
        least=1,
        most=len(GIVEN),
        metadata={"description": "What it may do; unless given, read."},
    )
    account_ids = Several(
        fields.UUID(),
        allow_none=True,
        least=1,
        most=ACCOUNTS,
        metadata={"description": "The only accounts whose invoices it opens; null: all."},
    )
    member_id = WholeNumber(most=LARGEST_ID, metadata={"description": "Whose key it is; unless given, the caller's."})
    expires_at = fields.AwareDateTime(allow_none=True)


class KeyOut(Schema):
    """A key. Its secret is not there."""

    id = fields.UUID()
    prefix = fields.String(metadata={"description": "The part of the key that may be shown."})
    member_id = fields.Integer()
    scopes = fields.List(fields.String())
    account_ids = fields.List(fields.UUID(), allow_none=True)
    status = fields.String(validate=validate.OneOf(("active", "expired", "revoked")))
    created_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime(allow_none=True)
    revoked_at = fields.AwareDateTime(allow_none=True)
    last_used_at = fields.AwareDateTime(allow_none=True, metadata={"description": "To the minute."})
    older_secret_until = fields.AwareDateTime(
        allow_none=True, metadata={"description": "Until when the secret before the last rotation works."}
    )


class MadeKeyOut(KeyOut):
    """A key with its secret, which is shown this once."""

    key = fields.String(allow_none=True, metadata={"description": "Null in a repeat under the same Idempotency-Key."})


class KeyAnswer(Schema):
    data = fields.Nested(KeyOut)


class MadeKeyAnswer(Schema):
    data = fields.Nested(MadeKeyOut)


class KeyList(ListSchema):
    data = fields.List(fields.Nested(KeyOut))


class OldestFirst(ListQuery):
    """How a list of keys, or of workspaces, is paged."""

    class Meta:
        exclude = ("q",)

    sort = Text(load_default="created_at")


class RotationIn(Schema):
    """How a key is rotated; the body may be left out."""

    overlap_seconds = WholeNumber(
        least=0,
        most=MONTH,
        load_default=WEEK,
        metadata={"description": "How long the secret it has still works; 0: not at all."},
    )


ROTATION = RotationIn()


@routes.get("")
@routes.arguments(OldestFirst, location="query")
@routes.response(200, KeyList, example=listed(SHOWN))
def list_keys(query: dict[str, Any]) -> Response:
    """List the keys of the workspace, the oldest first, with those that do not work any more.

    No secret is among it; `prefix` is the part of a key that may be shown.
    """
    return listing(queries.keys(db(), caller(), **query), spelled)


@routes.post("")
@routes.arguments(KeyIn, example={"scopes": ["invoices:read"]})
@routes.response(201, MadeKeyAnswer, example=MADE_SHOWN)
@routes.alt_response(404)
@answers_once
def create_key(facts: dict[str, Any]) -> Response:
    """Make a key. Its secret is shown this once.

    It may read, unless `scopes` says what it may do. It can have no scope, no account and no longer life than the key
    that makes it: 403.
    """
    told = facts | ({"account_ids": [str(each) for each in facts["account_ids"]]} if facts.get("account_ids") else {})
    return shown_once(lambda: actions.create_key(db(), caller(), key_secret(), told), _made)


@routes.get("/<uuid:key_id>")
@routes.response(200, KeyAnswer, example=SHOWN)
def get_key(key_id: str) -> Response:
    """Get a key.

    Without its secret.
    """
    key = queries.find(db(), caller(), key_id)
    return one(spelled(key), etag=key.etag)


@routes.post("/<uuid:key_id>/rotate")
@routes.doc(requestBody={"content": {"application/json": {"schema": RotationIn, "example": {"overlap_seconds": 0}}}})
@routes.response(200, MadeKeyAnswer, example=MADE_SHOWN)
@answers_once
def rotate_key(key_id: str) -> Response:
    """Give a key a fresh secret, shown this once; the one it has works for a week yet, unless said otherwise.

    Its id, scopes, accounts and history stay.
    """
    said = load(ROTATION, json_body() if request.get_data() else {})
    overlap, expected = timedelta(seconds=said["overlap_seconds"]), if_match()
    return shown_once(lambda: actions.rotate(db(), caller(), key_secret(), key_id, overlap, expected), _rotated)


@routes.delete("/<uuid:key_id>")
@routes.response(204)
def revoke_key(key_id: str) -> Response:
    """Revoke a key: within a second it is refused everywhere. It stays in the list.

    Its history stays, and what it has made.
    """
    actions.revoke(db(), caller(), key_id, if_match())
    return nothing()


def spelled(key: "ApiKey") -> dict[str, Any]:
    """A key, without its secret."""
    return {
        "id": key.id,
        "prefix": key.prefix,
        "member_id": key.member_id,
        "scopes": key.scopes,
        "account_ids": key.account_ids,
        "status": queries.state(key),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
        "older_secret_until": key.older_until,
    }


def shown_once(make: Callable[[], "Made"], show: Callable[["Made", str | None], Response]) -> Response:
    """The answer with the secret; what is kept of it for a repeat of the request is the answer without."""
    made: list[Made] = []

    def work() -> Response:
        made[:] = [make()]
        return show(made[0], None)

    response = run_idempotent(idempotency_key(), work)
    if made and response.status_code < 400:
        response.set_data(show(made[0], made[0].secret).get_data())
    return response


def key_secret() -> str:
    """What keys the digests of keys."""
    known: str = current_app.extensions["key_secret"]
    return known


def _made(made: "Made", secret: str | None) -> Response:
    told = spelled(made.key) | {"key": secret}
    return one(told, etag=made.key.etag, status=201, location=f"{PATH}/{made.key.id}")


def _rotated(made: "Made", secret: str | None) -> Response:
    return one(spelled(made.key) | {"key": secret}, etag=made.key.etag)
