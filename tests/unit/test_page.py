"""Paging on a real database: every row once, in every order, whatever is inserted in between; no cursor is a fault."""

import base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from services.budgets.models import Budget
from services.budgets.queries import SORTS
from services.expenses import queries as expense_queries
from services.expenses.app import HISTORY as EXPENSE_HISTORY
from services.expenses.models import Expense
from shared import page as paging
from shared.db import Database, new_id, now
from shared.errors import Invalid
from shared.page import Page, keyset

DAY = datetime(2024, 4, 1, tzinfo=UTC)

BOTH_WAYS = [f"{turn}{name}" for name in SORTS for turn in ("", "-")]
EXPENSES_BOTH_WAYS = [f"{turn}{name}" for name in expense_queries.SORTS for turn in ("", "-")]


def rows(many: int) -> list[dict[str, Any]]:
    """Budgets with many ties and many nulls."""
    return [
        {
            "uuid": new_id(),
            "workspace_id": "w",
            "currency": "USD",
            "name": (None, "", "a", "A", "b", "\u00e9", "Z")[n % 7],
            "total_minor": (None, 0, 100, 5)[n % 4],
            "opening_minor": n % 3,
            "live_minor": n % 2,
            "status": "active",
            "enforcement": "hard",
            "enforce_period": False,
            "version": 1,
            "created_at": DAY + timedelta(microseconds=n % 5),
            "updated_at": DAY - timedelta(days=n % 4),
        }
        for n in range(many)
    ]


def expense_rows(many: int) -> list[dict[str, Any]]:
    """Expenses with many ties and many nulls."""
    return [
        {
            "id": n + 1,
            "uuid": new_id(),
            "workspace_id": "w",
            "currency": "USD",
            "description": (None, "", "a", "B")[n % 4],
            "category": (None, "x", "y")[n % 3],
            "amount_minor": n % 4,
            "spent_on": (None, date(2024, 4, 1), date.max, date(2023, 1, 1))[n % 4],
            "spend_version": 0,
            "billing_version": 0,
            "billable_version": 0,
            "version": 1,
            "created_at": DAY + timedelta(microseconds=n % 5),
            "updated_at": DAY - timedelta(days=n % 4),
        }
        for n in range(many)
    ]


@pytest.fixture
def expenses(fresh_database: Callable[[Path], str]) -> Iterator[Database]:
    made = Database(fresh_database(EXPENSE_HISTORY))
    yield made
    made.close()


def page(db: Database, sort: str, limit: int, cursor: str | None = None) -> Page[Budget]:
    with db.read() as session:
        return keyset(session, select(Budget), SORTS, Budget.id, sort=sort, limit=limit, cursor=cursor)


def walk(db: Database, sort: str, limit: int, meanwhile: Callable[[], object] = lambda: None) -> list[int]:
    seen: list[int] = []
    cursor: str | None = None
    while True:
        found = page(db, sort, limit, cursor)
        seen += [row.id for row in found.rows]
        cursor = found.next_cursor
        if cursor is None:
            return seen
        assert len(found.rows) == limit
        meanwhile()


@pytest.mark.parametrize("sort", BOTH_WAYS)
def test_every_sort_walks_every_row_once_in_the_order_of_one_page(db: Database, sort: str) -> None:
    with db.write() as session:
        session.execute(insert(Budget), rows(29))
    whole = walk(db, sort, 1000)
    assert sorted(whole) == list(range(1, 30))
    assert walk(db, sort, 1) == walk(db, sort, 4) == walk(db, sort, 29) == whole


def test_a_page_ends_at_its_bytes_and_the_next_goes_on(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.write() as session:
        session.execute(insert(Budget), [each | {"name": "é" * 100 * (n % 3)} for n, each in enumerate(rows(9))])
    whole = walk(db, "name", 1000)
    monkeypatch.setattr(paging, "BYTES", 2_000)
    seen, cursor, shown = [], None, []
    while True:
        found = page(db, "name", 1000, cursor)
        seen += [row.id for row in found.rows]
        shown.append(len(found.rows))
        cursor = found.next_cursor
        if cursor is None:
            break
    assert seen == whole
    assert 1 < len(shown) < 9


@pytest.mark.parametrize("sort", BOTH_WAYS)
def test_a_page_that_is_read_in_chunks_is_the_same(db: Database, monkeypatch: pytest.MonkeyPatch, sort: str) -> None:
    with db.write() as session:
        session.execute(insert(Budget), rows(29))
    whole = walk(db, sort, 29)
    monkeypatch.setattr(paging, "CHUNK", 4)
    assert walk(db, sort, 1000) == walk(db, sort, 29) == walk(db, sort, 10) == whole
    monkeypatch.setattr(paging, "BYTES", 10 * paging.FRAME + 1_000)
    seen, cursor = [], None
    while True:
        found = page(db, sort, 1000, cursor)
        seen += [row.id for row in found.rows]
        cursor = found.next_cursor
        if cursor is None:
            break
    assert seen == whole


@pytest.mark.parametrize("sort", EXPENSES_BOTH_WAYS)
def test_every_sort_of_expenses_walks_every_row_once(expenses: Database, sort: str) -> None:
    with expenses.write() as session:
        session.execute(insert(Expense), expense_rows(13))
    seen: list[int] = []
    cursor: str | None = None
    for _ in range(13):
        with expenses.read() as session:
            found = keyset(
                session, select(Expense), expense_queries.SORTS, Expense.id, sort=sort, limit=3, cursor=cursor
            )
        seen += [row.id for row in found.rows]
        cursor = found.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == list(range(1, 14))


@pytest.mark.parametrize("sort", BOTH_WAYS)
def test_rows_inserted_in_between_neither_skip_nor_repeat_one(db: Database, sort: str) -> None:
    with db.write() as session:
        session.execute(insert(Budget), rows(20))

    def insert_more() -> None:
        with db.write() as session:
            session.execute(insert(Budget), rows(3))

    old = [row_id for row_id in walk(db, sort, 1000) if row_id <= 20]
    seen = walk(db, sort, 7, lambda: insert_more() if len(walk(db, "created_at", 1000)) < 40 else None)
    assert [row_id for row_id in seen if row_id <= 20] == old
    assert len(seen) == len(set(seen))


def test_rows_deleted_in_between_skip_none_of_the_others(db: Database) -> None:
    with db.write() as session:
        session.execute(insert(Budget), rows(9))
    first = page(db, "created_at", 3)
    with db.write() as session:
        session.delete(session.get_one(Budget, first.rows[-1].id))
    rest = page(db, "created_at", 1000, first.next_cursor)
    assert len(rest.rows) == 6
    assert rest.next_cursor is None


def test_an_empty_list_is_one_page(db: Database) -> None:
    assert page(db, "-created_at", 10) == Page([], None)


def test_an_unknown_sort_is_refused(db: Database) -> None:
    names = "created_at, updated_at, name, total_amount, spent_amount"
    for sort in ("", "-", "--name", "id", "Name", "name,id", "name; DROP TABLE budgets", "__class__"):
        with pytest.raises(Invalid) as why:
            page(db, sort, 10)
        assert why.value.errors == {"sort": [f"Must be one of: {names}, with - in front to turn it round."]}


def sealed(*facts: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(facts)).decode().rstrip("=")


def refused(db: Database, cursor: str, sort: str = "-created_at") -> None:
    with pytest.raises(Invalid) as why:
        page(db, sort, 10, cursor)
    assert why.value.errors == {"cursor": ["Not a cursor of this list."]}


FORGED: list[tuple[str, list[Any]]] = [
    ("-created_at", []),
    ("-created_at", [1, 2]),
    ("-created_at", ["", 1]),
    ("-created_at", [None, 1]),
    ("-created_at", ["2024-04-01", 1]),
    ("-created_at", ["2024-04-01T00:00:00", 1]),
    ("-created_at", ["2024-04-01T00:00:00+00:00", "1"]),
    ("-created_at", ["2024-04-01T00:00:00+00:00", 1.0]),
    ("-created_at", ["2024-04-01T00:00:00+00:00", None]),
    ("-created_at", ["2024-04-01T00:00:00+00:00", True]),
    ("-created_at", ["2024-04-01T00:00:00+00:00", 2**63]),
    ("-created_at", ["2024-04-01T00:00:00+00:00", 2**64 - 1]),
    ("-created_at", ["0001-01-01T00:00:00+23:59", 1]),
    ("-created_at", ["9999-12-31T23:59:59-23:59", 1]),
    ("total_amount", ["1", 1]),
    ("total_amount", [1, 1]),
    ("total_amount", [True, 1]),
    ("total_amount", [2**63, 1]),
    ("total_amount", [None, 1]),
    ("name", [1, 1]),
    ("name", [None, 1]),
    ("name", ["a\0b", 1]),
    ("name", [["a"], 1]),
]


def test_a_forged_cursor_is_refused(db: Database) -> None:
    for sort, facts in FORGED:
        refused(db, sealed(f"budgets {sort}", *facts), sort)


def test_what_is_no_cursor_is_refused(db: Database) -> None:
    for cursor in ("", "x", "====", "\u00e9", "e30", "bnVsbA", "W10", "A" * 10_000, "-_-_"):
        refused(db, cursor)


def test_a_cursor_of_another_sort_or_another_list_is_refused(db: Database, expenses: Database) -> None:
    with db.write() as session:
        session.execute(insert(Budget), rows(3))
    with expenses.write() as session:
        session.execute(insert(Expense), expense_rows(3))
    mine = page(db, "-created_at", 1).next_cursor
    assert mine
    refused(db, mine, "created_at")
    refused(db, mine, "-updated_at")
    with expenses.read() as session:
        found = keyset(
            session, select(Expense), expense_queries.SORTS, Expense.id, sort="-created_at", limit=1, cursor=None
        )
    assert found.next_cursor
    refused(db, found.next_cursor)


values = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()


def test_no_cursor_does_worse_than_being_refused(db: Database) -> None:
    @given(st.sampled_from(BOTH_WAYS), values, values)
    @settings(deadline=None)
    def law(sort: str, value: Any, row_id: Any) -> None:
        with suppress(Invalid):
            page(db, sort, 10, sealed(f"budgets {sort}", value, row_id))

    law()


def test_a_cursor_brings_an_instant_back_to_the_microsecond(db: Database) -> None:
    instant = now()
    with db.write() as session:
        session.execute(insert(Budget), [row | {"created_at": instant} for row in rows(3)])
    assert walk(db, "-created_at", 1) == [3, 2, 1]
