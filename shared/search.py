"""Conditions that lists share: a piece of text, a span of amounts."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_

from shared.currencies import EXPONENT


def contains(piece: str, *columns: Any) -> ColumnElement[bool]:
    """Whether any of `columns` contains `piece`, in any case; `%` and `_` stand for themselves."""
    return or_(*(func.lower(column).contains(piece.lower(), autoescape=True) for column in columns))


def at_least(minor: Any, currency: Any, amount: Decimal) -> ColumnElement[bool]:
    """Whether a column of minor units is `amount` major units or more, whatever the row's currency."""
    return _by_exponent(currency, lambda exponent: minor >= int(amount.scaleb(exponent).to_integral(ROUND_CEILING)))


def at_most(minor: Any, currency: Any, amount: Decimal) -> ColumnElement[bool]:
    """The same, or less."""
    return _by_exponent(currency, lambda exponent: minor <= int(amount.scaleb(exponent).to_integral(ROUND_FLOOR)))


def _by_exponent(currency: Any, test: Any) -> ColumnElement[bool]:
    return or_(
        *(
            and_(currency.in_([code for code, known in EXPONENT.items() if known == exponent]), test(exponent))
            for exponent in sorted(set(EXPONENT.values()))
        )
    )
