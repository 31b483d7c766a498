"""What two services say of one thing. A message that is still to be delivered may say the rest: it is on its way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from deploy.copies.moment import Look
from shared.outbox import Outbox
from shared.verify import Wrong


@dataclass(frozen=True)
class Messages:
    """The messages of one kind that a service has yet to deliver, in one workspace: versions by the thing's id."""

    versions: Mapping[str, int]

    def tell(self, thing: str, known: int) -> bool:
        """Whether the receiver, who knows this version, will hear of the thing. One it knows already says nothing."""
        return self.versions.get(thing, 0) > known


def messages(sender: Connection, workspace_id: str, topic: str) -> Messages:
    """What is to be delivered, armed or due."""
    query = select(Outbox.key, Outbox.version).where(Outbox.workspace_id == workspace_id, Outbox.topic == topic)
    return Messages({row.key: row.version for row in sender.execute(query)})


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
