"""Conditions that lists share: one of several values, a piece of text, a span of amounts."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Double, and_, any_, bindparam, case, cast, func, or_

from shared.currencies import EXPONENT
from shared.money import MAX_MINOR


def among(database: str, column: Any, name: str) -> ColumnElement[bool]:
    """Whether a column is in the list of parameter `name`. PostgreSQL gets an array: the text stays the same."""
    if database == "sqlite":
        chosen: ColumnElement[bool] = column.in_(bindparam(name, expanding=True))
        return chosen
    return column == any_(bindparam(name, type_=ARRAY(column.type)))  # type: ignore[no-any-return]


def contains(piece: str, *columns: Any) -> ColumnElement[bool]:
    """Whether any of `columns` contains `piece`, in any case; `%` and `_` stand for themselves."""
    return or_(*(func.lower(column).contains(piece.lower(), autoescape=True) for column in columns))


def at_least(minor: Any, currency: Any, amount: Decimal) -> ColumnElement[bool]:
    """Whether a column of minor units is `amount` major units or more, whatever the row's currency."""
    return _by_exponent(currency, lambda exponent: minor >= _in_minor(amount, exponent, ROUND_CEILING))


def at_most(minor: Any, currency: Any, amount: Decimal) -> ColumnElement[bool]:
    """The same, or less."""
    return _by_exponent(currency, lambda exponent: minor <= _in_minor(amount, exponent, ROUND_FLOOR))


def major(minor: Any, currency: Any) -> ColumnElement[Any]:
    """A column of minor units in major ones: near enough to put rows in order, and shown to nobody."""
    units = case({code: 10.0**places for code, places in EXPONENT.items() if places != 2}, value=currency, else_=100.0)
    return cast(minor, Double) / units


def _in_minor(amount: Decimal, exponent: int, rounding: str) -> int:
    """The amount in minor units; one larger than any that is kept as the next larger one, which a database can read."""
    return min(int(amount.scaleb(exponent).to_integral(rounding)), MAX_MINOR + 1)


def _by_exponent(currency: Any, test: Any) -> ColumnElement[bool]:
    return or_(
        *(
            and_(currency.in_([code for code, known in EXPONENT.items() if known == exponent]), test(exponent))
            for exponent in sorted(set(EXPONENT.values()))
        )
    )
