"""What can be asked of people. Those who are deleted are not there."""

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from gateway.keys.models import ApiKey, Member, Workspace
from shared.caller import Caller
from shared.db import Database, now
from shared.errors import NotFound
from shared.page import Place, by_number
from shared.rows import Rows

PEOPLE = Rows(Member)
SORTS = {"id": Member.id}


def listing(db: Database, caller: Caller, place: Place) -> tuple[list[Member], int]:
    """A page of the people of a workspace, and how many there are."""
    theirs = select(*PEOPLE.columns).where(Member.workspace_id == caller.workspace_id, Member.deleted.is_(False))
    with db.connection(transaction=True) as connection:
        rows, count = by_number(connection, theirs, SORTS, Member.id, place, parameter="sort")
    return [PEOPLE.of(row) for row in rows], count


def find(db: Database, caller: Caller, person_id: int | None) -> Member:
    """One person. Raises NotFound."""
    with db.read() as session:
        return owned(session, caller, person_id)


def owned(session: Session, caller: Caller, person_id: int | None, *, lock: bool = False) -> Member:
    """One person, to be changed with `lock`.

    Raises:
        NotFound: there is none in this workspace.
    """
    query = select(Member).where(
        Member.id == person_id, Member.workspace_id == caller.workspace_id, Member.deleted.is_(False)
    )
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound
    return found


def lock_workspace(session: Session, workspace_id: str) -> None:
    """Wait for others who make or change people of this workspace, until this transaction ends."""
    session.execute(select(Workspace.company_id).where(Workspace.id == workspace_id).with_for_update())


def first(session: Session, workspace_id: str) -> Member | None:
    """The person who has been in the workspace for longest."""
    theirs = select(Member).where(Member.workspace_id == workspace_id, Member.deleted.is_(False))
    return session.scalar(theirs.order_by(Member.id).limit(1))


def named_by(session: Session, workspace_id: str, email: str) -> Member | None:
    """The person with this e-mail address, without regard to case."""
    alike = func.lower(Member.email) == func.lower(email)
    theirs = select(Member).where(Member.workspace_id == workspace_id, Member.deleted.is_(False), alike)
    return session.scalar(theirs.order_by(Member.id).limit(1))


def has_key(session: Session, person: Member) -> bool:
    """Whether a key of theirs is neither revoked nor expired."""
    alive = ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now())
    return session.scalar(select(ApiKey.id).where(ApiKey.member_id == person.id, *alive).limit(1)) is not None
