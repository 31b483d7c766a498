"""What comes in: JSON bodies and queries, read exactly, and refused naming what is wrong."""

from typing import Any
from urllib.parse import unquote_to_bytes

from flask import request
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser

from shared import errors
from shared.exact import loads
from shared.fields import Text, WholeNumber
from shared.page import DEFAULT_LIMIT, MAX_LIMIT

JSON_BYTES = 1024 * 1024
"""The largest JSON body (api.md, section 1)."""


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
        raise errors.Invalid(errors=said if isinstance(said, dict) else {location: said})


def _by_field(error: ValidationError) -> dict[str, Any]:
    return _with_text_keys(error.messages if isinstance(error.messages, dict) else {"request": error.messages})


def _with_text_keys(said: dict[Any, Any]) -> dict[str, Any]:
    """marshmallow names an element of a list by its index, a number; the keys of a JSON object are text."""
    return {str(key): _with_text_keys(inner) if isinstance(inner, dict) else inner for key, inner in said.items()}


def load(into: Schema, body: Any) -> Any:
    """What `into` makes of a body that a view reads by itself.

    Raises:
        Invalid: naming every field that is wrong.
    """
    try:
        return into.load(body)
    except ValidationError as wrong:
        raise errors.Invalid(errors=_by_field(wrong)) from None


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
    return loads(body)
