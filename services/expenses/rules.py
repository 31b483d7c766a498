"""When another service must authorize a change of an expense. Plain values in, a plain answer out."""

from dataclasses import dataclass, replace
from datetime import date

from shared.lengths import NAME
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


@dataclass(frozen=True, slots=True)
class Billable:
    """What an invoice must know of an expense. In no project, it is a tombstone."""

    id: int | None  # none while it is being made
    project_id: int | None
    name: str | None
    description: str | None
    spent_on: date | None
    amount: Money
    created_by: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What other services know of an expense."""

    spend: Spend
    billable: Billable

    @property
    def gone(self) -> "Report":
        """The same expense, on no budget and in no project: before it is made, and after it is deleted."""
        return Report(replace(self.spend, budget_id=None), replace(self.billable, project_id=None))


@dataclass(frozen=True, slots=True)
class Lock:
    """What the invoice service is asked to lock: the expense as it is, but in the project and over the amount that it
    will be; over nothing, when it is to be deleted.

    `shown`: the change is of something that an invoice shows, and not only of what it does not.
    """

    billable: Billable
    shown: bool


def needs_authorization(before: Spend, after: Spend) -> bool:
    """Whether the budget must authorize a change first: a move, more money, or another date (api.md, section 7).

    Less money, and leaving a budget, never needs an answer. A new expense on a budget always does.
    """
    if after.budget_id is None:
        return False
    if before.budget_id != after.budget_id or before.amount.currency != after.amount.currency:
        return True
    return before.amount < after.amount or before.spent_on != after.spent_on


def retained(before: Spend, after: Spend) -> Spend | None:
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


def lock(before: Billable, after: Billable | None, *, billed: bool) -> Lock | None:
    """What the invoice service must authorize before a change, or before it is deleted; None where it has no say.

    It has one in all that an invoice can show; of an expense that is on one (`billed`), which may be locked as a whole,
    in every change.
    """
    left = after or replace(before, amount=Money(0, before.amount.currency))
    if before.project_id is None and left.project_id is None:
        return None
    if before == after and not billed:
        return None
    asked = replace(before, project_id=left.project_id, amount=left.amount)
    return Lock(asked, shown=before != after)


def title(name: str | None, description: str | None) -> str | None:
    """The name of an expense; of one without, the first line of its description."""
    if name is not None or description is None:
        return name
    return description.strip().partition("\n")[0][:NAME] or None
