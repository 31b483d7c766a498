"""The rules of expenses: what an invoice can say no to, and what an expense is called."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.expenses.rules import Billable, Lock, lock, title
from shared.money import Money

TYRES = Billable(14, 1149, "4 New Tyres", None, date(2015, 6, 17), Money(20000), 414)
OUTSIDE = replace(TYRES, project_id=None)


@pytest.mark.parametrize("billed", [True, False])
def test_an_expense_in_no_project_is_nobodys_business(billed: bool) -> None:
    assert lock(OUTSIDE, replace(OUTSIDE, amount=Money(1)), billed=billed) is None


def test_a_change_that_no_invoice_shows_is_asked_for_only_on_an_invoice() -> None:
    assert lock(TYRES, TYRES, billed=False) is None
    assert lock(TYRES, TYRES, billed=True) == Lock(TYRES, shown=False)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Tyres"},
        {"description": "from Kent"},
        {"spent_on": None},
        {"amount": Money(20001)},
        {"amount": Money(20000, "EUR")},
    ],
)
def test_a_change_is_asked_for_as_the_expense_is_before_it_but_for_its_amount(
    change: dict[str, Any],
) -> None:
    asked = replace(TYRES, amount=change.get("amount", TYRES.amount))
    assert lock(TYRES, replace(TYRES, **change), billed=False) == Lock(asked, shown=True)


def test_a_move_is_asked_for_in_the_project_where_it_will_be() -> None:
    moved = replace(TYRES, project_id=1150)
    assert lock(TYRES, replace(moved, name="Tyres"), billed=False) == Lock(moved, shown=True)


def test_what_joins_a_project_is_asked_for_there() -> None:
    assert lock(OUTSIDE, TYRES, billed=False) == Lock(TYRES, shown=True)


def test_what_leaves_its_project_is_asked_for_in_none() -> None:
    assert lock(TYRES, OUTSIDE, billed=False) == Lock(OUTSIDE, shown=True)


@pytest.mark.parametrize("billed", [True, False])
def test_what_is_deleted_is_asked_for_over_nothing(billed: bool) -> None:
    assert lock(TYRES, None, billed=billed) == Lock(replace(TYRES, amount=Money(0)), shown=True)
    assert lock(OUTSIDE, None, billed=billed) is None


@pytest.mark.parametrize(
    ("name", "description", "shown"),
    [
        ("Paint", "Red", "Paint"),
        (None, None, None),
        (None, "Red\nand blue", "Red"),
        (None, "\n Red \n", "Red"),
        (None, " \n ", None),
        (None, "x" * 300, "x" * 255),
    ],
)
def test_without_a_name_an_expense_is_called_by_the_first_line_of_its_description(
    name: str | None, description: str | None, shown: str | None
) -> None:
    assert title(name, description) == shown
