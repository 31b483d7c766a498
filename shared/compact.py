"""How the `projects` document spells: everything in a read is text, dates are YYYYMMDD, a body has a wrapper.

Both services that speak it spell alike (api.md, section 4).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, wraps
from typing import Any

from flask import Response
from marshmallow import EXCLUDE, Schema, ValidationError, fields

from shared.bodies import json_body, load
from shared.currencies import EXPONENT
from shared.describe import UNCONDITIONAL
from shared.errors import Refused
from shared.fields import Day, Text, WholeNumber
from shared.page import Place
from shared.web import Routes, View, answer

PAGE_SIZE, MOST, MAX_PAGE = 50, 500, 10**9

_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})

DONE: dict[str, Any] = {"STATUS": "OK"}


# What comes in


class LooseText(Text):
    """Text, or a number as it is written."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            value = f"{value:f}" if isinstance(value, Decimal) else str(value)
        return super()._deserialize(value, attr, data, **kwargs)


class CompactDay(Day):
    """A date as YYYYMMDD."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        parts = _DAY.fullmatch(written) if isinstance(written, str) else None
        if parts is None:
            raise ValidationError("Not a date: it is written YYYYMMDD.")
        return super()._deserialize("-".join(parts.groups()), attr, data, **kwargs)


class Flag(fields.Field[bool]):
    """Yes or no, as clients write it: true, 1, "1", "true", "yes", and their opposites."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        written = str(value).lower() if isinstance(value, str | int) else "neither"
        if written not in _TRUE | _FALSE:
            raise ValidationError("Must be 1 or 0.")
        return written in _TRUE


class PageQuery(Schema):
    """Which page of a list."""

    page = WholeNumber(most=MAX_PAGE, text=True, load_default=1)
    size = WholeNumber(most=MOST, text=True, load_default=PAGE_SIZE, data_key="pageSize")


def takes(
    routes: Routes, name: str, schema: type[Schema], *, example: Mapping[str, Any] | None = None
) -> Callable[[View], View]:
    """Give a view what the wrapper `{name: {...}}` of its body holds, as its first argument.

    Empty text is null; `companyId`, `company_id` and `company-id` are one field. What is unknown is left out, as
    clients send fields of their own. Without the wrapper: Refused.
    """
    reader = schema(unknown=EXCLUDE)
    keys = {_folded(each.data_key or own): each.data_key or own for own, each in reader.load_fields.items()}
    said: dict[str, Any] = {"schema": _wrapper(name, schema)} | ({"example": {name: example}} if example else {})

    def mark(view: View) -> View:
        @wraps(view)
        def reading(*args: Any, **kwargs: Any) -> Any:
            return view(load(reader, _in_our_keys(_inside(name), keys)), *args, **kwargs)

        described: View = routes.doc(requestBody={"required": True, "content": {"application/json": said}})(reading)
        return described

    return mark


class Done(Schema):
    """It is done."""

    STATUS = fields.String(metadata={"enum": ["OK"]})


class Created(Done):
    """Something is made."""

    id = fields.Integer()


def does(routes: Routes) -> Any:
    """Describe a view that answers with `done`."""
    return routes.response(200, Done, example=DONE)


def makes(routes: Routes) -> Any:
    """Describe a view that answers with `created`."""
    described = routes.response(201, Created, example=DONE | {"id": 99})
    return lambda view: routes.doc(**{UNCONDITIONAL: True})(described(view))


def queried(routes: Routes, schema: type[Schema] = PageQuery) -> Any:
    """Give a view what its query says, without what is unknown."""
    return routes.arguments(schema, location="query", unknown=EXCLUDE)


def known_currency(code: str | None) -> str | None:
    """The code as it is. Raises Refused when ISO 4217 does not have it."""
    if code is not None and code not in EXPONENT:
        raise Refused(f"There is no currency {code}")
    return code


@cache
def _wrapper(name: str, schema: type[Schema]) -> type[Schema]:
    return Schema.from_dict({name: fields.Nested(schema, required=True)}, name=f"{schema.__name__}Body")


def _inside(name: str) -> Any:
    body = json_body()
    if not isinstance(body, dict) or not isinstance(body.get(name), dict):
        raise Refused(f'The body must be {{"{name}": {{...}}}}')
    return _without_blanks(body[name])


def _in_our_keys(body: dict[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    """The same with the keys that the schema has; where one is there in several spellings, the schema's own counts."""
    others = {keys.get(_folded(name), name): value for name, value in body.items()}
    return others | {name: body[name] for name in keys.values() if name in body}


def _folded(name: str) -> str:
    return name.replace("-", "").replace("_", "").lower()


def _without_blanks(value: Any) -> Any:
    """The same, where empty text, which here stands for nothing, is null."""
    if isinstance(value, dict):
        return {name: _without_blanks(each) for name, each in value.items()}
    return None if value == "" else value


# What goes out


def spelled(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same facts, every scalar as text; what is nested is spelled alike."""
    return {name: _text(value) for name, value in facts.items()}


def _text(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case date():
            return value.isoformat().replace("-", "")
        case Mapping():
            return spelled(value)
        case list():
            return [_text(each) for each in value]
    return str(value)


def paged(name: str, things: Iterable[Mapping[str, Any]], count: int, place: Place) -> Response:
    """A page of a list, and in headers where it is and how many there are in all."""
    response = answer({name: [spelled(each) for each in things]})
    response.headers["x-page"] = str(place.page)
    response.headers["x-pages"] = str(-(-count // place.limit))
    response.headers["x-records"] = str(count)
    return response


def created(number: int) -> Response:
    """Something is made; its id is the one number of this dialect, and in a header besides."""
    response = answer({"STATUS": "OK", "id": number}, 201)
    response.headers["id"] = str(number)
    return response


def done() -> Response:
    """It is done."""
    return answer(DONE)
