"""Amounts in the currencies that clients use."""

from decimal import Decimal

DECIMALS = {"USD": 2, "EUR": 2, "JPY": 0, "BHD": 3}
CURRENCIES = ("USD", "JPY", "BHD")


def major(minor: int, currency: str) -> Decimal:
    """An amount of so many minor units."""
    return Decimal(minor).scaleb(-DECIMALS[currency])


def number(amount: Decimal) -> float | int:
    """The amount as JSON has it; small enough that a float is exact when it is read as a decimal."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)
