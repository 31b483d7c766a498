"""What the budget service has around it."""

from dataclasses import dataclass

from shared.http import Peer


@dataclass(frozen=True)
class Peers:
    """The expense service. The deadline is in seconds."""

    expenses: Peer
    certainty_deadline: float
