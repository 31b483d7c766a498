"""The participants: services that must authorize some writes of an expense, and are told of all others.

The budget service books what an expense takes of a budget; the invoice service shows what is spent in a project. Each
module says when its service has a say, what it is sent, and what would void that. Every message about an expense is its
whole state under a version, and each participant's versions are counted apart.
"""

from services.expenses.participants import budget, invoice
from services.expenses.participants.common import (
    BILLABLE,
    COUNTED,
    SPEND,
    Authorization,
    Overtaken,
    catch_up,
    pending,
    release,
)
from services.expenses.rules import Report
from shared.http import Peer
from shared.outbox import Topic, Topics

__all__ = [
    "BILLABLE",
    "COUNTED",
    "SPEND",
    "Authorization",
    "Overtaken",
    "budget",
    "catch_up",
    "invoice",
    "needed",
    "pending",
    "release",
    "topics",
]


def needed(
    before: Report, after: Report | None, *, billed: bool, accounts: tuple[str, ...] | None
) -> tuple[Authorization, ...]:
    """What must be authorized before an expense may change so, or be deleted, in this order. `accounts`: of the caller.

    The invoice service comes first: it locks the expense and nothing else, where a budget's money would be missed.
    """
    asked = (
        invoice.needed(before.billable, after.billable if after else None, billed=billed, accounts=accounts),
        budget.needed(before.spend, after.spend) if after else None,
    )
    return tuple(each for each in asked if each)


def topics(budgets: Peer, invoices: Peer, *, deadline: float) -> Topics:
    """How each kind of message leaves."""
    return {
        SPEND: Topic(budget.sender(budgets, deadline), release, catch_up, to="budgets"),
        BILLABLE: Topic(invoice.sender(invoices, deadline), release, catch_up, to="invoices"),
    }
