"""Rows as plain objects, with the columns, the properties and the methods of a table's class.

SQLAlchemy's own objects watch each attribute, so that a change can be written. A row that is only read, or is new, has
no change to watch for, and the watching takes half of the time of a list.
"""

from collections.abc import Sequence
from types import FunctionType
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement

from shared.db import Base

Entity = TypeVar("Entity", bound=Base)


class Rows(Generic[Entity]):
    """Makes plain rows of one table: of what was found (select `columns`, then take `of(row)`), or new ones."""

    def __init__(self, entity: type[Entity]) -> None:
        mapped = entity.__mapper__.column_attrs
        self.columns: tuple[ColumnElement[Any], ...] = tuple(attribute.columns[0] for attribute in mapped)
        self._names = tuple(attribute.key for attribute in mapped)
        self._blank = dict.fromkeys(self._names)
        own = {name: value for name, value in vars(entity).items() if isinstance(value, property | FunctionType)}
        facts: dict[str, Any] = {name: own[name] for name in own if not name.startswith("__")}
        self._kind: Any = type(entity.__name__, (), facts | {"entity": entity})

    def of(self, row: Sequence[Any]) -> Entity:
        """What a row says, whose first columns are `columns`, for reading alone."""
        made = object.__new__(self._kind)
        made.__dict__.update(zip(self._names, row, strict=False))
        entity: Entity = made
        return entity

    def new(self, **facts: Any) -> Entity:
        """A row that is not in the database until `db.insert` writes it; a column that is not named is null."""
        made = object.__new__(self._kind)
        made.__dict__ = {**self._blank, **facts}
        if len(made.__dict__) != len(self._names):
            raise TypeError(f"no columns: {facts.keys() - set(self._names)}")
        entity: Entity = made
        return entity
