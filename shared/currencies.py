"""ISO 4217: which currencies there are, and how many decimals each has.

Codes without a minor unit (gold, the testing code, ...) are not money one can invoice in, and are left out.
"""

from iso4217 import Currency

EXPONENT: dict[str, int] = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
"""Decimals of a currency's minor unit, by code: USD 2, JPY 0, BHD 3."""
