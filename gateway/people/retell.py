"""Tell services again who somebody is, where they know a version that was never given.

That comes about when services are restored from different moments.
"""

from sqlalchemy import select, update

from gateway.keys.models import Member
from gateway.people import messages
from shared.db import Database
from shared.people import Person


def tell(db: Database, workspace_id: str, person_id: int, known: int) -> None:
    """Tell the services, which know version `known`, who a member is."""
    with db.write() as session:
        mine = (Member.workspace_id == workspace_id, Member.id == person_id)
        version = session.scalar(select(Member.version).where(*mine).with_for_update())
        if version is None:
            return
        session.execute(update(Member.__table__).where(*mine).values(version=max(version, known) + 1))  # type: ignore[arg-type]
        messages.tell(session, session.get_one(Member, (workspace_id, person_id)))


def tell_gone(db: Database, person: Person) -> None:
    """Tell the services that somebody whom we do not know is gone."""
    with db.write() as session:
        messages.tell_gone(session, person)
