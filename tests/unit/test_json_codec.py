"""Exact JSON: what comes in is what was written, to the last digit, or it is refused."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.json_codec import DEPTH, dumps, loads
from shared.money import MAX_MINOR, Money


def refused(body: bytes) -> Any:
    with pytest.raises(Invalid) as why:
        loads(body)
    return why.value.errors


@pytest.mark.parametrize(
    "written", ["0.1", "99999999.99", "1e2", "1E+2", "-0.30", "2.0", "1e-7", "0.1000000000000000055"]
)
def test_a_number_with_a_point_or_exponent_is_the_decimal_that_was_written(written: str) -> None:
    assert str(loads(written.encode())) == str(Decimal(written))


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_every_decimal_survives_the_journey(number: Decimal) -> None:
    assert Decimal(loads(dumps({"n": number}))["n"]) == number


@given(st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from(["USD", "JPY", "BHD", "CLF"]))
def test_money_leaves_as_a_number_with_all_its_decimals(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert dumps([money]) == f"[{money}]".encode()
    assert Decimal(loads(dumps(money))) == money.amount


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(22050), b"220.50"),
        (Money(0), b"0.00"),
        (Money(-5), b"-0.05"),
        (Money(7, "JPY"), b"7"),
        (Money(7, "BHD"), b"0.007"),
        (Money(MAX_MINOR), b"9999999999999.99"),
    ],
)
def test_money_is_written_out(money: Money, written: bytes) -> None:
    assert dumps(money) == written


def test_decimals_dates_and_instants_are_written_plainly() -> None:
    instant = datetime(2024, 4, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert dumps([Decimal("1E+2"), Decimal("1.50"), date(2024, 4, 1)]) == b'[100,1.50,"2024-04-01"]'
    assert dumps(instant.astimezone(UTC)) == b'"2024-04-01T12:00:00Z"'


def test_what_has_no_place_in_an_answer_is_a_fault() -> None:
    with pytest.raises(TypeError):
        dumps({"it": object()})


@pytest.mark.parametrize(
    "body",
    [
        b"NaN",
        b"[Infinity]",
        b'{"a": -Infinity}',
        b"",
        b"{",
        b"nul",
        b"{'a': 1}",
        b'{"a": 1,}',
        b"01",
        b".5",
        b"1.",
        b"+1",
        b"{} {}",
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"\x00",
        b'"a\nb"',
        b"1e99999999999999999999",
        b"-1e-99999999999999999999",
        b"1" * 5000,
        b"[" * 100_000,
        b'{"\\ud800": 1}',
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    assert refused(body) == {"json": ["Not valid JSON."]}


def test_a_huge_number_within_the_bounds_of_a_decimal_is_read_without_being_computed() -> None:
    assert loads(b"1e999999999") == Decimal("1e999999999")
    assert loads(b"1e-999999999") == Decimal("1e-999999999")


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 1}', b'[{"b": {"a": 1, "\\u0061": 2}}]'])
def test_a_key_that_appears_twice_is_refused(body: bytes) -> None:
    assert refused(body) == {"json": ["A key appears twice."]}


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_thirty_two_levels_are_deep_enough(opening: bytes, closing: bytes) -> None:
    levels = len(closing)
    assert loads(opening * (DEPTH // levels) + b"1" + closing * (DEPTH // levels))
    deeper = b"[" + opening * (DEPTH // levels) + b"1" + closing * (DEPTH // levels) + b"]"
    assert refused(deeper) == {"json": ["Nested deeper than 32 levels."]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_what_python_writes_is_read_the_same(value: Any) -> None:
    assert loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=40))
def test_no_bytes_do_worse_than_being_refused(body: bytes) -> None:
    with suppress(Invalid):
        loads(body)
