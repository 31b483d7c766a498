"""What can be done with people. Each change is told to the services that show names, in its own transaction."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from gateway.keys.models import Member
from gateway.people import messages, queries
from gateway.people.queries import PEOPLE, owned
from shared import audit
from shared.caller import Caller
from shared.db import Database, insert, now
from shared.errors import Refused
from shared.versions import IfMatch

Facts = Mapping[str, str]


def create(db: Database, caller: Caller, facts: Facts) -> Member:
    """Add a person.

    Raises:
        Refused: somebody else has that e-mail address.
    """
    caller.check_everywhere()
    with db.write() as session:
        queries.lock_workspace(session, caller.workspace_id)
        _check_free(session, caller, facts["email"])
        person = add(session, caller, facts)
        messages.tell(session, person)
        return person


def add(session: Session, caller: Caller, facts: Facts, *, role: str = "member") -> Member:
    """Add a person in this transaction; whoever calls has seen to the e-mail address, and tells the services."""
    person = PEOPLE.new(
        workspace_id=caller.workspace_id,
        role=role,
        version=1,
        created_at=(moment := now()),
        updated_at=moment,
        deleted=False,
        **facts,
    )
    insert(session, person)
    audit.record(session, caller, "created", person)  # after it has its number: the history knows it by that
    return person


def update(db: Database, caller: Caller, person_id: int, facts: Facts, expected: IfMatch) -> Member:
    """Change what is named.

    Raises:
        NotFound, PreconditionFailed.
        Refused: somebody else has that e-mail address.
    """
    caller.check_everywhere()
    with db.write() as session:
        queries.lock_workspace(session, caller.workspace_id)
        person = owned(session, caller, person_id, lock=True)
        expected.check(person.etag)
        if facts.get("email", person.email).lower() != person.email.lower():
            _check_free(session, caller, facts["email"])
        for name, value in facts.items():
            setattr(person, name, value)
        audit.record(session, caller, "updated", person)
        messages.tell(session, person)
        return person


def delete(db: Database, caller: Caller, person_id: int, expected: IfMatch) -> None:
    """Take a person off every list. What they did still names them.

    Raises:
        NotFound, PreconditionFailed.
        Refused: they have a live API key.
    """
    caller.check_everywhere()
    with db.write() as session:
        queries.lock_workspace(session, caller.workspace_id)
        person = owned(session, caller, person_id, lock=True)
        expected.check(person.etag)
        if queries.has_key(session, person):
            raise Refused("This person has a live API key, which must be revoked first")
        person.deleted = True
        audit.record(session, caller, "deleted", person)
        messages.tell(session, person)


def _check_free(session: Session, caller: Caller, email: str) -> None:
    if email and queries.named_by(session, caller.workspace_id, email):
        raise Refused("Somebody else has this e-mail address")
