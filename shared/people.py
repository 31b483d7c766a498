"""The people of a workspace, as a service knows them: a copy of the gateway's members, kept by messages.

The gateway tells of each one by state and version (`PUT /internal/people/{id}`); the newest wins.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, String, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.db import Base, Database, connection_of, upsert
from shared.lengths import NAME
from shared.rows import Rows


class Person(Base):
    """Somebody who has a key, who logs time, or both. The gateway counts their ids up, each workspace's apart."""

    __tablename__ = "people"
    workspace_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    first_name: Mapped[str] = mapped_column(String(NAME))
    last_name: Mapped[str] = mapped_column(String(NAME))
    email: Mapped[str] = mapped_column(String(NAME))
    deleted: Mapped[bool]  # gone, and still named by what they did


@dataclass(frozen=True, slots=True)
class Names:
    """What a person is called. Nobody, and somebody not heard of yet, has empty names."""

    first: str = ""
    last: str = ""


PEOPLE = Rows(Person)
NAMED = select(Person.id, Person.first_name, Person.last_name).where(
    Person.workspace_id == bindparam("workspace_id"), Person.id.in_(bindparam("ids", expanding=True))
)


def named(connection: Connection, workspace_id: str, ids: Collection[int | None]) -> Mapping[int | None, Names]:
    """What people are called, by their ids; asks only when there are ids."""
    known = [each for each in set(ids) if each is not None]
    found = connection.execute(NAMED, {"workspace_id": workspace_id, "ids": known}) if known else ()
    names = {each: Names(first, last) for each, first, last in found}
    return {each: names.get(each, Names()) for each in (*known, None)}  # type: ignore[arg-type]


def is_known(session: Session, workspace_id: str, person_id: int) -> bool:
    """Whether somebody of that id is in the workspace."""
    there = select(Person.id).where(
        Person.workspace_id == workspace_id, Person.id == person_id, Person.deleted.is_(False)
    )
    return connection_of(session).execute(there).first() is not None


def address(session: Session, workspace_id: str, person_id: int) -> str | None:
    """The e-mail address of somebody in the workspace, empty when they have none; None when they are not known."""
    there = select(Person.email).where(
        Person.workspace_id == workspace_id, Person.id == person_id, Person.deleted.is_(False)
    )
    return connection_of(session).execute(there).scalar_one_or_none()


def accept(db: Database, workspace_id: str, person_id: int, *, version: int, **state: str | bool) -> int:
    """Take the newest state of a person. The version that is known now."""
    told = {"id": person_id, "workspace_id": workspace_id, "version": version, **state}
    with db.write() as session:
        new = upsert(session, Person).values(told)
        newer = new.on_conflict_do_update(
            index_elements=["workspace_id", "id"],
            set_={name: new.excluded[name] for name in ("version", *state)},
            where=Person.version < new.excluded.version,
        )
        connection = connection_of(session)
        connection.execute(newer)
        theirs = (Person.workspace_id == workspace_id, Person.id == person_id)
        return connection.execute(select(Person.version).where(*theirs)).scalar_one()
