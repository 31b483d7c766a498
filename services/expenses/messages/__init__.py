"""What the expense service tells others: the state of each expense that is, or was, on a budget or in a project.

A message about an expense is its whole state. `asks` and `ticket` are not sent: the budget that an armed message's
request has asked, and the Idempotency-Key that is free again once the message has undone the work.
"""

from services.expenses.messages import billables, spends
from services.expenses.messages.billables import HoldQuestion, conclude
from services.expenses.messages.promises import (
    BILLABLE,
    COUNTED,
    SPEND,
    Overtaken,
    Question,
    catch_up,
    pending,
    release,
)
from services.expenses.messages.spends import SpendQuestion, asking, tell, under_way
from shared.http import Peer
from shared.outbox import Topic, Topics

__all__ = [
    "BILLABLE",
    "COUNTED",
    "SPEND",
    "HoldQuestion",
    "Overtaken",
    "Question",
    "SpendQuestion",
    "asking",
    "catch_up",
    "conclude",
    "pending",
    "release",
    "tell",
    "topics",
    "under_way",
]


def topics(budgets: Peer, invoices: Peer, *, deadline: float) -> Topics:
    """How each kind of message leaves."""
    return {
        SPEND: Topic(spends.sender(budgets, deadline), release, catch_up, to="budgets"),
        BILLABLE: Topic(billables.sender(invoices, deadline), release, catch_up, to="invoices"),
    }
