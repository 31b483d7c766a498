"""Money: exact where it can be, rounded half up where it must be, and never mixed."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.currencies import EXPONENT
from shared.money import MAX_MINOR, Imprecise, Money

CURRENCIES = st.sampled_from(sorted(EXPONENT))
MINOR = st.integers(-MAX_MINOR, MAX_MINOR)
ENDLESS = Context(prec=200)


@given(MINOR, CURRENCIES)
def test_what_is_written_is_what_is_read(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.exact(money.amount, currency) == money
    assert Money.exact(Decimal(str(money)), currency) == money


@given(MINOR, CURRENCIES)
def test_an_amount_shows_every_decimal_of_its_currency(minor: int, currency: str) -> None:
    _, _, decimals = str(Money(minor, currency)).partition(".")
    assert len(decimals) == EXPONENT[currency]


@given(st.decimals(-(10**10), 10**10, allow_nan=False), CURRENCIES)
def test_rounding_is_half_up_and_done_once(amount: Decimal, currency: str) -> None:
    exact = ENDLESS.scaleb(amount, EXPONENT[currency]).quantize(Decimal(1), ROUND_HALF_UP, context=ENDLESS)
    assert Money.of(amount, currency).minor == int(exact)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("0.005", "USD", 1),
        ("0.0049", "USD", 0),
        ("1.005", "USD", 101),
        ("-0.005", "USD", -1),
        ("0.0049999999999999999999999999999999999", "USD", 0),
        ("0.5", "JPY", 1),
        ("0.0005", "BHD", 1),
        ("0.00005", "CLF", 1),
    ],
)
def test_half_goes_up(amount: str, currency: str, minor: int) -> None:
    assert Money.of(Decimal(amount), currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("0.001", "USD", "USD has 2 decimals."),
        ("0.5", "JPY", "JPY has 0 decimals."),
        ("0.0001", "BHD", "BHD has 3 decimals."),
        ("0.00001", "CLF", "CLF has 4 decimals."),
    ],
)
def test_more_decimals_than_the_currency_has_are_refused(amount: str, currency: str, said: str) -> None:
    with pytest.raises(Imprecise) as why:
        Money.exact(Decimal(amount), currency)
    assert str(why.value) == said


def test_trailing_zeros_are_not_more_decimals() -> None:
    assert Money.exact(Decimal("1.5000"), "USD") == Money(150)
    assert Money.exact(Decimal("3.000"), "JPY") == Money(3, "JPY")


@given(CURRENCIES, st.sampled_from([1, -1]))
def test_the_largest_amount_is_kept_and_the_next_is_not(currency: str, sign: int) -> None:
    largest = sign * Money(MAX_MINOR, currency).amount
    assert Money.exact(largest, currency).minor == sign * MAX_MINOR
    with pytest.raises(Imprecise, match="Too large"):
        Money.of(largest + sign * Money(1, currency).amount, currency)


@pytest.mark.parametrize("amount", ["1e21", "1e999999999", "-1e999999999", "9" * 60])
def test_an_amount_beyond_all_bounds_is_refused_at_once(amount: str) -> None:
    with pytest.raises(Imprecise, match="Too large"):
        Money.of(Decimal(amount), "USD")


def test_the_largest_amount_is_exact_in_every_json_reader() -> None:
    assert MAX_MINOR < 2**53
    assert f"{float(Money(MAX_MINOR).amount):.2f}" == str(Money(MAX_MINOR))


@given(MINOR, MINOR, CURRENCIES)
def test_adding_and_taking_away_are_integer_arithmetic(one: int, other: int, currency: str) -> None:
    left, right = Money(one, currency), Money(other, currency)
    assert (left + right).minor == one + other
    assert left + right - right == left
    assert (left < right, left <= right) == (one < other, one <= other)


@pytest.mark.parametrize(
    "mix",
    [
        lambda one, other: one + other,
        lambda one, other: one - other,
        lambda one, other: one < other,
        lambda one, other: one <= other,
    ],
)
def test_two_currencies_never_mix(mix: Callable[[Money, Money], object]) -> None:
    with pytest.raises(ValueError, match="do not mix"):
        mix(Money(1, "USD"), Money(1, "EUR"))


def test_the_same_number_in_two_currencies_is_not_the_same_money() -> None:
    assert Money(1, "USD") != Money(1, "EUR")


def test_the_currencies_are_those_one_can_invoice_in() -> None:
    assert {code: EXPONENT[code] for code in ("USD", "JPY", "BHD", "CLF")} == {"USD": 2, "JPY": 0, "BHD": 3, "CLF": 4}
    assert EXPONENT.keys().isdisjoint({"XAU", "XTS", "XXX", "usd", ""})
