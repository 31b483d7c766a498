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
from shared.fields import Amount, Day, Text, WholeNumber
from shared.lengths import NAME
from shared.page import Place
from shared.web import Routes, View, answer

PAGE_SIZE, MOST, MAX_PAGE = 50, 500, 10**9

_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})

PLACE = {"x-page": "The page that this is.", "x-pages": "How many pages there are.", "x-records": "How many in all."}
"""The headers of a list."""

DONE: dict[str, Any] = {"STATUS": "OK"}


# What comes in


class LooseText(fields.Field[str]):
    """A `Text`, or a number as it is written."""

    def __init__(self, longest: int = NAME, **kwargs: Any) -> None:
        text = {"type": "string", "maxLength": longest} | ({"nullable": True} if kwargs.get("allow_none") else {})
        kinds = [text, {"type": "number"}]
        super().__init__(**kwargs | {"metadata": {"oneOf": kinds, **kwargs.get("metadata", {})}})
        self._longest, self.text = longest, Text(longest)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            value = _spelled_out(value, longest=self._longest)
        text: str = self.text.deserialize(value, attr, data)
        return text


def _spelled_out(number: int | Decimal, longest: int) -> str:
    """A number without an exponent. Raises ValidationError where that is too long, before it is made: it may be GBs."""
    exact = Decimal(number)
    zeros = max(exact.adjusted(), 0) - min(int(exact.as_tuple().exponent), 0)
    if zeros > longest:
        raise ValidationError(f"Longer than maximum length {longest}.")
    return f"{exact:f}"


class CompactDay(fields.Field[date]):
    """A date as YYYYMMDD."""

    def __init__(self, *, allow_none: bool = False, **kwargs: Any) -> None:
        written = {"type": "string", "pattern": _or_nothing(r"\d{8}", allow_none), "example": "20150617"}
        super().__init__(allow_none=allow_none, metadata=written | kwargs.pop("metadata", {}), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        parts = _DAY.fullmatch(written) if isinstance(written, str) else None
        if parts is None:
            raise ValidationError("Not a date: it is written YYYYMMDD.")
        day: date = Day().deserialize("-".join(parts.groups()), attr, data)
        return day


class LooseAmount(fields.Field[Decimal]):
    """An `Amount` as a number or as text."""

    def __init__(self, *, least: int = 0, most: int | None = None, decimals: int = 4, **kwargs: Any) -> None:
        super().__init__(**_loose("number", least, most, kwargs))
        self.amount = Amount(least=least, most=most, decimals=decimals, text=True)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        amount: Decimal = self.amount.deserialize(value, attr, data)
        return amount


class LooseNumber(fields.Field[int]):
    """A `WholeNumber` as a number or as text."""

    def __init__(self, *, least: int = 1, most: int = 1_000_000, **kwargs: Any) -> None:
        super().__init__(**_loose("integer", least, most, kwargs))
        self.number = WholeNumber(least=least, most=most, text=True)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        number: int = self.number.deserialize(value, attr, data)
        return number


def either(kind: str, least: int, most: int | None, *, nothing: bool) -> list[dict[str, Any]]:
    """What may stand for a number, as the OpenAPI document says it. Null is a text, lest two kinds have it."""
    number = {"type": kind, "minimum": least} | ({} if most is None else {"maximum": most})
    text = {"type": "string", "pattern": _or_nothing(r"\d+(\.\d+)?", nothing)} | ({"nullable": True} if nothing else {})
    return [number, text]


def _loose(kind: str, least: int, most: int | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments of a field that takes a number loosely."""
    kinds = either(kind, least, most, nothing=kwargs.get("allow_none", False))
    return kwargs | {"metadata": {"oneOf": kinds, **kwargs.get("metadata", {})}}


def _or_nothing(pattern: str, nothing: bool) -> str:
    return f"^({pattern})?$" if nothing else f"^{pattern}$"


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
    """Describe a view that answers with `created`; or 404, as the body may name a project or a company."""
    described = routes.response(201, Created, example=DONE | {"id": 99}, headers=_numbers({"id": "Its id."}))
    refused = routes.alt_response(404)
    return lambda view: routes.doc(**{UNCONDITIONAL: True})(refused(described(view)))


def lists(routes: Routes, schema: type[Schema], *, example: Mapping[str, Any]) -> Any:
    """Describe a view that answers with `paged`."""
    return routes.response(200, schema, example=example, headers=_numbers(PLACE))


def queried(routes: Routes, schema: type[Schema] = PageQuery) -> Any:
    """Give a view what its query says, without what is unknown."""
    return routes.arguments(schema, location="query", unknown=EXCLUDE)


def known_currency(code: str | None) -> str | None:
    """The code as it is. Raises Refused when ISO 4217 does not have it."""
    if code is not None and code not in EXPONENT:
        raise Refused(f"There is no currency {code}")
    return code


def _numbers(headers: Mapping[str, str]) -> dict[str, Any]:
    """Headers that are whole numbers, by what they mean."""
    return {name: {"description": said, "schema": {"type": "integer"}} for name, said in headers.items()}


@cache
def _wrapper(name: str, schema: type[Schema]) -> Schema:
    """For the description; it leaves out what is unknown, as `takes` does, and so is not said to forbid it."""
    inside = fields.Nested(schema(unknown=EXCLUDE), required=True)
    return Schema.from_dict({name: inside}, name=f"{schema.__name__}Body")(unknown=EXCLUDE)


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
