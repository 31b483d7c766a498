"""What the gateway tells the services that show names: the state of each person, under the id that it gives them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from gateway.keys.models import Member
from shared import outbox
from shared.http import Peer
from shared.outbox import Outbox, PutState, Topic, Topics
from shared.people import Person

RECEIVERS = ("invoices", "expenses")


def tell(session: Session, person: Member, *, at_once: bool = True) -> None:
    """Tell a person's state to each receiver, in the transaction that makes or changes them."""
    session.flush()  # assigns the version that the messages carry
    for service in RECEIVERS:
        outbox.put(
            session,
            topic(service),
            key(person.workspace_id, person.id),
            workspace_id=person.workspace_id,
            version=person.version,
            body=state(person),
            at_once=at_once,
        )


def tell_gone(session: Session, person: Person) -> None:
    """Queue that somebody whom a service knows is gone, as we know nobody of that id."""
    body = state(person) | {"deleted": True}
    told: dict[str, Any] = {"workspace_id": person.workspace_id, "version": person.version + 1, "body": body}
    for service in RECEIVERS:
        outbox.put(session, topic(service), key(person.workspace_id, person.id), **told)


def key(workspace_id: str, person_id: int) -> str:
    """What a message about a person is known by."""
    return f"{workspace_id}/{person_id}"


def topic(service: str) -> str:
    """What messages to a service are called."""
    return f"person.{service}"


def state(person: Member | Person) -> dict[str, Any]:
    """What a message says of them."""
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "deleted": person.deleted,
    }


def topics(peers: Mapping[str, Peer], *, deadline: float) -> Topics:
    """How each kind of message leaves."""
    return {
        topic(service): Topic(PutState(peer, _path, deadline), catch_up=_catch_up, to=service)
        for service, peer in peers.items()
    }


def _catch_up(session: Session, message: Outbox, version: int) -> None:
    theirs = (Member.workspace_id == message.workspace_id, Member.id == int(_person(message)))
    mine = (*theirs, Member.version < version)
    session.execute(update(Member.__table__).where(*mine).values(version=version))  # type: ignore[arg-type]


def _path(message: Outbox) -> str:
    return f"/internal/people/{_person(message)}"


def _person(message: Outbox) -> str:
    """The id of the person that a message is about."""
    return message.key.rpartition("/")[2]
