"""The arithmetic of a budget: when money may be booked on it, and what a period is. Plain values in, an error out."""

from datetime import date

from shared.errors import InsufficientFunds, Invalid, Refused
from shared.money import Money

STATUSES = ("active", "completed", "cancelled")
ENFORCEMENTS = ("hard", "soft")
HARD = "hard"


def check_period(start_on: date | None, end_on: date | None) -> None:
    """Raise Invalid unless the end, where both are known, is after the start (`finance`, "Create budget")."""
    if start_on and end_on and end_on <= start_on:
        raise Invalid(errors={"end_date": ["Must be after start_date."]})


def check_cap(spent: Money, total: Money | None, enforcement: str) -> None:
    """Raise InsufficientFunds when more is spent than a hard budget has."""
    if enforcement == HARD and total is not None and total < spent:
        raise InsufficientFunds


def check_open(status: str) -> None:
    """Raise Refused unless more money may be booked on a budget of this status."""
    if status != "active":
        raise Refused(f"The budget is {status}")


def check_currency(spend: str, budget: str) -> None:
    """Raise Refused unless an expense is in its budget's currency."""
    if spend != budget:
        raise Refused(f"The budget is in {budget}, the expense in {spend}")


def check_within(spent_on: date | None, start_on: date | None, end_on: date | None) -> None:
    """Raise Refused unless an expense's date lies in the period; both ends belong to it, and one not set is open."""
    if spent_on is None:
        raise Refused("The budget takes only expenses with a date")
    if (start_on and spent_on < start_on) or (end_on and spent_on > end_on):
        raise Refused("The expense's date is outside the budget's period")
