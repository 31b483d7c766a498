"""Plain rows: they read as their table's objects do, and nobody watches them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.budgets.models import Budget
from shared.money import Money
from shared.rows import Rows

BUDGETS = Rows(Budget)
MIXED = datetime(2024, 5, 1, tzinfo=UTC)


class Others(DeclarativeBase):
    """Tables that no database of ours has."""


class Colour(Others):
    """A table whose columns have defaults."""

    __tablename__ = "colours"
    id: Mapped[int] = mapped_column(primary_key=True)
    shade: Mapped[str | None] = mapped_column(default="light")
    mixed_at: Mapped[datetime | None] = mapped_column(default=lambda: MIXED)


def test_a_row_that_was_found_has_its_columns_and_what_the_class_makes_of_them() -> None:
    facts = dict.fromkeys(column.key for column in BUDGETS.columns) | {
        "uuid": "b",
        "currency": "USD",
        "total_minor": 10000,
        "opening_minor": 1000,
        "live_minor": 2550,
    }
    found = BUDGETS.of([*facts.values(), "what the query asked besides"])
    assert (found.uuid, found.name, found.spent, found.remaining) == ("b", None, Money(3550), Money(6450))


def test_a_row_that_was_found_cannot_be_written() -> None:
    found = BUDGETS.of([None] * len(BUDGETS.columns))
    with pytest.raises(AttributeError):
        found.name = "Q1"


def test_a_row_has_no_column_that_it_is_made_without() -> None:
    short = Rows(Budget, without=("name",))
    found = short.of([None] * len(short.columns))
    assert len(short.columns) == len(BUDGETS.columns) - 1
    assert not hasattr(found, "name")


def test_a_new_row_is_null_where_it_is_not_told() -> None:
    at = datetime(2024, 4, 1, tzinfo=UTC)
    made = BUDGETS.new(uuid="b", currency="USD", opening_minor=0, live_minor=5, created_at=at)
    assert (made.name, made.total_minor, made.spent, made.created_at) == (None, None, Money(5), at)


def test_a_new_row_has_the_default_of_a_column_that_it_is_not_told() -> None:
    colours = Rows(Colour)
    made, named, copied = colours.new(), colours.new(shade="dark", mixed_at=None), colours.copy(colours.new(shade=None))
    assert (made.id, made.shade, made.mixed_at) == (None, "light", MIXED)
    assert (named.shade, named.mixed_at, copied.shade) == ("dark", None, None)


def test_a_new_row_takes_no_name_that_is_not_a_column() -> None:
    with pytest.raises(TypeError, match="colour"):
        BUDGETS.new(colour="red")


def test_a_copy_says_the_same_and_leaves_the_row_as_it_is() -> None:
    row = BUDGETS.new(uuid="b", currency="USD", opening_minor=0, live_minor=5)
    copy = BUDGETS.copy(row)
    copy.live_minor = 7
    assert (copy.uuid, copy.spent, row.spent) == ("b", Money(7), Money(5))
