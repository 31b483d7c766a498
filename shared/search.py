"""Text search: a piece of text, in any of some columns, without regard to case."""

from typing import Any

from sqlalchemy import ColumnElement, func, or_


def contains(piece: str, *columns: Any) -> ColumnElement[bool]:
    """Whether any of `columns` contains `piece`; `%` and `_` stand for themselves."""
    return or_(*(func.lower(column).contains(piece.lower(), autoescape=True) for column in columns))
