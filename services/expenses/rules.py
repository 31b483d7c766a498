"""When an expense needs its budget's yes. Plain values in, a plain answer out."""

from dataclasses import dataclass, replace
from datetime import date

from shared.money import Money

RECEIPT_TYPES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "application/pdf": "pdf",
}
"""What a receipt may be, and the ending of its name (api.md, section 3)."""


@dataclass(frozen=True, slots=True)
class Spend:
    """What a budget must know of an expense."""

    budget_id: str | None
    amount: Money
    spent_on: date | None


def needs_yes(before: Spend, after: Spend) -> bool:
    """Whether the budget must agree to a change first: a move, more money, or another date (api.md, section 7).

    Less money, and leaving a budget, never needs an answer. A new expense on a budget always does.
    """
    if after.budget_id is None:
        return False
    if before.budget_id != after.budget_id or before.amount.currency != after.amount.currency:
        return True
    return before.amount < after.amount or before.spent_on != after.spent_on


def held(before: Spend, after: Spend) -> Spend | None:
    """What must stay booked besides `after` until the change is certain, so that undoing it never takes money back.

    On a move that is all that was on the budget left; on one budget, what `after` is less than `before`.
    """
    if before.budget_id is None:
        return None
    if before.budget_id != after.budget_id:
        return before
    if before.amount.currency != after.amount.currency:
        return None  # the budget, which is in one currency, refuses
    return replace(before, amount=before.amount - after.amount) if after.amount < before.amount else None
