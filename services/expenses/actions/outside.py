"""What the expense service has around it."""

from dataclasses import dataclass

from services.expenses.receipts import Receipts
from shared.http import Peer
from shared.outbox import Topics


@dataclass(frozen=True)
class Outside:
    """What the expense service has around it."""

    budgets: Peer
    topics: Topics
    receipts: Receipts
    spend_deadline: float
