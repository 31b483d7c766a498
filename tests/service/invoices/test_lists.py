"""Lists: every sort shows every row once, filters find what they say, and pages do not slip."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.invoices.queries import PAYMENT_SORTS, SORTS, billing
from shared import page as paging
from shared.history import SORTS as SORTS_OF_HISTORY
from tests.client import Client
from tests.service.invoices.steps import INVOICES, ITEMS, data, make, url, wrong


def pages(invoices: Client, path: str) -> Iterator[list[dict[str, Any]]]:
    """Every page from `path` on, by its links."""
    following: str | None = path
    while following:
        answer = invoices.get(following)
        assert answer.status_code == 200, answer.data
        yield answer.json["data"]
        link = answer.headers.get("Link")
        assert bool(link) == answer.json["has_more"] == bool(answer.json["next_cursor"])
        following = link and link.removeprefix("<").removesuffix('>; rel="next"')


def walked(invoices: Client, path: str) -> list[dict[str, Any]]:
    return [row for some in pages(invoices, path) for row in some]


def some(invoices: Client) -> list[dict[str, Any]]:
    """Invoices with much in common, and with much missing."""
    return [
        make(
            invoices,
            total=n % 3,
            currency=("USD", "JPY", "BHD")[n % 3],
            **({"client_name": f"c{n % 2}", "due_date": f"2099-01-0{1 + n % 2}"} if n % 3 else {}),
            **({"invoice_number": f"N{n}"} if n % 2 else {}),
            issue_date=f"2024-01-0{1 + n % 4}",
        )
        for n in range(9)
    ]


def test_every_sort_walks_all_rows_exactly_once_both_ways(invoices: Client) -> None:
    ids = sorted(made["id"] for made in some(invoices))
    for sort in SORTS:
        there, back = (
            [row["id"] for row in walked(invoices, f"{INVOICES}?limit=2&sort={sign}{sort}")] for sign in ("", "-")
        )
        assert sorted(there) == ids, sort
        assert back == there[::-1], sort


def test_rows_are_in_the_order_of_the_sort(invoices: Client) -> None:
    some(invoices)
    for sort, missing in (("issue_date", ""), ("due_date", "9999"), ("client_name", ""), ("invoice_number", "")):
        values = [row[sort] or missing for row in walked(invoices, f"{INVOICES}?sort={sort}")]
        assert values == sorted(values)
    totals = [row["total"] for row in walked(invoices, f"{INVOICES}?sort=-total&limit=4")]
    assert totals == sorted(totals, reverse=True)  # in major units, whatever the currency
    newest = [row["created_at"] for row in walked(invoices, INVOICES)]
    assert newest == sorted(newest, reverse=True)


def test_inserts_while_paging_neither_skip_nor_repeat(invoices: Client) -> None:
    before = [made["id"] for made in some(invoices)]
    for sort, seen_new in (("created_at", True), ("-created_at", False)):
        seen: list[str] = []
        for page in pages(invoices, f"{INVOICES}?limit=2&sort={sort}"):
            seen += [row["id"] for row in page]
            if len(seen) < 8:
                make(invoices)
        assert len(seen) == len(set(seen))
        assert set(before) <= set(seen)
        assert (len(seen) > len(before)) == seen_new
        before = [row["id"] for row in walked(invoices, INVOICES)]


def test_a_list_shows_what_a_single_read_shows(invoices: Client) -> None:
    for n in range(3):
        make(invoices, items=ITEMS[: n % 3], notes=str(n))
    for row in invoices.get(INVOICES).json["data"]:
        assert row == data(invoices.get(url(row)))


def test_filters_find_what_they_say(invoices: Client) -> None:
    a = make(invoices, client_name="Äcme 100%", client_email="Bill@A.example", total=10, issue_date="2024-01-01")
    b = make(invoices, invoice_number="N-1", total=10.01, due_date="2024-05-01", issue_date="2024-01-02", notes="äpfel")
    c = make(invoices, total=10, currency="JPY", status="cancelled", due_date="2024-06-01", issue_date="2024-01-03")
    d = make(invoices, total=10.001, currency="BHD", issue_date="2024-01-04")
    found = {
        "status=cancelled": [c],
        "status=draft": [a, b, d],
        "from=2024-01-02&to=2024-01-03": [b, c],
        "due_from=2024-05-02": [c],
        "due_to=2024-05-01": [b],
        "client_email=bill@a.EXAMPLE": [a],
        "client_email=bill@": [],
        "client_name=äCME": [a],
        "currency=JPY": [c],
        "invoice_number=N-1": [b],
        "min_amount=10.001": [b, d],
        "max_amount=10": [a, c],
        "min_amount=10&max_amount=10": [a, c],
        "min_amount=10.0001": [b, d],
        "max_amount=10.005": [a, c, d],
        "q=100%25": [a],
        "q=%25": [a],
        "q=n-": [b],
        "q=ÄPFEL": [b],
        "q=a.exam": [a],
        "q=_": [],
        "status=draft&currency=USD&q=n-1": [b],
    }
    for query, expected in found.items():
        rows = invoices.get(f"{INVOICES}?sort=issue_date&{query}").json["data"]
        assert [row["id"] for row in rows] == [each["id"] for each in expected], query


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "sort=notes",
        "sort=--total",
        "cursor=x",
        "cursor=W10",
        "status=open",
        "from=2024",
        "to=01.02.2024",
        "currency=usd",
        "min_amount=x",
        "max_amount=-1",
        "max_amount=1e5",
        "min_amount=1.00001",
        "min_amount=99999999999999999999",
        "colour=red",
        "q=%00",
    ],
)
def test_a_wrong_parameter_is_named(invoices: Client, query: str) -> None:
    wrong(invoices.get(f"{INVOICES}?{query}"), query.partition("=")[0])


def test_a_cursor_belongs_to_its_sort(invoices: Client) -> None:
    some(invoices)
    cursor = invoices.get(f"{INVOICES}?limit=1").json["next_cursor"]
    wrong(invoices.get(f"{INVOICES}?limit=1&sort=total&cursor={cursor}"), "cursor")


def test_payments_and_history_are_paged_alike(invoices: Client) -> None:
    made = make(invoices, status="sent", total=10)
    for n in range(5):
        data(invoices.post(url(made, "/payments"), json={"amount": 1 + n % 2, "date": f"2024-01-0{1 + n % 3}"}), 201)
    for tail, sorts, count in (("/payments", PAYMENT_SORTS, 5), ("/history", SORTS_OF_HISTORY, 6)):
        for sort in sorts:
            there, back = (
                [row["id"] for row in walked(invoices, url(made, f"{tail}?limit=2&sort={sign}{sort}"))]
                for sign in ("", "-")
            )
            assert len(set(there)) == count
            assert back == there[::-1]
        wrong(invoices.get(url(made, f"{tail}?q=x")), "q")


# Large pages


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "-total", "due_date"])
def test_a_page_ends_at_its_bytes_and_the_next_goes_on(
    invoices: Client, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    lines = [{"description": "x" * 1_000, "quantity": 1, "unit_price": 1}]
    for number in range(12):
        make(invoices, items=lines * (number % 4))
    path = f"{INVOICES}?sort={sort}&limit=100"
    (whole,) = pages(invoices, path)
    assert len(whole) == 12
    monkeypatch.setattr(paging, "BYTES", 8_000)
    assert walked(invoices, path) == whole
    assert 1 < max(map(len, pages(invoices, path))) < 12
    monkeypatch.setattr(paging, "BYTES", 1)
    assert list(pages(invoices, path)) == [[each] for each in whole]


def test_a_page_of_many_lines_reads_some_of_them_at_a_time(invoices: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        make(invoices, items=ITEMS * number)
    path = f"{INVOICES}?limit=100"
    (whole,) = pages(invoices, path)
    monkeypatch.setattr(billing, "LINES", 10)
    assert walked(invoices, path) == whole
    assert len(list(pages(invoices, path))) > 1


def test_a_history_of_large_changes_ends_its_page_too(invoices: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(invoices, items=ITEMS)
    for number in range(5):
        data(invoices.put(url(made), json={"items": ITEMS * 20, "notes": f"{number}" * 5_000}))
    path = url(made, "/history?limit=100")
    (whole,) = pages(invoices, path)
    monkeypatch.setattr(paging, "BYTES", 20_000)
    assert walked(invoices, path) == whole
    assert len(list(pages(invoices, path))) > 1
