"""The table of the expense service."""

from datetime import date, datetime

from sqlalchemy import JSON, BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from services.expenses import rules
from services.expenses.rules import Billable, Report, Spend
from shared.audit import UNTOLD
from shared.db import Base, Counter, Instant, Numbered, now
from shared.lengths import DESCRIPTION, NAME
from shared.money import Money
from shared.versions import Versioned


class Expense(Versioned, Numbered, Base):
    """Money that was spent, on a budget or on none, in a project or in none, with a receipt or without."""

    __tablename__ = "expenses"
    uuid: Mapped[str] = mapped_column(String(36))
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    category: Mapped[str | None] = mapped_column(String(NAME))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    spent_on: Mapped[date | None]
    budget_id: Mapped[str | None] = mapped_column(String(36))  # the budget's public id: it lives in another database
    spend_version: Mapped[int] = mapped_column(BigInteger)  # the newest version given to a message, used or not
    name: Mapped[str | None] = mapped_column(String(NAME))
    project_id: Mapped[int | None] = mapped_column(BigInteger)  # these two are ids in the invoice service
    invoice_id: Mapped[int | None] = mapped_column(BigInteger)  # a copy: which invoice it is on is decided there
    invoice_account_id: Mapped[str | None] = mapped_column(String(36))  # that invoice's; null where we were not told
    billing_version: Mapped[int] = mapped_column(BigInteger)  # of the newest message about these two
    billable_version: Mapped[int] = mapped_column(BigInteger)  # as `spend_version`, of messages to the invoice service
    receipt_url: Mapped[str | None] = mapped_column(String(DESCRIPTION))  # the caller's; ours is made from the object
    receipt_key: Mapped[str | None] = mapped_column(String(128))  # the name of the uploaded file's object
    receipt_type: Mapped[str | None] = mapped_column(String(64))
    receipt_digest: Mapped[str | None] = mapped_column(String(64))
    created_by: Mapped[int | None]  # the member whose key made it
    writers: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True), info=UNTOLD)  # others, of the amount
    version: Mapped[int] = mapped_column(Counter)
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=now)

    __table_args__ = (
        Index(None, "workspace_id", "uuid", unique=True),
        Index(None, "workspace_id", "created_at", "id"),
        Index(None, "workspace_id", "budget_id"),
        Index(None, "workspace_id", "project_id"),
        Index(None, "receipt_key"),
    )

    def touch(self) -> None:
        """A client sees another expense now. (A new version given to a message alone shows nothing new.)"""
        self.version += 1
        self.updated_at = now()

    @property
    def amount(self) -> Money:
        """What was spent."""
        return Money(self.amount_minor, self.currency)

    @property
    def spend(self) -> Spend:
        """What a budget must know of it."""
        return Spend(self.budget_id, self.amount, self.spent_on)

    @property
    def title(self) -> str | None:
        """What it is called where an expense has a name."""
        return rules.title(self.name, self.description)

    @property
    def about(self) -> str | None:
        """What describes it where an expense has no name."""
        return self.name if self.description is None else self.description

    @property
    def billable(self) -> Billable:
        """What an invoice must know of it."""
        return Billable(
            self.id, self.project_id, self.title, self.description, self.spent_on, self.amount, self.created_by
        )

    @property
    def report(self) -> Report:
        """What other services know of it."""
        return Report(self.spend, self.billable)
