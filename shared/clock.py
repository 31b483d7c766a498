"""The database's clock: the one that several processes have in common. It too may be set back, or forward.

An instant of it is written as how far it is from now, so that no other clock has a say. What the clock says cannot be
relied on, see `shared.relay`; what has passed on our own, by `time.monotonic`, can.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Dialect, Float, TypeDecorator, func, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from shared.db import Instant, now

CLOCKS = timedelta(minutes=1)
"""How far an instant may be ahead of what a clock says, as it was another clock's, or this one has been set back."""


def clock() -> ColumnElement[datetime]:
    """This instant, as the database has it."""
    return func.clock_timestamp(type_=Instant())


class FromNow(TypeDecorator[datetime]):
    """An instant by the database's clock. It is written as a timedelta from now; a datetime is taken for one."""

    impl = Instant
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def bind_expression(self, bindparam: BindParameter[Any]) -> ColumnElement[Any]:
        return from_now(type_coerce(bindparam, _Seconds()))


class _Seconds(TypeDecorator[float]):
    impl = Float
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> float | None:
        if value is None:
            return None
        return (value if isinstance(value, timedelta) else value - now()).total_seconds()


class from_now(GenericFunction[datetime]):  # noqa: N801
    """The instant so many seconds from now."""

    type = Instant()
    inherit_cache = True


@compiles(from_now, "postgresql")
def _on_postgresql(function: from_now, compiler: Any, **kwargs: Any) -> str:
    return f"clock_timestamp() + make_interval(secs => {compiler.process(function.clauses, **kwargs)})"
