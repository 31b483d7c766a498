"""The table of the expense service."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from services.expenses.rules import Spend
from shared.db import Base, Instant, Serial, now
from shared.lengths import DESCRIPTION, NAME
from shared.money import Money


class Expense(Base):
    """Money that was spent, on a budget or on none, with a receipt or without."""

    __tablename__ = "expenses"
    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36))
    workspace_id: Mapped[str] = mapped_column(String(36))
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION))
    category: Mapped[str | None] = mapped_column(String(NAME))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    spent_on: Mapped[date | None]
    budget_id: Mapped[str | None] = mapped_column(String(36))  # the budget's public id: it lives in another database
    spend_version: Mapped[int] = mapped_column(BigInteger)  # the newest version given to a message, used or not
    receipt_url: Mapped[str | None] = mapped_column(String(DESCRIPTION))  # the caller's; ours is made from the object
    receipt_key: Mapped[str | None] = mapped_column(String(128))  # the name of the uploaded file's object
    receipt_type: Mapped[str | None] = mapped_column(String(64))
    receipt_digest: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=now)

    __table_args__ = (
        Index(None, "workspace_id", "uuid", unique=True),
        Index(None, "workspace_id", "created_at", "id"),
        Index(None, "workspace_id", "budget_id"),
        Index(None, "receipt_key"),
        {"sqlite_autoincrement": True},
    )

    def touch(self) -> None:
        """A client sees another expense now. (A new `spend_version` alone shows nothing new.)"""
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
