"""The tables of the budget service: a budget, and what each expense has booked on it."""

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from shared.db import Base, Counter, Instant, Serial, now
from shared.lengths import NAME
from shared.money import Money
from shared.versions import Versioned


class Budget(Versioned, Base):
    """Money set aside. What is spent is the opening figure and the live expenses booked on it."""

    __tablename__ = "budgets"
    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36))
    workspace_id: Mapped[str] = mapped_column(String(36))
    name: Mapped[str | None] = mapped_column(String(NAME))
    start_on: Mapped[date | None]
    end_on: Mapped[date | None]
    currency: Mapped[str] = mapped_column(String(3))
    total_minor: Mapped[int | None] = mapped_column(BigInteger)  # none: no cap
    opening_minor: Mapped[int] = mapped_column(BigInteger)
    live_minor: Mapped[int] = mapped_column(BigInteger)  # the sum of its spends, kept under the row's lock
    status: Mapped[str] = mapped_column(String(16))
    enforcement: Mapped[str] = mapped_column(String(8))
    enforce_period: Mapped[bool]
    version: Mapped[int] = mapped_column(Counter)
    created_at: Mapped[datetime] = mapped_column(Instant, default=now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=now, onupdate=now)

    __table_args__ = (
        Index(None, "workspace_id", "uuid", unique=True),
        Index(None, "workspace_id", "created_at", "id"),
        {"sqlite_autoincrement": True},
    )
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def total(self) -> Money | None:
        """The cap; None when there is none."""
        return None if self.total_minor is None else Money(self.total_minor, self.currency)

    @property
    def spent(self) -> Money:
        """The opening figure and the live expenses."""
        return Money(self.opening_minor + self.live_minor, self.currency)

    @property
    def remaining(self) -> Money | None:
        """What is left of the cap; below zero when a soft budget is overspent."""
        return None if self.total is None else self.total - self.spent


class Spend(Base):
    """The newest state heard of an expense. A tombstone, on no budget, stays, so that a late message changes nothing.

    While an expense moves, it is *held* on the budget it leaves until the move is certain.
    """

    __tablename__ = "spends"
    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(String(36))
    expense_id: Mapped[str] = mapped_column(String(36))
    version: Mapped[int] = mapped_column(BigInteger)
    budget_id: Mapped[int | None] = mapped_column(ForeignKey("budgets.id", ondelete="SET NULL"), index=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    held_budget_id: Mapped[int | None] = mapped_column(ForeignKey("budgets.id", ondelete="SET NULL"), index=True)
    held_minor: Mapped[int] = mapped_column(BigInteger)  # in the currency of the budget it is held on
    currency: Mapped[str] = mapped_column(String(3))
    spent_on: Mapped[date | None]
    updated_at: Mapped[datetime] = mapped_column(Instant, default=now, onupdate=now)

    __table_args__ = (
        Index(None, "workspace_id", "expense_id", unique=True),
        {"sqlite_autoincrement": True},
    )

    @property
    def amount(self) -> Money:
        """What the expense amounts to."""
        return Money(self.amount_minor, self.currency)
