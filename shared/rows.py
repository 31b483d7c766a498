"""Rows as plain objects, with the columns, the properties and the methods of a table's class.

SQLAlchemy's own objects watch each attribute, so that a change can be written. A row that is only read, or is new, has
no change to watch for, and the watching takes half of the time of a list.
"""

from collections import namedtuple
from collections.abc import Collection, Sequence
from types import FunctionType, SimpleNamespace
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement
from sqlalchemy.exc import DBAPIError

from shared.db import Base

Entity = TypeVar("Entity", bound=Base)

UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, DBAPIError)
"""What comes of a row that has a value of a wrong kind, wherever that is met: SQLite keeps whatever it is given."""


def reason(why: Exception) -> str:
    """Why a row cannot be read, in a line."""
    said = str(getattr(why, "orig", why)).partition("\n")[0]
    return f"{type(why).__name__}: {said}"


class Rows(Generic[Entity]):
    """Makes plain rows of one table: of what was found (select `columns`, then take `of(row)`), or new ones."""

    def __init__(self, entity: type[Entity], *, without: Collection[str] = ()) -> None:
        """`without`: columns that a row does not have, as nobody asks for them where these are read."""
        mapped = [attribute for attribute in entity.__mapper__.column_attrs if attribute.key not in without]
        self.columns: tuple[ColumnElement[Any], ...] = tuple(attribute.columns[0] for attribute in mapped)
        names = tuple(attribute.key for attribute in mapped)
        kinds = [kind for kind in reversed(entity.__mro__) if kind not in Base.__mro__]
        members = {name: value for kind in kinds for name, value in vars(kind).items()}
        own = {name: value for name, value in members.items() if isinstance(value, property | FunctionType)}
        facts: dict[str, Any] = {name: own[name] for name in own if not name.startswith("__")} | {"entity": entity}
        self._found: Any = type(entity.__name__, (namedtuple(entity.__name__, names),), facts)
        self._new: Any = type(entity.__name__, (SimpleNamespace,), facts)
        defaults = {each.key: each.columns[0].default for each in mapped if each.columns[0].default is not None}
        self._blank = {name: defaults[name].arg if name in defaults else None for name in names}
        self._made = {name: each.arg for name, each in defaults.items() if each.is_callable}

    def of(self, row: Sequence[Any]) -> Entity:
        """What a row says, whose first columns are `columns`, for reading alone."""
        found: Entity = tuple.__new__(self._found, row)
        return found

    def copy(self, row: Entity) -> Entity:
        """A plain row that says what `row` says, on which to try a change that is not to be written."""
        return self.new(**{name: getattr(row, name) for name in self._blank})

    def new(self, **facts: Any) -> Entity:
        """A row that is not in the database until `db.insert` writes it.

        A column that is not named has its `default`; where it has none, it is null.
        """
        begun = {name: make(None) for name, make in self._made.items() if name not in facts}
        made: Entity = self._new(**{**self._blank, **begun, **facts})
        if len(vars(made)) != len(self._blank):
            raise TypeError(f"no columns: {facts.keys() - self._blank}")
        return made
