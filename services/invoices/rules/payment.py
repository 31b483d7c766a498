"""How much of an invoice is paid, and what may still be."""

from services.invoices.rules.lifecycle import CANCELLED, DRAFT, PAID
from shared.errors import Refused
from shared.money import Money

UNPAID, PARTIALLY_PAID = "unpaid", "partially paid"
PAYMENT_STATUSES = (UNPAID, PARTIALLY_PAID, PAID)


def payment_status(lifecycle: str, paid: Money, total: Money) -> str:
    """What has been paid of the total. Where nothing was ever owed, it is unpaid until its status says `paid`."""
    if lifecycle == PAID:
        return PAID
    if not paid.minor:
        return UNPAID
    return PAID if total <= paid else PARTIALLY_PAID


def check_payable(lifecycle: str, amount: Money, due: Money) -> None:
    """Raise Refused unless this much can be paid now."""
    if lifecycle in (DRAFT, PAID, CANCELLED):
        raise Refused(f"An invoice that is {lifecycle} takes no payment")
    if due < amount:
        raise Refused(f"Only {due} is due")


def check_payee_open(payment: str) -> None:
    """Raise Refused when another payee would be written where money has moved to this one."""
    if payment != UNPAID:
        raise Refused(f"The invoice is {payment}: its provider, payment method and user stay")


def check_unpaid(payment: str) -> None:
    """Raise Refused when something has been paid."""
    if payment != UNPAID:
        raise Refused(f"An invoice that is {payment} cannot be deleted")
