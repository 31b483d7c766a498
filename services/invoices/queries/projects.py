"""What can be asked of projects: themselves, their companies, the time spent on them, and the invoices that bill it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select
from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.models import Company, Invoice, Project, ProjectExpense, Rate, TimeEntry
from services.invoices.queries.billing import TIME_ENTRIES, lines_on
from services.invoices.queries.invoices import INVOICES, may_see, mine
from shared import people
from shared.caller import Caller
from shared.db import Base, Database
from shared.errors import Forbidden, NotFound
from shared.page import Place, by_number
from shared.people import Names
from shared.rows import Rows

Entity = TypeVar("Entity", Company, Project, TimeEntry)

COMPANIES, PROJECTS = Rows(Company), Rows(Project)


@dataclass(frozen=True)
class InvoiceDetail:
    """An invoice with its project, its company, what is on it, and what the people are called who had to do with it."""

    invoice: Invoice
    project: str | None
    company_id: int | None
    company: str | None
    names: Mapping[int | None, Names]
    time: list[TimeEntry] = field(default_factory=list)
    expenses: list[ProjectExpense] = field(default_factory=list)

    @property
    def minutes(self) -> int:
        """All the time on it."""
        return sum(entry.minutes for entry in self.time)

    @property
    def hours(self) -> Decimal:
        """The sum of its entries' hours, each rounded before."""
        return sum((entry.hours for entry in self.time), rules.hours(0))


@dataclass(frozen=True)
class Entry:
    """A time entry with its project, its company, what its person is called, and its invoice, if the key may see it."""

    entry: TimeEntry
    project: str
    company_id: int | None
    company: str | None
    invoice_id: int | None
    invoice_number: str | None
    person: Names


@dataclass(frozen=True)
class Rates:
    """What an hour costs on a project of this version, in millionths: of whoever has no own rate, and of who has."""

    version: int
    default: int | None
    own: Mapping[int, tuple[int, Names]]


OF_PROJECT = and_(Company.id == Project.company_id, Company.workspace_id == Project.workspace_id)
BILLS = (
    select(*INVOICES.columns, Project.name, Company.id, Company.name)
    .select_from(Invoice)
    .outerjoin(Project, and_(Project.id == Invoice.project_id, Project.workspace_id == Invoice.workspace_id))
    .outerjoin(Company, OF_PROJECT)
)
ENTRIES = (
    select(*TIME_ENTRIES.columns, Project.name, Company.id, Company.name, Invoice.number, Invoice.account_id)
    .select_from(TimeEntry)
    .join(Project, and_(Project.id == TimeEntry.project_id, Project.workspace_id == TimeEntry.workspace_id))
    .outerjoin(Company, OF_PROJECT)
    .outerjoin(Invoice, and_(Invoice.id == TimeEntry.invoice_id, Invoice.workspace_id == TimeEntry.workspace_id))
)
NAMED_PROJECTS = select(*PROJECTS.columns, Company.name).select_from(Project).outerjoin(Company, OF_PROJECT)
IN_ORDER = {"id": Invoice.id}


def bill(db: Database, caller: Caller, invoice_id: int) -> InvoiceDetail:
    """An invoice with all that is on it.

    Raises:
        NotFound.
        Forbidden: it is in an account that the key may not use.
    """
    query = BILLS.where(Invoice.workspace_id == caller.workspace_id, Invoice.id == invoice_id)
    with db.connection(transaction=True) as connection:
        row = connection.execute(query).first()
        if row is None:
            raise NotFound
        if not may_see(caller, INVOICES.of(row).account_id):
            raise Forbidden
        time, expenses = lines_on(connection, caller, [invoice_id])
        who = {*(each.person_id for each in time), *(each.created_by for each in expenses)}
        return _bills(connection, caller, [row], who, time=time, expenses=expenses)[0]


def bills(
    db: Database,
    caller: Caller,
    place: Place,
    *,
    project_id: int | None = None,
    completed: bool | None = None,
    archived: bool | None = None,
) -> tuple[list[InvoiceDetail], int]:
    """Those that the caller may see on a page by its number, without what is on them; and how many there are in all.

    `archived`: whether their project is; an invoice of no project is in none that is.

    Raises:
        NotFound: there is no project of that id.
    """
    query = BILLS.where(*mine(caller))
    if completed is not None:
        query = query.where(Invoice.completed.is_(completed))
    if archived is not None:
        query = query.where(Project.archived.is_(True) if archived else _of_no_archived_project())
    with db.connection(transaction=True) as connection:
        if project_id is not None:
            _check_there(connection, Project, caller, project_id)
            query = query.where(Invoice.project_id == project_id)
        rows, count = by_number(connection, query, IN_ORDER, Invoice.id, place, parameter="page")
        return _bills(connection, caller, rows, set()), count


def project(db: Database, caller: Caller, project_id: int) -> tuple[Project, str | None]:
    """A project, and the name of its company. Raises NotFound."""
    with db.connection() as connection:
        row = connection.execute(
            NAMED_PROJECTS.where(Project.workspace_id == caller.workspace_id, Project.id == project_id)
        ).first()
    if row is None:
        raise NotFound
    return PROJECTS.of(row), row[-1]


def projects(
    db: Database, caller: Caller, place: Place, *, archived: bool | None
) -> tuple[list[tuple[Project, str | None]], int]:
    """The projects on a page by its number, each with the name of its company; and how many there are in all."""
    query = NAMED_PROJECTS.where(Project.workspace_id == caller.workspace_id)
    if archived is not None:
        query = query.where(Project.archived.is_(archived))
    with db.connection(transaction=True) as connection:
        rows, count = by_number(connection, query, {"id": Project.id}, Project.id, place, parameter="page")
    return [(PROJECTS.of(row), row[-1]) for row in rows], count


def company(db: Database, caller: Caller, company_id: int) -> Company:
    """A company. Raises NotFound."""
    query = select(*COMPANIES.columns).where(Company.workspace_id == caller.workspace_id, Company.id == company_id)
    with db.connection() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFound
    return COMPANIES.of(row)


def companies(db: Database, caller: Caller, place: Place) -> tuple[list[Company], int]:
    """The companies on a page by its number; and how many there are in all."""
    query = select(*COMPANIES.columns).where(Company.workspace_id == caller.workspace_id)
    with db.connection(transaction=True) as connection:
        rows, count = by_number(connection, query, {"id": Company.id}, Company.id, place, parameter="page")
    return [COMPANIES.of(row) for row in rows], count


def rates(db: Database, caller: Caller, project_id: int) -> Rates:
    """What an hour costs on a project. Raises NotFound."""
    with db.connection(transaction=True) as connection:
        ours = (Project.workspace_id == caller.workspace_id, Project.id == project_id)
        project = connection.execute(select(Project.version, Project.rate_micros).where(*ours)).first()
        if project is None:
            raise NotFound
        its = (Rate.workspace_id == caller.workspace_id, Rate.project_id == project_id)
        own = select(Rate.person_id, Rate.rate_micros).where(*its).order_by(Rate.person_id)
        known = {row[0]: row[1] for row in connection.execute(own)}
        names = people.named(connection, caller.workspace_id, list(known))
    own_rates = {person: (rate, names[person]) for person, rate in known.items()}
    return Rates(version=project[0], default=project[1], own=own_rates)


def rate_of(session: Session, entry: TimeEntry) -> int:
    """What an hour of its person costs on its project now, in millionths; 0 where nobody has said."""
    own = (Rate.workspace_id == entry.workspace_id, Rate.project_id == entry.project_id)
    rate = session.scalar(select(Rate.rate_micros).where(*own, Rate.person_id == entry.person_id))
    if rate is None:
        its = (Project.workspace_id == entry.workspace_id, Project.id == entry.project_id)
        rate = session.scalar(select(Project.rate_micros).where(*its))
    return rate or 0


def entry(db: Database, caller: Caller, entry_id: int) -> Entry:
    """A time entry. Raises NotFound."""
    query = ENTRIES.where(TimeEntry.workspace_id == caller.workspace_id, TimeEntry.id == entry_id)
    with db.connection(transaction=True) as connection:
        rows = connection.execute(query).all()
        if not rows:
            raise NotFound
        return _entries(connection, caller, rows)[0]


def entries(
    db: Database, caller: Caller, place: Place, *, project_id: int | None = None, **by: Any
) -> tuple[list[Entry], int]:
    """The time entries on a page by its number, narrowed by `from_`, `until`, `person_id`, `billable` and `invoiced`.

    Raises:
        NotFound: there is no project of that id.
    """
    query = _narrowed(ENTRIES.where(TimeEntry.workspace_id == caller.workspace_id), by)
    with db.connection(transaction=True) as connection:
        if project_id is not None:
            _check_there(connection, Project, caller, project_id)
            query = query.where(TimeEntry.project_id == project_id)
        rows, count = by_number(connection, query, {"id": TimeEntry.id}, TimeEntry.id, place, parameter="page")
        return _entries(connection, caller, rows), count


def of_workspace(
    session: Session, entity: type[Entity], caller: Caller, thing_id: int, *, lock: bool = False
) -> Entity:
    """A company, a project or a time entry of the caller's, which stays there through this transaction.

    Raises:
        NotFound.
    """
    query = select(entity).where(entity.workspace_id == caller.workspace_id, entity.id == thing_id)
    query = query.with_for_update(read=not lock, key_share=not lock).execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NotFound(f"There is no {entity.SUBJECT or 'project'} {thing_id}")
    return found


def _of_no_archived_project() -> Any:
    return or_(Invoice.project_id.is_(None), Project.archived.is_(False))


def _check_there(connection: Connection, entity: type[Base], caller: Caller, thing_id: int) -> None:
    table = entity.__table__
    there = select(table.c.id).where(table.c.workspace_id == caller.workspace_id, table.c.id == thing_id)
    if connection.execute(there).first() is None:
        raise NotFound


def _bills(
    connection: Connection, caller: Caller, rows: Sequence[Any], who: Collection[int | None], **lines: Any
) -> list[InvoiceDetail]:
    invoices = [INVOICES.of(row) for row in rows]
    known = {*who, *(each.created_by for each in invoices), *(each.updated_by for each in invoices)}
    names = people.named(connection, caller.workspace_id, known)
    return [
        InvoiceDetail(invoice, project=row[-3], company_id=row[-2], company=row[-1], names=names, **lines)
        for invoice, row in zip(invoices, rows, strict=True)
    ]


def _entries(connection: Connection, caller: Caller, rows: Sequence[Any]) -> list[Entry]:
    found = [TIME_ENTRIES.of(row) for row in rows]
    names = people.named(connection, caller.workspace_id, {each.person_id for each in found})
    return [
        _entry(caller, each, row[len(TIME_ENTRIES.columns) :], names[each.person_id])
        for each, row in zip(found, rows, strict=True)
    ]


def _entry(caller: Caller, entry: TimeEntry, beside: Sequence[Any], person: Names) -> Entry:
    project, company_id, company, number, account_id = beside
    seen = entry.invoice_id is not None and may_see(caller, account_id)
    return Entry(
        entry,
        project=project,
        company_id=company_id,
        company=company,
        invoice_id=entry.invoice_id if seen else None,
        invoice_number=number if seen else None,
        person=person,
    )


def _narrowed(query: Select[Any], by: Mapping[str, Any]) -> Select[Any]:
    narrow: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "from_": lambda value: TimeEntry.logged_at >= value,
        "until": lambda value: TimeEntry.logged_at < value,
        "person_id": lambda value: TimeEntry.person_id == value,
        "billable": lambda value: TimeEntry.billable.is_(value),
        "invoiced": lambda value: TimeEntry.invoice_id.is_not(None) if value else TimeEntry.invoice_id.is_(None),
    }
    return query.where(*(narrow[name](value) for name, value in by.items() if value is not None))
