"""Plain rows: they read as their table's objects do, and nobody watches them."""

from datetime import UTC, datetime

import pytest

from services.budgets.models import Budget
from shared.money import Money
from shared.rows import Rows

BUDGETS = Rows(Budget)


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


def test_a_new_row_takes_no_name_that_is_not_a_column() -> None:
    with pytest.raises(TypeError, match="colour"):
        BUDGETS.new(colour="red")


def test_a_copy_says_the_same_and_leaves_the_row_as_it_is() -> None:
    row = BUDGETS.new(uuid="b", currency="USD", opening_minor=0, live_minor=5)
    copy = BUDGETS.copy(row)
    copy.live_minor = 7
    assert (copy.uuid, copy.spent, row.spent) == ("b", Money(7), Money(5))
