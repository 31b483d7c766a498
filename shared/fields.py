"""marshmallow fields: spelling only. What a client wrote becomes a fact, or an error that says what was expected."""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, validate

from shared.currencies import EXPONENT
from shared.lengths import DESCRIPTION, NAME

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def plain_text(value: str) -> None:
    """Refuse what no database keeps and no reader expects: control characters but newline and tab, half characters."""
    if not value.isprintable() and any(
        unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\n\t" for letter in value
    ):
        raise ValidationError("Control characters are not allowed.")


class Text(fields.String):
    """Text kept byte for byte, at most `longest` characters of it."""

    def __init__(self, longest: int = NAME, **kwargs: Any) -> None:
        checks = [validate.Length(max=longest), *kwargs.pop("validate", [])]
        super().__init__(validate=checks, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        plain_text(text)
        return text


class _Counted:
    """A field of several, which are counted before any of them is looked at: each that is wrong is worded."""

    _length: validate.Length

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, list | dict):
            self._length(value)
        return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[misc]


class Several(_Counted, fields.List[Any]):
    """A list of at most `most`."""

    def __init__(self, element: fields.Field[Any], *, least: int = 0, most: int, **kwargs: Any) -> None:
        self._length = validate.Length(min=least or None, max=most)
        super().__init__(element, validate=self._length, **kwargs)


class Named(_Counted, fields.Dict):
    """A map of at most `most` names."""

    def __init__(self, names: fields.Field[Any], values: fields.Field[Any], *, most: int, **kwargs: Any) -> None:
        self._length = validate.Length(max=most)
        super().__init__(keys=names, values=values, **_described(kwargs, maxProperties=most))


class Email(Text):
    """An e-mail address."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(NAME, validate=[validate.Email()], **_described(kwargs, format="email"))


class WebAddress(Text):
    """A URL of the web: http or https, with a host."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(DESCRIPTION, validate=[_web_address], **_described(kwargs, format="uri"))


class CurrencyCode(Text):
    """An ISO 4217 code such as USD."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(3, validate=[_currency], **_described(kwargs, example="USD", pattern="^[A-Z]{3}$"))


class Day(fields.Date):
    """A date as YYYY-MM-DD, and in no other of ISO 8601's spellings."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise self.make_error("invalid", input=value, obj_type="date")
        day: date = super()._deserialize(value, attr, data, **kwargs)
        return day


class Amount(fields.Field[Decimal]):
    """A JSON number as the exact Decimal that was written; `text=True` where numbers are text by nature."""

    def __init__(
        self,
        *,
        least: Decimal | int | None = 0,
        most: Decimal | int | None = None,
        above: Decimal | int | None = None,
        decimals: int = 4,
        text: bool = False,
        **kwargs: Any,
    ) -> None:
        span = validate.Range(min=least if above is None else above, max=most, min_inclusive=above is None)
        super().__init__(validate=[span], **_described(kwargs, type="number"))
        self.decimals, self.text = decimals, text

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        number = _number(value, text=self.text)
        if number != number.quantize(Decimal(1).scaleb(-self.decimals)):
            raise ValidationError(f"At most {self.decimals} decimals.")
        return number


class WholeNumber(fields.Integer):
    """A JSON number without a fraction: 2 and 2.0, but not 1.5, true or "2"; `text=True` as for `Amount`."""

    def __init__(self, *, least: int = 1, most: int = 1_000_000, text: bool = False, **kwargs: Any) -> None:
        self.text = text
        super().__init__(validate=[validate.Range(min=least, max=most)], **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        number = _number(value, text=self.text)
        if number != number.to_integral_value():
            raise ValidationError("Not a whole number.")
        return int(number)


class TrueOrFalse(fields.Boolean):
    """JSON's true or false, and nothing that stands for one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


def _described(kwargs: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """Keyword arguments of a field, with `facts` for the OpenAPI document."""
    return kwargs | {"metadata": {**facts, **kwargs.get("metadata", {})}}


def _number(value: Any, *, text: bool) -> Decimal:
    if text and isinstance(value, str) and re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?", value, re.ASCII):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValidationError("Not a number.")
    number = Decimal(value)
    if number.is_zero():
        return Decimal(0)
    if not number.is_finite() or number.adjusted() > 18:  # before anything is computed with 1e999999999
        raise ValidationError("Too large.")
    return number


def _currency(code: str) -> None:
    if code not in EXPONENT:
        raise ValidationError("Not an ISO 4217 currency code.")


def _web_address(value: str) -> None:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(letter.isspace() for letter in value):  # urlsplit overlooks line ends and tabs
        raise ValidationError("Not an http or https URL.")
