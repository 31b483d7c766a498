"""What the expense service has around it."""

from dataclasses import dataclass

from services.expenses.receipts import Receipts
from shared.http import Peer


@dataclass(frozen=True)
class Peers:
    """The other services, and the store of the receipts. Deadlines are in seconds."""

    budgets: Peer
    invoices: Peer
    receipts: Receipts
    spend_deadline: float
    lock_deadline: float
