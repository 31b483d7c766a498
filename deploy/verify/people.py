"""The services that show names know each member as the gateway does."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from deploy.copies.moment import Look
from deploy.verify.across import messages
from gateway.keys.models import Member
from gateway.people.messages import RECEIVERS, key, topic
from shared.people import Person
from shared.verify import Wrong

STATE = ("first_name", "last_name", "email", "deleted")


@dataclass(frozen=True)
class Copy:
    """A member, and what a service knows of them; None is one that there is not."""

    service: str
    workspace_id: str
    id: int
    member: Any
    person: Any

    @property
    def same(self) -> bool:
        """Whether the service knows the member as the gateway does."""
        both = (self.member, self.person)
        return None not in both and all(
            getattr(self.member, name) == getattr(self.person, name) for name in (*STATE, "version")
        )


def apart(look: Look) -> Iterator[Copy]:
    """People whom a service knows other than they are, where no message will tell it."""
    columns = ("id", "workspace_id", "version", *STATE)
    members = _by_id(look["gateway"].execute(select(*(getattr(Member, name) for name in columns))))
    for service in RECEIVERS:
        told = messages(look, "gateway", topic(service))
        people = _by_id(look[service].execute(select(*(getattr(Person, name) for name in columns))))
        for workspace_id, number in sorted(members.keys() | people.keys()):
            member, person = members.get((workspace_id, number)), people.get((workspace_id, number))
            copy = Copy(service, workspace_id, number, member, person)
            known = person.version if person else 0
            if not copy.same and not told.tell(workspace_id, key(workspace_id, number), known):
                yield copy


def _by_id(rows: Iterable[Any]) -> dict[tuple[str, int], Any]:
    return {(row.workspace_id, row.id): row for row in rows}


def wrong(look: Look) -> Iterator[Wrong]:
    """What is wrong with people, in words."""
    for copy in apart(look):
        if copy.member is None:
            what = f"the {copy.service} service knows them, and the gateway does not"
        elif copy.person is None:
            what = f"the {copy.service} service does not know them"
        else:
            what = f"the {copy.service} service knows version {copy.person.version}, the gateway {copy.member.version}"
        yield Wrong(copy.workspace_id, f"member {copy.id}", what)
