"""How an invoice moves, and what may be done to it where it stands."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from shared.errors import Refused
from shared.money import Money

DRAFT, SENT, OVERDUE, PAID, CANCELLED = "draft", "sent", "overdue", "paid", "cancelled"
STATUSES = (DRAFT, SENT, PAID, OVERDUE, CANCELLED)
MOVES: Mapping[str, frozenset[str]] = {
    DRAFT: frozenset({SENT, OVERDUE, PAID, CANCELLED}),
    SENT: frozenset({OVERDUE, PAID, CANCELLED}),
    OVERDUE: frozenset({SENT, PAID, CANCELLED}),
}
"""Where a status can go. Paid and cancelled are final."""


def move(status: str, to: str) -> str:
    """The status after moving `to`. Raises Refused when an invoice cannot make that move; the same again is fine."""
    if to != status and to not in MOVES.get(status, ()):
        raise Refused(f"An invoice that is {status} cannot become {to}")
    return to


def shown(lifecycle: str, due_on: date | None, due: Money, today: date) -> str:
    """The status a client sees: `sent` is called `overdue` after its due date, with money still owed."""
    late = lifecycle == SENT and due_on is not None and due_on < today and due.minor > 0
    return OVERDUE if late else lifecycle


def check_open(*, completed: bool) -> None:
    """Raise Refused when the invoice is completed: then every change but `uncomplete` is."""
    if completed:
        raise Refused("The invoice is completed")


def check_released(*, denied: bool) -> None:
    """Raise Refused when the invoice was denied and not approved since: then it is neither sent nor paid."""
    if denied:
        raise Refused("A denied invoice cannot be sent or paid until it is approved anew")


def check_sendable(lifecycle: str, client_email: str | None) -> None:
    """Raise Refused unless the invoice can be mailed."""
    if lifecycle == CANCELLED:
        raise Refused("A cancelled invoice cannot be sent")
    if not client_email:
        raise Refused("The invoice has no client_email")


def check_deletable(paid: Money, *, has_payments: bool, series: bool) -> None:
    """Raise Refused when deleting would erase money that moved, or leave a gap in the numbers."""
    if has_payments or paid.minor:
        raise Refused("An invoice with a payment cannot be deleted; cancel it")
    if series:
        raise Refused("An invoice with a number from the series cannot be deleted; cancel it")


def today(time_zone: str) -> date:
    """The date it is now, in a workspace's time zone."""
    return datetime.now(ZoneInfo(time_zone)).date()
