"""The tables of the invoice service: invoices, their items and payments, the series of numbers, and the settings."""

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column

from services.invoices import rules
from services.invoices.rules import Amounts, Line, priced
from shared.db import Base, Counter, Instant, Numbered, Serial, now, refers
from shared.lengths import DESCRIPTION, NAME, NOTES
from shared.money import Money
from shared.versions import Versioned


class Invoice(Numbered, Base):
    """One row with three names: `id`, `uuid` and `transaction_id`. Its state is four separate axes."""

    __tablename__ = "invoices"
    uuid: Mapped[str] = mapped_column(String(36))
    account_id: Mapped[str] = mapped_column(String(36))
    transaction_id: Mapped[str] = mapped_column(String(32))
    number: Mapped[str | None] = mapped_column(String(NAME))
    series: Mapped[bool]  # whether the number came from the workspace's series
    lifecycle: Mapped[str] = mapped_column(String(16))
    completed: Mapped[bool]
    approval: Mapped[str] = mapped_column(String(16))
    customer_id: Mapped[str | int | None] = mapped_column(JSON(none_as_null=True))  # the client's own, as it wrote it
    client_name: Mapped[str | None] = mapped_column(String(NAME))
    client_email: Mapped[str | None] = mapped_column(String(NAME))
    client_address: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    issue_on: Mapped[date]
    due_on: Mapped[date | None]
    currency: Mapped[str] = mapped_column(String(3))
    subtotal_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    paid_minor: Mapped[int] = mapped_column(BigInteger)  # the sum of its payments, kept under the row's lock
    notes: Mapped[str | None] = mapped_column(String(NOTES))
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    service_on: Mapped[date | None]
    provider_name: Mapped[str | None] = mapped_column(String(NAME))
    requested_minor: Mapped[int | None] = mapped_column(BigInteger)  # null: nobody has asked for anything
    category_name: Mapped[str | None] = mapped_column(String(NAME))
    subcategory_name: Mapped[str | None] = mapped_column(String(NAME))
    payment_method: Mapped[str | None] = mapped_column(String(NAME))
    user_email: Mapped[str | None] = mapped_column(String(NAME))
    finance_approver_email: Mapped[str | None] = mapped_column(String(NAME))  # these three: of the latest approval
    approved_by_manager_email: Mapped[str | None] = mapped_column(String(NAME))
    comment: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    denied_before: Mapped[bool] = mapped_column(server_default=false())  # it was denied, and not approved since
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    delivery_state: Mapped[str | None] = mapped_column(String(16))  # these four: of the latest send
    delivery_message_id: Mapped[str | None] = mapped_column(String(NAME))
    delivery_to: Mapped[str | None] = mapped_column(String(NAME))
    delivery_error: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    project_id: Mapped[int | None] = mapped_column(Serial)  # of a row in `projects`
    po_number: Mapped[str | None] = mapped_column(String(NAME))  # the client's order
    fixed: Mapped[bool] = mapped_column(server_default=false())  # its amounts were given; what is on it adds nothing
    billed: Mapped[bool] = mapped_column(server_default=false())  # they are those of its time entries and expenses
    time_minor: Mapped[int] = mapped_column(BigInteger, server_default="0")  # what these add up to,
    expenses_minor: Mapped[int] = mapped_column(BigInteger, server_default="0")  # each kept under the row's lock
    created_by: Mapped[int | None]
    updated_by: Mapped[int | None]
    version: Mapped[int] = mapped_column(Counter)
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=now, onupdate=now)
    if TYPE_CHECKING:
        items: list["Item"]  # in their order; no column, and there only once a query or an action has put them there

    __table_args__ = (
        Index(None, "workspace_id", "uuid", unique=True),
        Index(None, "workspace_id", "transaction_id", unique=True),
        Index(None, "workspace_id", "number", unique=True),
        Index(None, "workspace_id", "created_at", "id"),
        Index(None, "workspace_id", "project_id"),
    )
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def amounts(self) -> Amounts:
        """The figures at its foot."""
        return Amounts(self.subtotal, self.tax, self.total)

    @property
    def subtotal(self) -> Money:
        """The sum of the items."""
        return Money(self.subtotal_minor, self.currency)

    @property
    def tax(self) -> Money:
        """The tax on it."""
        return Money(self.tax_minor, self.currency)

    @property
    def total(self) -> Money:
        """What the client is asked for."""
        return Money(self.total_minor, self.currency)

    @property
    def paid(self) -> Money:
        """What the client has paid."""
        return Money(self.paid_minor, self.currency)

    @property
    def due(self) -> Money:
        """What the client has still to pay."""
        return Money(self.total_minor - self.paid_minor, self.currency)

    @property
    def requested(self) -> Money:
        """What of the total is asked for."""
        return Money(self.requested_minor or 0, self.currency)

    @property
    def balance(self) -> Money:
        """What of the total is not asked for."""
        return self.total - self.requested

    @property
    def fixed_cost(self) -> Money | None:
        """The total, where that is not what its time entries and expenses add up to; or was said to be fixed."""
        carried = self.time_minor + self.expenses_minor
        return self.total if self.fixed or self.total_minor != carried else None

    @property
    def denied(self) -> bool:
        """Whether it was denied, and not approved since, though it may have been submitted anew."""
        return self.denied_before or self.approval == rules.DENIED

    @property
    def payment_status(self) -> str:
        """How much of it is paid, in words."""
        return rules.payment_status(self.lifecycle, self.paid, self.total)

    def etag(self, today: date) -> str:
        """Its version, as `If-Match` names it. The day matters: it turns a sent invoice into an overdue one."""
        late = self.shown(today) != self.lifecycle
        return f"{self.version}-overdue" if late else str(self.version)

    def shown(self, today: date) -> str:
        """The status a client sees on that day."""
        return rules.shown(self.lifecycle, self.due_on, self.due, today)


OF_APPROVALS = (
    *("description", "service_on", "provider_name", "requested_minor", "category_name", "subcategory_name"),
    *(
        "payment_method",
        "user_email",
        "finance_approver_email",
        "approved_by_manager_email",
        "comment",
        "denied_before",
    ),
)
"""Columns of an invoice that `approvals` alone shows."""

OF_PROJECTS = ("project_id", "po_number", "fixed", "time_minor", "expenses_minor")
"""Columns of an invoice that `projects` alone shows."""


class Item(Base):
    """A line of an invoice."""

    __tablename__ = "items"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(String(36))
    invoice_id: Mapped[int] = mapped_column(Serial)
    position: Mapped[int]
    description: Mapped[str] = mapped_column(String(DESCRIPTION))
    quantity: Mapped[int]
    price_micros: Mapped[int] = mapped_column(BigInteger)  # the unit price x 10**6, exactly
    amount_minor: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        refers("invoice_id", "invoices", ondelete="CASCADE"),
        Index(None, "workspace_id", "invoice_id", "position"),
    )

    @property
    def line(self) -> Line:
        """What is billed, without what it adds up to."""
        return Line(self.description, self.quantity, self.price_micros)

    def unit_price(self, currency: str) -> Decimal:
        """The exact price of one, with at least the decimals of the currency."""
        return priced(self.price_micros, currency)


class Payment(Numbered, Base):
    """Money that moved. It is never changed and never erased."""

    __tablename__ = "payments"
    uuid: Mapped[str] = mapped_column(String(36))
    invoice_id: Mapped[int] = mapped_column(Serial)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    paid_on: Mapped[date]
    method: Mapped[str | None] = mapped_column(String(NAME))
    reference: Mapped[str | None] = mapped_column(String(NAME))
    note: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    created_by: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)

    __table_args__ = (
        refers("invoice_id", "invoices"),
        Index(None, "workspace_id", "uuid", unique=True),
        Index(None, "workspace_id", "invoice_id"),
    )

    @property
    def amount(self) -> Money:
        """How much was paid."""
        return Money(self.amount_minor, self.currency)


class Series(Base):
    """The last number given in a workspace's year. Its row's lock is what leaves no gaps."""

    __tablename__ = "series"
    workspace_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Profile(Versioned, Base):
    """The settings of a workspace: who sends its invoices, how they are numbered, and who approves them."""

    __tablename__ = "settings"
    workspace_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    seller_name: Mapped[str | None] = mapped_column(String(NAME))
    seller_address: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    seller_tax_id: Mapped[str | None] = mapped_column(String(NAME))
    bank_details: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    number_format: Mapped[str] = mapped_column(String(64))
    relationship_manager_email: Mapped[str | None] = mapped_column(String(NAME))
    finance_approver_email: Mapped[str | None] = mapped_column(String(NAME))
    approval_policy: Mapped[str] = mapped_column(String(16), server_default="open")
    paper_size: Mapped[str] = mapped_column(String(8), server_default="a4")
    layout: Mapped[str] = mapped_column(String(16), server_default="classic")
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=now, onupdate=now)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def uuid(self) -> str:
        """What the history knows it by."""
        return self.workspace_id


class Logo(Base):
    """The seller's logo, as it stands on a workspace's invoices."""

    __tablename__ = "logos"
    workspace_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))  # its media type
    data: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[str] = mapped_column(String(64))

    @property
    def uuid(self) -> str:
        """What the history knows it by."""
        return self.workspace_id
