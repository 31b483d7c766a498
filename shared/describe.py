"""What every operation of the `finance` document has in common, added to what flask-smorest knows of it.

The headers that any write takes, and the answers that any call may get, with their literal words.
"""

from copy import deepcopy
from typing import Any

from flask_smorest import Api
from marshmallow import Schema, fields

from shared import errors
from shared.dialects import FINANCE
from shared.fields import Amount

Document = dict[str, Any]

Kinds = tuple[type[errors.ApiError], ...]

ALWAYS: Kinds = (errors.Unauthorized, errors.Forbidden, errors.TooManyRequests, errors.Unavailable)
WRITES: Kinds = (errors.Invalid, errors.Conflict, errors.TooLarge, errors.UnsupportedMedia, errors.InsufficientFunds)
OF_ONE: Kinds = (errors.NotFound,)
CHANGES_OF_ONE: Kinds = (errors.PreconditionFailed,)

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A repeat under the same key gets the first answer, and changes nothing again.",
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "The ETag that was read: 412 when it is not the current one any more.",
}


class ErrorSchema(Schema):
    """Every error."""

    message = fields.String(required=True)
    errors = fields.Dict(metadata={"description": "Field name -> texts, where fields are to blame."})


class ListSchema(Schema):
    """The envelope of every list; whose it is adds `data`."""

    has_more = fields.Boolean()
    next_cursor = fields.String(allow_none=True)


class DescribedApi(Api):  # type: ignore[misc]
    """flask-smorest's Api, with our errors and our numbers in the description."""

    ERROR_SCHEMA = ErrorSchema

    def init_app(self, app: Any, **kwargs: Any) -> None:
        """As the base does; and an Amount is a number."""
        super().init_app(app, **kwargs)
        self.register_field(Amount, "number", None)


def listed(shown: Document) -> Document:
    """The example of a list that holds only the thing shown in `{"data": ...}`."""
    return {"data": [shown["data"]], "has_more": False, "next_cursor": None}


def document(api: Api) -> Document:
    """The whole description of one service."""
    described: Document = deepcopy(api.spec.to_dict())
    described.setdefault("components", {}).setdefault("responses", {}).update(
        {kind.__name__: _response(kind) for kind in (*ALWAYS, *WRITES, *OF_ONE, *CHANGES_OF_ONE)}
    )
    for path, item in described["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict):
                _complete(operation, method, of_one="{" in path)
    return described


def _complete(operation: Document, method: str, *, of_one: bool) -> None:
    write = method in ("post", "put", "delete")
    change = method == "put" or (write and of_one)  # what there is only one of, the settings, has no id in its path
    kinds = ALWAYS + (WRITES if write else ()) + (OF_ONE if of_one else ()) + (CHANGES_OF_ONE if change else ())
    for kind in kinds:
        operation["responses"][str(int(kind.status))] = {"$ref": f"#/components/responses/{kind.__name__}"}
    operation["responses"] = dict(sorted(operation["responses"].items()))
    if write:
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    if change:
        operation["parameters"].append(IF_MATCH)


def _response(kind: type[errors.ApiError]) -> Document:
    return {
        "description": kind.status.phrase,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "example": FINANCE.word(kind(), "GET"),
            }
        },
    }
