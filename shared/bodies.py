"""What comes in: JSON bodies and queries, read exactly, and refused naming what is wrong."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import request
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser

from shared import errors
from shared.fields import Text, WholeNumber
from shared.json_codec import loads
from shared.page import DEFAULT_LIMIT, MAX_LIMIT

JSON_BYTES = 1024 * 1024
"""The largest JSON body (api.md, section 1)."""

VALUES = 20_000
"""Values of a JSON body at most: several times what the largest invoice has. They are counted by what begins or parts
them, and so are commas in texts; reading the body to count them would be what it is to be spared."""

TOLD = 100
"""Faults that a refusal names; the others are counted."""


class ListQuery(Schema):
    """What every list takes."""

    limit = WholeNumber(most=MAX_LIMIT, text=True, load_default=DEFAULT_LIMIT)
    cursor = Text(load_default=None, metadata={"description": "`next_cursor` of the page before."})
    sort = Text(load_default="-created_at", metadata={"description": "A field's name; `-` in front: descending."})
    q = Text(metadata={"description": "Text to look for, without regard to case."})


class Parser(FlaskParser):
    """webargs, with our JSON, our errors, and nothing unknown let through."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": RAISE,
        "json": RAISE,
        "form": RAISE,
    }

    def load_querystring(self, req: Any, schema: Schema) -> Any:
        """As the base does, but only text: werkzeug puts a mark where bytes are none."""
        try:
            unquote_to_bytes(req.query_string).decode()
        except UnicodeDecodeError:
            raise errors.Invalid(errors={"query": ["Not valid UTF-8."]}) from None
        return super().load_querystring(req, schema)

    def load_json(self, req: Any, schema: Schema) -> Any:
        return json_body()

    def handle_error(self, error: ValidationError, *_: Any, **__: Any) -> Any:
        location, said = next(iter(_by_field(error).items()))
        raise errors.Invalid(errors=_told(said if isinstance(said, dict) else {location: said}))


def _by_field(error: ValidationError) -> dict[str, Any]:
    return error.messages if isinstance(error.messages, dict) else {"request": error.messages}


def _told(said: dict[str, Any]) -> dict[str, Any]:
    """What a refusal says: of a body that is all wrong, no more than somebody reads."""
    told, others = _first(said, iter(range(TOLD))), _count(said) - TOLD
    return told | ({"others": [f"{others} more."]} if others > 0 else {})


def _first(said: dict[Any, Any], room: Iterator[int]) -> dict[str, Any]:
    """The first faults, while there is room.

    marshmallow names an element of a list by its index, a number; the keys of a JSON object are text.
    """
    told: dict[str, Any] = {}
    for key, inner in said.items():
        if isinstance(inner, dict):
            if within := _first(inner, room):
                told[str(key)] = within
        elif next(room, None) is None:
            break
        else:
            told[str(key)] = inner
    return told


def _count(said: dict[Any, Any]) -> int:
    return sum(_count(inner) if isinstance(inner, dict) else 1 for inner in said.values())


def load(into: Schema, body: Any) -> Any:
    """What `into` makes of a body that a view reads by itself.

    Raises:
        Invalid: naming what is wrong.
    """
    try:
        return into.load(body)
    except ValidationError as wrong:
        raise errors.Invalid(errors=_told(_by_field(wrong))) from None


def json_body() -> Any:
    """The request's body, which must be JSON.

    Raises:
        UnsupportedMedia: the content type does not say so. Without one, a page of another site could send it.
        TooLarge, Invalid: it cannot be taken.
    """
    kind, sent = request.mimetype, request.content_length or "Transfer-Encoding" in request.headers
    if (kind or sent) and kind != "application/json" and not kind.endswith("+json"):
        raise errors.UnsupportedMedia("Content-Type must be application/json")
    if (request.content_length or 0) > JSON_BYTES:
        raise errors.TooLarge
    body = request.get_data()
    if len(body) > JSON_BYTES:
        raise errors.TooLarge
    if not body:
        raise errors.Invalid(errors={"json": ["A JSON object is required."]})
    if sum(map(body.count, (b",", b"[", b"{"))) > VALUES:
        raise errors.Invalid(errors={"json": [f"More than {VALUES} values."]})
    return loads(body)
