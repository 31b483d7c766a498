"""What two services say of one thing. A message that is still to be delivered may say the rest: it is on its way.

It does so only where its sender would say the same. Any other is itself wrong, as each service's `verify` says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from deploy.copies.moment import Look
from gateway import verify as gateway
from services.budgets import verify as budgets
from services.expenses import verify as expenses
from services.invoices import verify as invoices
from shared import underway
from shared.verify import Wrong

SAYS = {"gateway": gateway.SAYS, "invoices": invoices.SAYS, "budgets": budgets.SAYS, "expenses": expenses.SAYS}
"""What each part says in its messages."""


@dataclass(frozen=True)
class Messages:
    """The messages of one kind that a service has yet to deliver: versions, by workspace and the thing's id."""

    versions: Mapping[tuple[str, str], int]

    def tell(self, workspace_id: str, thing: str, known: int) -> bool:
        """Whether the receiver, who knows this version, will hear of the thing. One it knows already says nothing."""
        return self.versions.get((workspace_id, thing), 0) > known


def messages(look: Look, sender: str, topic: str) -> Messages:
    """What is to be delivered, armed or due, and can be believed."""
    return Messages(underway.versions(look[sender], SAYS[sender], topic))


def workspaces(look: Look, *columns: tuple[str, Any]) -> list[str]:
    """Every workspace that has something in these columns of these databases."""
    found: set[str] = set()
    for name, column in columns:
        found.update(look[name].execute(select(column).distinct()).scalars())
    return sorted(found)


def unknown_workspaces(look: Look, known: Any, *columns: tuple[str, Any]) -> Iterator[Wrong]:
    """Workspaces that services keep something of, and the gateway does not know."""
    there = set(look["gateway"].execute(select(known)).scalars())
    for workspace_id in workspaces(look, *columns):
        if workspace_id not in there:
            yield Wrong(
                workspace_id, "workspace", "the services have something of it, and the gateway does not know it"
            )
