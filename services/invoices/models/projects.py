"""What can be billed by `projects`: companies and their projects, the time and the expenses spent on them."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import JSON, BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from services.invoices.rules import hours, priced
from shared.db import Base, Instant, Numbered, Serial, now, refers
from shared.lengths import DESCRIPTION, NAME
from shared.money import Money
from shared.versions import Versioned


class Company(Versioned, Numbered, Base):
    """For whom a project is."""

    __tablename__ = "companies"
    SUBJECT = "company"
    uuid: Mapped[str] = mapped_column(String(36))
    name: Mapped[str] = mapped_column(String(NAME))
    address_one: Mapped[str | None] = mapped_column(String(NAME))
    address_two: Mapped[str | None] = mapped_column(String(NAME))
    city: Mapped[str | None] = mapped_column(String(NAME))
    state: Mapped[str | None] = mapped_column(String(NAME))
    zip: Mapped[str | None] = mapped_column(String(NAME))
    country_code: Mapped[str | None] = mapped_column(String(NAME))
    phone: Mapped[str | None] = mapped_column(String(NAME))
    website: Mapped[str | None] = mapped_column(String(NAME))
    email: Mapped[str | None] = mapped_column(String(NAME))
    created_by: Mapped[int | None]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=now, onupdate=now)

    __table_args__ = (Index(None, "workspace_id", "name"),)
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class Project(Versioned, Numbered, Base):
    """What time and expenses are spent on."""

    __tablename__ = "projects"
    uuid: Mapped[str] = mapped_column(String(36))
    name: Mapped[str] = mapped_column(String(NAME))
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    company_id: Mapped[int | None] = mapped_column(Serial)
    archived: Mapped[bool]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    rate_micros: Mapped[int | None] = mapped_column(BigInteger)  # an hour's price x 10**6, of who has no own rate
    created_by: Mapped[int | None]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=now, onupdate=now)

    __table_args__ = (
        refers("company_id", "companies"),
        Index(None, "workspace_id", "company_id"),
    )
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class Rate(Base):
    """What an hour of one person costs on a project."""

    __tablename__ = "rates"
    workspace_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    project_id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rate_micros: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (refers("project_id", "projects", ondelete="CASCADE"),)


class TimeEntry(Versioned, Numbered, Base):
    """Time that somebody spent on a project, on an invoice or not billed yet."""

    __tablename__ = "time_entries"
    SUBJECT = "time entry"
    uuid: Mapped[str] = mapped_column(String(36))
    project_id: Mapped[int] = mapped_column(Serial)
    person_id: Mapped[int]
    logged_at: Mapped[datetime] = mapped_column(Instant)  # when the time spent began
    minutes: Mapped[int]
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    billable: Mapped[bool]  # one that is not is shown on its invoice, and costs nothing
    invoice_id: Mapped[int | None] = mapped_column(Serial)
    rate_micros: Mapped[int | None] = mapped_column(BigInteger)  # these two: as of when it was put on the invoice
    cost_minor: Mapped[int | None] = mapped_column(BigInteger)
    created_by: Mapped[int | None]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=now, onupdate=now)

    __table_args__ = (
        refers("project_id", "projects"),
        refers("invoice_id", "invoices"),
        Index(None, "workspace_id", "project_id"),
        Index(None, "workspace_id", "invoice_id"),
    )
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def hours(self) -> Decimal:
        """Its minutes as hours, with two decimals."""
        return hours(self.minutes)

    def rate(self, currency: str) -> Decimal:
        """What an hour of it costs on its invoice."""
        return priced(self.rate_micros or 0, currency)

    def cost(self, currency: str) -> Money:
        """What it costs on its invoice."""
        return Money(self.cost_minor or 0, currency)


class ProjectExpense(Base):
    """An expense of a project, as the expense service last told of it; and the invoice it is on, which is known here.

    Its `id` names no other: told of another expense by an id that is given again, this one has none any more.
    `held`: a request of the expense service is about to change it. `project_id` null: it is gone, or in no project.
    """

    __tablename__ = "project_expenses"
    uuid: Mapped[str] = mapped_column(String(36), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    id: Mapped[int | None] = mapped_column(BigInteger)  # null while it is being made
    version: Mapped[int] = mapped_column(BigInteger)  # of the newest message
    held: Mapped[bool]
    project_id: Mapped[int | None] = mapped_column(Serial)
    asked_project_id: Mapped[int | None] = mapped_column(Serial)  # held: where it may come to be
    name: Mapped[str | None] = mapped_column(String(NAME))
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    spent_on: Mapped[date | None]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    created_by: Mapped[int | None]
    writers: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))  # others who have written its amount
    invoice_id: Mapped[int | None] = mapped_column(Serial)
    billing_version: Mapped[int] = mapped_column(BigInteger)  # of the newest message about `invoice_id`

    __table_args__ = (
        refers("project_id", "projects"),
        refers("asked_project_id", "projects"),
        refers("invoice_id", "invoices"),
        Index(None, "workspace_id", "id", unique=True),
        Index(None, "workspace_id", "project_id"),
        Index(None, "workspace_id", "invoice_id"),
    )

    @property
    def amount(self) -> Money:
        """What was spent."""
        return Money(self.amount_minor, self.currency)
