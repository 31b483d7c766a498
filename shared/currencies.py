"""ISO 4217: which currencies there are, and how many decimals each has.

Codes without a minor unit (gold, the testing code, ...) are not money one can invoice in, and are left out.
"""

from iso4217 import Currency

EXPONENT: dict[str, int] = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
"""Decimals of a currency's minor unit, by code: USD 2, JPY 0, BHD 3."""

UNITS = frozenset(
    (
        *("Accounting", "Ariary", "Birr", "Cedi", "Colon", "Dinar", "Dirham", "Dollar", "Dram", "Escudo", "Euro"),
        *("Florin", "Franc", "Gold", "Guilder", "Kip", "Koruna", "Krona", "Krone", "Kwacha", "Leu", "Lira", "Manat"),
        *("Mark", "Metical", "Oro", "Peso", "Pound", "Real", "Renminbi", "Rial", "Ringgit", "Riyal", "Ruble", "Rupee"),
        *("Sheqel", "Shilling", "Soberano", "Sterling", "Sum", "Won"),
    )
)
"""Words that English writes small where they follow another; ISO 4217 writes each of a name's words large."""


def _name(official: str) -> str:
    first, *rest = official.split()
    if not {"de", "en"}.isdisjoint(rest):
        return official  # Spanish
    return " ".join([first, *(word.lower() if word in UNITS else word for word in rest)])


NAMES: dict[str, str] = {
    currency.code: _name(currency.currency_name) for currency in Currency if currency.code in EXPONENT
}
"""What a currency is called in English, by code: `Algerian dinar`."""
