"""What an invoice adds up to, and when that may change."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from services.invoices.rules.lifecycle import DRAFT
from shared.amounts import exact
from shared.currencies import EXPONENT
from shared.errors import Invalid, Refused
from shared.money import MAX_MINOR, Imprecise, Money

MICRO = 6
"""Decimals kept of a unit price (api.md, section 1)."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is billed: `price_micros` is the unit price in millionths, exactly."""

    description: str
    quantity: int
    price_micros: int

    def amount(self, currency: str) -> Money:
        """Quantity x unit price, rounded half up per line. Raises Imprecise when it is too large."""
        return Money.of(Decimal(self.quantity * self.price_micros).scaleb(-MICRO), currency)


def priced(micros: int, currency: str) -> Decimal:
    """Millionths as an exact price, with its own decimals but at least those of the currency."""
    decimals = MICRO
    while decimals > EXPONENT[currency] and micros % 10 == 0:
        micros, decimals = micros // 10, decimals - 1
    return Decimal(micros).scaleb(-decimals)


@dataclass(frozen=True, slots=True)
class Amounts:
    """The three figures at the foot of an invoice."""

    subtotal: Money
    tax: Money
    total: Money


def totals(
    currency: str,
    lines: Money | None = None,
    *,
    subtotal: Money | None = None,
    tax: Money | None = None,
    total: Money | None = None,
) -> Amounts:
    """The figures of an invoice whose items, if it has any, add up to `lines`. Missing ones are computed.

    Raises:
        Refused: a given one does not agree with what it can be checked against.
        Invalid: the total is too large to be kept.
    """
    zero = Money(0, currency)
    if lines is not None:
        if subtotal is not None and subtotal != lines:
            raise Refused(f"subtotal must be {lines}, the sum of the items")
        subtotal = lines
    if subtotal is None:
        subtotal = zero if total is None else _rest(total, tax or zero, "tax")
    if tax is None:
        tax = zero if total is None else _rest(total, subtotal, "subtotal")
    expected = subtotal + tax
    if total is not None and total != expected:
        raise Refused(f"total must be {expected}, the subtotal and the tax")
    if expected.minor > MAX_MINOR:
        raise Invalid(errors={"total": ["Too large."]})
    return Amounts(subtotal, tax, expected)


def amended(old: Amounts, named: Mapping[str, Money], lines: Money | None, *, relined: bool) -> Amounts:
    """The figures after a change that names some of them; the tax stays unless it is named or follows from the others.

    `relined`: the items were replaced, so the old subtotal says nothing any more.
    """
    currency = old.total.currency
    subtotal, tax, total = (named.get(name) for name in ("subtotal", "tax", "total"))
    if lines is None and subtotal is None and total is None:
        subtotal = Money(0, currency) if relined else old.subtotal
    if tax is None and (lines is not None or subtotal is None or total is None):
        tax = old.tax
    return totals(currency, lines, subtotal=subtotal, tax=tax, total=total)


def summed(lines: list[Line], currency: str) -> Money | None:
    """What the lines add up to; None when there are none. Raises Invalid, naming the line, when it is too large."""
    if not lines:
        return None
    total = 0
    for index, line in enumerate(lines):
        try:
            total += line.amount(currency).minor
        except Imprecise as why:
            raise Invalid(errors={"items": {str(index): {"unit_price": [str(why)]}}}) from None
    if total > MAX_MINOR:
        raise Invalid(errors={"items": ["Too large."]})
    return Money(total, currency)


def converted(amounts: Amounts, currency: str, *, itemised: bool) -> Amounts:
    """The same figures in another currency; with items, only the tax counts, since the items are added up anew.

    Raises:
        Invalid: the currency has fewer decimals than they need.
    """
    figures = (Money(0), amounts.tax, Money(0)) if itemised else (amounts.subtotal, amounts.tax, amounts.total)
    return Amounts(*(exact(each.amount, currency, "currency") for each in figures))


def check_amounts_open(lifecycle: str) -> None:
    """Raise Refused when lines and amounts can no longer change: from the moment the invoice leaves draft."""
    if lifecycle != DRAFT:
        raise Refused("Items and amounts are fixed once the invoice is sent")


def check_requested(requested: Money, total: Money) -> None:
    """Raise Refused when more is asked for than the invoice is over."""
    if total < requested:
        raise Refused(f"amount_requested must be at most {total}, the total")


def fixed_at(old: Amounts, cost: Money) -> Amounts:
    """The figures of an invoice whose total is written as such; the tax in it stays.

    Raises:
        Refused: the total is less than the tax.
    """
    return totals(cost.currency, tax=old.tax, total=cost)


def check_items_open(*, billed: bool, relined: bool) -> None:
    """Raise Refused when items are written over the time entries and expenses that an invoice is made of."""
    if billed and relined:
        raise Refused("The items are time entries and expenses; change those, or take them off the invoice")


def check_currency_open(*, carries: bool) -> None:
    """Raise Refused when the currency would change under time entries and expenses."""
    if carries:
        raise Refused("The currency is that of the time entries and expenses on the invoice")


def check_project_open(*, carries: bool) -> None:
    """Raise Refused when the project would change under time entries and expenses."""
    if carries:
        raise Refused("The project is that of the time entries and expenses on the invoice")


def _rest(total: Money, part: Money, name: str) -> Money:
    if total < part:
        raise Refused(f"total must be at least {part}, the {name}")
    return total - part
