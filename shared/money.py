"""Money: an integer number of minor units and a currency. The only place where an amount is rounded."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

from shared.currencies import EXPONENT

MAX_MINOR = 10**15 - 1
"""The largest amount kept, in minor units: 9,999,999,999,999.99 dollars. It is exact in every JSON reader."""


class Imprecise(ValueError):
    """An amount has more decimals than its currency, or is too large to be kept."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units, such as cents. Two currencies never mix."""

    minor: int
    currency: str = "USD"

    @classmethod
    def of(cls, amount: Decimal | int, currency: str) -> Self:
        """Round `amount` major units to the currency's minor unit, half up (api.md, section 1).

        Raises:
            Imprecise: the amount is larger than `MAX_MINOR`.
        """
        number = Decimal(amount)
        if number.adjusted() > 20:
            raise Imprecise("Too large.")
        decimals = EXPONENT[currency]
        rounded = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)  # scaled first, it would round twice
        whole = int(rounded.scaleb(decimals))
        if abs(whole) > MAX_MINOR:
            raise Imprecise("Too large.")
        return cls(whole, currency)

    @classmethod
    def exact(cls, amount: Decimal | int, currency: str) -> Self:
        """The same, for an amount that must not need rounding.

        Raises:
            Imprecise: it has more decimals than the currency, or is larger than `MAX_MINOR`.
        """
        money = cls.of(amount, currency)
        if money.amount != amount:
            decimals = EXPONENT[currency]
            raise Imprecise(f"{currency} has {decimals} decimal{'' if decimals == 1 else 's'}.")
        return money

    @property
    def amount(self) -> Decimal:
        """Major units, with all the decimals of the currency: `Decimal("220.50")`."""
        return Decimal(self.minor).scaleb(-EXPONENT[self.currency])

    def __str__(self) -> str:
        decimals = EXPONENT[self.currency]
        digits = str(abs(self.minor)).zfill(decimals + 1)
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits

    def __add__(self, other: Self) -> Self:
        return type(self)(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.minor - self._same(other), self.currency)

    def __lt__(self, other: Self) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Self) -> bool:
        return self.minor <= self._same(other)

    def _same(self, other: Self) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other.minor
