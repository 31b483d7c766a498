"""One idea of paging: keyset. A page continues behind the last row shown, so inserts neither skip nor repeat a row."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import Connection, Select, bindparam, func, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.errors import Invalid

Row = TypeVar("Row")

Sorts = Mapping[str, Any]
"""What a list can be sorted by: name -> column, one that is never null."""

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000

BYTES = 4 * 2**20
"""Of a page's rows, at which it ends as it ends at their number; the first row is there, whatever its size."""

CHUNK = 100
"""Rows that are read at once: where they are large, a page has few of them."""

FRAME = 500
"""Bytes that a row takes for the names of its fields, and for what is no text."""


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows, and where the next ones begin; no cursor on the last page."""

    rows: list[Row]
    next_cursor: str | None


def keyset(
    session: Session | Connection,
    query: Select[Any],
    sorts: Sorts,
    tie: InstrumentedAttribute[Any],
    *,
    sort: str,
    limit: int,
    cursor: str | None,
    each: Callable[[Any], Row] = itemgetter(0),
    values: Mapping[str, Any] = MappingProxyType({}),
    kept: bool = False,
    fit: Callable[[list[Row]], int] | None = None,
) -> Page[Row]:
    """One page of `query`, by `sort` (a name, with `-` in front for descending) and then by `tie`.

    `each` makes of a row what the page shows; by default that is the row's one entity. `values`: of the
    parameters in `query`. `kept`: this very object is asked again and again, so what is made of it is worth keeping.
    `fit`: how many of the rows make a page, where they show more than is in them.

    Raises:
        Invalid: an unknown sort, or a cursor that was not made for this list.
    """
    column = known_sort(sorts, sort.removeprefix("-"), "sort", ", with - in front to turn it round")
    seal = _seal(tie, sort)
    asked: dict[str, Any] = {}
    if cursor is not None:
        asked["page_value"], asked["page_id"] = opened(cursor, seal, column.type.python_type, tie.type.python_type)
    rows: list[Row] = []
    taken = 0
    while True:
        asked["page_size"] = limit - len(rows) + 1 if fit else min(limit - len(rows), CHUNK) + 1
        ordered = (_kept if kept else _ordered)(query, column, tie, sort.startswith("-"), "page_id" in asked)
        found = session.execute(ordered, {**values, **asked}).all()
        read = [each(row) for row in found[: asked["page_size"] - 1]]
        sizes = [] if fit else [size(row) for row in read]
        shown = fit(read) if fit else fitting(sizes, taken)
        taken += sum(sizes[:shown])
        rows += read[:shown]
        if shown == len(found):
            return Page(rows, None)
        if shown:
            last: Any = rows[-1]
            asked["page_id"] = getattr(last, tie.key)
            asked["page_value"] = getattr(last, column.key) if _is_shown(column) else found[shown - 1][-1]
        if shown < len(read) or len(rows) == limit:
            return Page(rows, sealed(seal, asked["page_value"], asked["page_id"]))


def fitting(sizes: Iterable[int], taken: int = 0) -> int:
    """How many rows of these sizes, in bytes, go on a page of which others have `taken` so many."""
    count = 0
    for own in sizes:
        if taken and taken + own > BYTES:
            break
        taken += own
        count += 1
    return count


def size(row: Any, frame: int = FRAME) -> int:
    """About how many bytes a row takes in an answer. `frame`: without its texts."""
    values = row if isinstance(row, tuple) else vars(row).values()
    return frame + sum(map(_length, values))


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    return len(repr(value)) if isinstance(value, dict | list) else 0


def _ordered(query: Select[Any], column: Any, tie: Any, descending: bool, behind: bool) -> Select[Any]:
    if behind:
        there = tuple_(bindparam("page_value", type_=column.type), bindparam("page_id", type_=tie.type))
        here = tuple_(column, tie)
        query = query.where(here < there if descending else here > there)
    order = (column.desc(), tie.desc()) if descending else (column, tie)
    more = query if _is_shown(column) else query.add_columns(column)
    return more.order_by(*order).limit(bindparam("page_size"))


def _is_shown(column: Any) -> bool:
    """Whether it is one of the row's own columns, and no expression made of them."""
    return isinstance(column, InstrumentedAttribute)


_kept = lru_cache(maxsize=128)(_ordered)


def cursor_behind(tie: InstrumentedAttribute[int], sort: str, value: Any, row_id: int) -> str:
    """A cursor for the list that goes on behind that place, whether or not there is a row."""
    return sealed(_seal(tie, sort), value, row_id)


@dataclass(frozen=True)
class Place:
    """A page by its number, as some documents have it. In the order of their making, rows stay on their pages."""

    page: int
    limit: int
    sort: str
    descending: bool


def by_number(
    connection: Connection,
    query: Select[Any],
    sorts: Sorts,
    tie: InstrumentedAttribute[int],
    place: Place,
    *,
    parameter: str,
) -> tuple[Sequence[Any], int]:
    """The rows of that page, and how many the whole list has. `parameter`: what names the sort.

    Raises:
        Invalid: an unknown sort.
    """
    column = known_sort(sorts, place.sort, parameter)
    order = (column.desc(), tie.desc()) if place.descending else (column, tie)
    rows = connection.execute(query.order_by(*order).limit(place.limit).offset((place.page - 1) * place.limit)).all()
    count = connection.scalar(query.with_only_columns(func.count()))
    return rows, count or 0


def known_sort(sorts: Sorts, sort: str, parameter: str, besides: str = "") -> Any:
    """The column of that name. Raises Invalid, naming the parameter, when there is none."""
    if sort not in sorts:
        raise Invalid(errors={parameter: [f"Must be one of: {', '.join(sorts)}{besides}."]})
    return sorts[sort]


def _seal(tie: InstrumentedAttribute[int], sort: str) -> str:
    """What only cursors of this list have."""
    return f"{tie.class_.__tablename__} {sort}"


def sealed(seal: str, value: Any, row_id: Any) -> str:
    """A cursor: the place of a row, and what only cursors of its list have."""
    plain = value.isoformat() if isinstance(value, date | datetime) else value
    return base64.urlsafe_b64encode(orjson.dumps([seal, plain, row_id])).decode().rstrip("=")


def opened(cursor: str, seal: str, kind: type, tie: type = int) -> tuple[Any, Any]:
    """The place that a cursor names. Raises Invalid when it was not made for this list."""
    try:
        known, value, row_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if known == seal:
            return _typed(value, kind), _typed(row_id, tie)
    except (binascii.Error, ValueError, TypeError, OverflowError):
        pass
    raise Invalid(errors={"cursor": ["Not a cursor of this list."]})


def _typed(value: Any, kind: type) -> Any:
    if issubclass(kind, datetime):
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError("naive")
        return instant.astimezone(UTC)
    if kind is date:
        return date.fromisoformat(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(kind)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("no column holds it")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("no column holds it")
    return value
