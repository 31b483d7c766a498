"""What every operation has in common, added to what flask-smorest knows of it.

The headers that any write takes, and the answers that any call may get, with the literal words of the path's dialect.
"""

from copy import deepcopy
from typing import Any, ClassVar

from flask_smorest import Api, Blueprint
from marshmallow import Schema, fields

from shared import errors
from shared.dialects import DIALECTS, Dialect, spoken_at
from shared.fields import Amount

Document = dict[str, Any]

Kind = type[errors.ApiError]
Kinds = tuple[Kind, ...]

ALWAYS: Kinds = (
    errors.Invalid,
    errors.Unauthorized,
    errors.Forbidden,
    errors.TooManyRequests,
    errors.Unavailable,
    errors.DeadlineExceeded,
)
WRITES: Kinds = (errors.Conflict, errors.TooLarge, errors.UnsupportedMedia, errors.Refused)
OF_ONE: Kinds = (errors.NotFound,)
CHANGES_OF_ONE: Kinds = (errors.PreconditionFailed,)


IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
    "description": "A repeat under the same key gets the first answer, and changes nothing again.",
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "The ETag that was read: 412 when it is not the current one any more.",
}


UNCONDITIONAL = "x-unconditional"
"""Marks an operation below one thing's path that makes another, and so takes no If-Match."""


class ListSchema(Schema):
    """The envelope of every list; whose it is adds `data`."""

    has_more = fields.Boolean()
    next_cursor = fields.String(allow_none=True)


class DescribedApi(Api):  # type: ignore[misc]
    """flask-smorest's Api, with our errors and our numbers in the description.

    It describes an app only when asked to, which no running service is: that takes longer than all else at its start.
    """

    ERROR_SCHEMA: ClassVar[Document] = {"$ref": "#/components/schemas/FinanceError"}
    """Until `document` says whose error it is."""

    def init_app(self, app: Any, **kwargs: Any) -> None:
        """As the base does; and an Amount is a number with exactly its decimals, no floating-point one."""
        super().init_app(app, **kwargs)
        self.register_field(Amount, "number", "decimal")
        self._left: list[Blueprint] = []

    def register_blueprint(self, blp: Blueprint, **_: Any) -> None:
        """As the base does, but for the description."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp)
        self._left.append(blp)

    def described(self) -> Document:
        """The description."""
        while self._left:
            blueprint = self._left.pop(0)
            blueprint.register_views_in_doc(self, self._app, self.spec, name=blueprint.name, parameters=None)
            self.spec.tag({"name": blueprint.name, "description": blueprint.description})
        described: Document = self.spec.to_dict()
        return described


def listed(shown: Document) -> Document:
    """The example of a list that holds only the thing shown in `{"data": ...}`."""
    return {"data": [shown["data"]], "has_more": False, "next_cursor": None}


def document(api: DescribedApi) -> Document:
    """What one service says of itself, which may speak several dialects: each has components of its own."""
    described: Document = deepcopy(api.described())
    components = described.setdefault("components", {})
    components.setdefault("schemas", {}).update({_schema_name(each.name): dict(each.error) for each in DIALECTS})
    responses = components.setdefault("responses", {})
    for path, item in described["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict):
                responses |= _complete(operation, method, path)
    return described


def _complete(operation: Document, method: str, path: str) -> Document:
    """Add to the operation what it has in common with others, and return the responses that it now refers to."""
    makes_another = operation.pop(UNCONDITIONAL, False)
    of_one = "{" in path
    write = method in ("post", "put", "patch", "delete")
    of_what_is = method in ("put", "patch", "delete")  # with no id in its path where there is only one: the settings
    change = of_what_is or (write and of_one and not makes_another)
    kinds = ALWAYS + (WRITES if write else ()) + (OF_ONE if of_one else ()) + (CHANGES_OF_ONE if change else ())
    if any(each.get("in") == "query" for each in operation.get("parameters", ())):
        kinds += (errors.TargetTooLong,)
    if write:
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    if change:
        operation["parameters"].append(IF_MATCH)
    return _answer(operation, kinds, spoken_at(path), method)


def _answer(operation: Document, kinds: Kinds, dialect: Dialect, method: str) -> Document:
    """Let the operation answer with errors of these kinds, and with those that flask-smorest knows only by status.

    No answer is `default`: whoever checks ours against the description is to find the one that it does not name.
    """
    answers: Document = operation["responses"]
    answers.pop("default", None)
    bare = {status: errors.BY_STATUS[int(status)] for status, said in answers.items() if "$ref" in said}
    known = {str(int(kind.status)): dialect.refused if kind is errors.Refused else kind for kind in kinds}
    named: Document = {}
    for status, kind in (bare | known).items():
        name = _name(dialect, kind, method)
        named[name] = _response(dialect, kind, method)
        answers[status] = {"$ref": f"#/components/responses/{name}"}
    operation["responses"] = dict(sorted(answers.items()))
    return named


def _name(dialect: Dialect, kind: Kind, method: str) -> str:
    """What a response is called: `AccountsNotFound`, or `AccountsInvalidPost` where the method changes the words."""
    changed = _word(dialect, kind, method) != _word(dialect, kind, "get")
    return f"{dialect.name.capitalize()}{kind.__name__}{method.capitalize() if changed else ''}"


def _response(dialect: Dialect, kind: Kind, method: str) -> Document:
    schema = {"$ref": f"#/components/schemas/{_schema_name(dialect.name)}"}
    return {
        "description": kind.status.phrase,
        "content": {"application/json": {"schema": schema, "example": _word(dialect, kind, method)}},
    }


def _word(dialect: Dialect, kind: Kind, method: str) -> Document:
    return dialect.word(kind(), method.upper())


def _schema_name(dialect: str) -> str:
    return f"{dialect.capitalize()}Error"
