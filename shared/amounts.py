"""An amount that a client wrote, as money: rules and actions take it in here, and refuse it here."""

from decimal import Decimal

from shared.errors import Invalid
from shared.money import Imprecise, Money


def exact(amount: Decimal | int, currency: str, field: str) -> Money:
    """The amount, which must not need rounding.

    Raises:
        Invalid: naming the field; it has more decimals than the currency, or is too large to be kept.
    """
    try:
        return Money.exact(amount, currency)
    except Imprecise as why:
        raise Invalid(errors={field: [str(why)]}) from None
