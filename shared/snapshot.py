"""Rows for reading alone: plain objects with the columns, the properties and the methods of a table's class.

SQLAlchemy's own objects watch each attribute, so that a change can be written. Who only reads pays for that with half
of the time of a list.
"""

from collections.abc import Sequence
from types import FunctionType
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement

from shared.db import Base

Entity = TypeVar("Entity", bound=Base)


class Snapshots(Generic[Entity]):
    """Makes snapshots of one table's rows: select `columns`, then take `of(row)`."""

    def __init__(self, entity: type[Entity]) -> None:
        mapped = entity.__mapper__.column_attrs
        self.columns: tuple[ColumnElement[Any], ...] = tuple(attribute.columns[0] for attribute in mapped)
        self._names = tuple(attribute.key for attribute in mapped)
        own = {name: value for name, value in vars(entity).items() if isinstance(value, property | FunctionType)}
        self._kind: Any = type(entity.__name__, (), {name: own[name] for name in own if not name.startswith("__")})

    def of(self, row: Sequence[Any]) -> Entity:
        """What a row says, whose first columns are `columns`. It can be read as the entity can, and not be written."""
        made = object.__new__(self._kind)
        made.__dict__.update(zip(self._names, row, strict=False))
        entity: Entity = made
        return entity
