"""An amount that a client wrote: exactly taken, or refused by the name of its field."""

from decimal import Decimal

import pytest

from shared.amounts import exact
from shared.errors import Invalid
from shared.money import MAX_MINOR, Money


def test_what_fits_the_currency_is_taken() -> None:
    assert exact(Decimal("2.500"), "USD", "amount") == Money(250, "USD")
    assert exact(3, "JPY", "amount") == Money(3, "JPY")


@pytest.mark.parametrize(
    ("amount", "currency", "why"),
    [
        (Decimal("0.001"), "USD", "USD has 2 decimals."),
        (Decimal("1.5"), "JPY", "JPY has 0 decimals."),
        (Decimal(MAX_MINOR), "USD", "Too large."),
    ],
)
def test_what_does_not_is_refused_by_name(amount: Decimal, currency: str, why: str) -> None:
    with pytest.raises(Invalid) as refusal:
        exact(amount, currency, "total_amount")
    assert refusal.value.errors == {"total_amount": [why]}
