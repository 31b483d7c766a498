"""Companies, their projects, and what an hour costs on one."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import and_, delete, exists, select
from sqlalchemy.orm import Session

from services.invoices.actions.writing import Facts, Told
from services.invoices.models import Company, Invoice, Project, ProjectExpense, Rate, TimeEntry
from services.invoices.queries import of_workspace
from shared import audit, people
from shared.caller import Caller
from shared.db import Database, advisory_lock, connection_of, new_id, next_id, now, upsert
from shared.errors import NotFound, Refused
from shared.versions import IfMatch

Entity = TypeVar("Entity", Company, Project)

OF_COMPANY = (
    *("name", "address_one", "address_two", "city", "state", "zip", "country_code", "phone", "website", "email"),
)
OF_PROJECT = ("name", "description", "company_id", "archived", "starts_on", "ends_on")


def create_company(db: Database, caller: Caller, facts: Facts) -> Company:
    """Make a company."""
    with db.write() as session:
        return _made(session, caller, Company(), {name: facts[name] for name in OF_COMPANY if name in facts})


def update_company(db: Database, caller: Caller, company_id: int, facts: Facts, expected: IfMatch) -> Company:
    """Change what is named of a company.

    Raises:
        NotFound, PreconditionFailed.
    """
    with db.write() as session:
        company = of_workspace(session, Company, caller, company_id, lock=True)
        return _changed(session, caller, company, facts, OF_COMPANY, expected)


def delete_company(db: Database, caller: Caller, company_id: int, expected: IfMatch) -> None:
    """Delete a company that no project is for.

    Raises:
        NotFound, PreconditionFailed.
        Refused: it has projects.
    """
    with db.write() as session:
        company = of_workspace(session, Company, caller, company_id, lock=True)
        its = and_(Project.workspace_id == caller.workspace_id, Project.company_id == company_id)
        _delete(session, caller, company, expected, {Project: its})


def create_project(db: Database, caller: Caller, facts: Facts) -> Project:
    """Make a project; `new_company` makes the company of that name with it, unless there is one.

    Raises:
        NotFound: there is no such company.
        Refused: it would end before it begins.
    """
    with db.write() as session:
        told = {name: facts[name] for name in OF_PROJECT if name in facts}
        told["company_id"] = _company(session, caller, facts)
        project = Project(**{"archived": False, **told})
        _check_dates(project)
        return _made(session, caller, project, {})


def update_project(db: Database, caller: Caller, project_id: int, facts: Facts, expected: IfMatch) -> Project:
    """Change what is named of a project.

    Raises:
        NotFound (also the company), PreconditionFailed.
        Refused: it would end before it begins.
    """
    with db.write() as session:
        project = of_workspace(session, Project, caller, project_id, lock=True)
        if facts.get("company_id") is not None:
            of_workspace(session, Company, caller, facts["company_id"])
        project = _changed(session, caller, project, facts, OF_PROJECT, expected)
        _check_dates(project)
        return project


def delete_project(db: Database, caller: Caller, project_id: int, expected: IfMatch) -> None:
    """Delete a project that nothing was spent on and no invoice is for.

    Raises:
        NotFound, PreconditionFailed.
        Refused: it has invoices, time entries or expenses.
    """
    with db.write() as session:
        project = of_workspace(session, Project, caller, project_id, lock=True)
        used: dict[Any, Any] = {each: each.project_id == project_id for each in (Invoice, TimeEntry, ProjectExpense)}
        used[ProjectExpense] |= ProjectExpense.asked_project_id == project_id
        ours = {each: and_(each.workspace_id == caller.workspace_id, its) for each, its in used.items()}
        _delete(session, caller, project, expected, ours)


def set_rates(
    db: Database, caller: Caller, project_id: int, facts: Facts, own: Mapping[int, int | None], expected: IfMatch
) -> Project:
    """Set what an hour costs from now on, in millionths: `default` if told, and `own` of persons; None takes it away.

    Raises:
        NotFound (also a person), PreconditionFailed.
    """
    with db.write() as session:
        project = of_workspace(session, Project, caller, project_id, lock=True)
        expected.check(project.etag)
        if "default" in facts:
            project.rate_micros = facts["default"]
        with session.no_autoflush:  # the history knows the old rate only before it is flushed
            told = _set_own(session, caller, project, own)
        if told or session.is_modified(project):
            audit.record(session, caller, "updated", project, told)
            project.updated_at = now()  # a client sees other rates, which are no columns of it
        return project


def _set_own(session: Session, caller: Caller, project: Project, own: Mapping[int, int | None]) -> Told:
    """Write the rates of persons. What to tell of those that changed."""
    its = (Rate.workspace_id == project.workspace_id, Rate.project_id == project.id)
    known = dict(session.execute(select(Rate.person_id, Rate.rate_micros).where(*its)).all())
    changed = {person: rate for person, rate in own.items() if known.get(person) != rate}
    connection = connection_of(session)
    for person, rate in changed.items():
        if person != caller.member_id and not people.is_known(session, caller.workspace_id, person):
            raise NotFound(f"There is no person {person}")
        if rate is None:
            connection.execute(delete(Rate).where(*its, Rate.person_id == person))
        else:
            new = upsert(session, Rate).values(
                project_id=project.id, person_id=person, workspace_id=project.workspace_id, rate_micros=rate
            )
            set_ = {"rate_micros": rate}
            connection.execute(new.on_conflict_do_update(index_elements=Rate.__table__.primary_key, set_=set_))
    if not changed:
        return {}
    return {"rates": [{str(person): known.get(person) for person in changed}, {str(p): r for p, r in changed.items()}]}


def _company(session: Session, caller: Caller, facts: Facts) -> int | None:
    if facts.get("company_id") is not None:
        return of_workspace(session, Company, caller, facts["company_id"]).id
    name = facts.get("new_company")
    if name is None:
        return None
    advisory_lock(session, f"companies {caller.workspace_id}")  # of two that would make it, one does and both find it
    named = select(Company).where(Company.workspace_id == caller.workspace_id, Company.name == name)
    known = session.scalars(named.order_by(Company.id).limit(1)).first()
    return (known or _made(session, caller, Company(name=name), {})).id


def _made(session: Session, caller: Caller, thing: Entity, facts: Facts) -> Entity:
    thing.uuid, thing.workspace_id, thing.created_by = new_id(), caller.workspace_id, caller.member_id
    thing.id = next_id(session, type(thing), caller.workspace_id)
    for name, value in facts.items():
        setattr(thing, name, value)
    session.add(thing)
    audit.record(session, caller, "created", thing)
    session.flush()
    return thing


def _changed(
    session: Session, caller: Caller, thing: Entity, facts: Facts, names: tuple[str, ...], expected: IfMatch
) -> Entity:
    expected.check(thing.etag)
    for name in names:
        if name in facts:
            setattr(thing, name, facts[name])
    if session.is_modified(thing):
        audit.record(session, caller, "updated", thing)
    return thing


def _delete(
    session: Session, caller: Caller, thing: Company | Project, expected: IfMatch, used: Mapping[Any, Any]
) -> None:
    expected.check(thing.etag)
    for entity, of_it in used.items():
        if session.scalar(select(exists().where(of_it))):
            raise Refused(f"It has {entity.__tablename__.replace('_', ' ').removeprefix('project ')}")
    audit.record(session, caller, "deleted", thing)
    session.delete(thing)


def _check_dates(project: Project) -> None:
    if project.starts_on and project.ends_on and project.ends_on < project.starts_on:
        raise Refused("A project cannot end before it begins")
