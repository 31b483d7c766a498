"""Exact JSON: numbers in become Decimals, a Money out becomes a number with all its decimals."""

import json
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from shared.errors import Invalid
from shared.money import Money

DEPTH = 32
"""How deep a body may be nested."""


COMPACT = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS
LEGIBLE = COMPACT | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
"""How JSON is written: to be sent, or to be read by people too."""


def dumps(body: Any, option: int = COMPACT) -> bytes:
    """`body` as JSON; instants end in Z."""
    return orjson.dumps(body, default=_plain, option=option)


@lru_cache(maxsize=8192)
def amount(minor: int, currency: str) -> orjson.Fragment:
    """Minor units as `dumps` writes a Money; kept, as most figures of an invoice are there twice, or zero."""
    return orjson.Fragment(str(Money(minor, currency)))


def loads(body: bytes) -> Any:
    """JSON with exact numbers.

    Raises:
        Invalid: it is malformed, has a key twice or half a character in one, NaN, Infinity or a number beyond all
            bounds, or is nested deeper than `DEPTH`.
    """
    try:
        value = json.loads(body.decode(), parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except (ValueError, ArithmeticError, RecursionError) as why:  # 1e99999999999999999999 is an ArithmeticError
        said = str(why) if isinstance(why, _Twin) else "Not valid JSON."
        raise Invalid(errors={"json": [said]}) from None
    if _deeper_than(DEPTH, value):
        raise Invalid(errors={"json": [f"Nested deeper than {DEPTH} levels."]})
    return value


class _Twin(ValueError):
    pass


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    "".join(made).encode()  # a lone surrogate is a ValueError: an answer that named the field could not be written
    if len(made) != len(pairs):
        raise _Twin("A key appears twice.")
    return made


def _deeper_than(levels: int, value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None:
        return False
    return levels == 0 or any(_deeper_than(levels - 1, each) for each in inner)


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return orjson.Fragment(str(value))
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    raise TypeError(f"{type(value).__name__} has no place in an answer")
