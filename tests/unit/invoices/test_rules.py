"""The rules of an invoice, as laws."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.invoices import rules
from services.invoices.rules import Amounts, Line, priced
from shared.currencies import EXPONENT
from shared.errors import Forbidden, Invalid, Refused
from shared.money import Money

DAY = date(2026, 5, 1)
DECISIONS = (rules.approved, rules.finance_approved)
minors = st.integers(0, 10**12)
currencies = st.sampled_from(["USD", "JPY", "BHD", "CLF"])
lines = st.builds(Line, st.just("work"), st.integers(1, 1_000), st.integers(1, 10**11))


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@given(lines, currencies)
def test_a_line_is_quantity_times_price_rounded_half_up(line: Line, currency: str) -> None:
    exact = Decimal(line.quantity) * Decimal(line.price_micros) / 10**6
    smallest = Decimal(1).scaleb(-EXPONENT[currency])
    assert line.amount(currency).amount == exact.quantize(smallest, ROUND_HALF_UP)


@given(st.lists(lines, max_size=20), minors, currencies)
def test_the_total_is_the_sum_of_the_lines_and_the_tax(written: list[Line], tax: int, currency: str) -> None:
    summed = rules.summed(written, currency)
    got = rules.totals(currency, summed, tax=Money(tax, currency))
    assert got.subtotal.minor == sum(line.amount(currency).minor for line in written)
    assert got.total.minor == got.subtotal.minor + tax
    assert rules.totals(currency, summed, subtotal=got.subtotal, tax=got.tax, total=got.total) == got


@given(st.one_of(st.none(), minors), st.one_of(st.none(), minors), st.one_of(st.none(), minors))
def test_figures_without_items_add_up_or_are_refused(subtotal: int | None, tax: int | None, total: int | None) -> None:
    named = {
        name: usd(minor)
        for name, minor in (("subtotal", subtotal), ("tax", tax), ("total", total))
        if minor is not None
    }
    possible = (
        total is None
        or (subtotal is not None and tax is not None and subtotal + tax == total)
        or (None in (subtotal, tax) and total >= (subtotal or 0) + (tax or 0))
    )
    if not possible:
        with pytest.raises(Refused):
            rules.totals("USD", **named)
        return
    got = rules.totals("USD", **named)
    assert got.subtotal + got.tax == got.total
    assert {name: getattr(got, name) for name in named} == named


@given(st.lists(lines, min_size=1, max_size=5), minors)
def test_a_wrong_figure_is_refused_with_the_right_one(written: list[Line], other: int) -> None:
    right = rules.summed(written, "USD")
    assert right is not None
    if other != right.minor:
        with pytest.raises(Refused, match=f"subtotal must be {right}, the sum of the items"):
            rules.totals("USD", right, subtotal=usd(other))
        with pytest.raises(Refused, match=f"total must be {right}, the subtotal and the tax"):
            rules.totals("USD", right, tax=usd(0), total=usd(other))


@pytest.mark.parametrize(
    ("named", "lines_", "expected"),
    [
        ({"tax": 10}, None, (100, 10, 110)),
        ({"subtotal": 50}, None, (50, 20, 70)),
        ({"total": 50}, None, (30, 20, 50)),
        ({"subtotal": 50, "total": 55}, None, (50, 5, 55)),
        ({"tax": 5, "total": 55}, None, (50, 5, 55)),
        ({}, 70, (70, 20, 90)),
        ({"tax": 5}, 70, (70, 5, 75)),
    ],
)
def test_a_change_of_some_figures_keeps_what_it_can(
    named: dict[str, int], lines_: int | None, expected: tuple[int, int, int]
) -> None:
    old = Amounts(usd(100), usd(20), usd(120))
    written = {name: usd(minor) for name, minor in named.items()}
    summed = None if lines_ is None else usd(lines_)
    got = rules.amended(old, written, summed, relined=lines_ is not None)
    assert (got.subtotal.minor, got.tax.minor, got.total.minor) == expected


def test_removing_all_items_leaves_the_tax() -> None:
    old = Amounts(usd(100), usd(20), usd(120))
    assert rules.amended(old, {}, None, relined=True) == Amounts(usd(0), usd(20), usd(20))


def test_a_total_too_large_to_keep_is_invalid() -> None:
    with pytest.raises(Invalid):
        rules.totals("USD", subtotal=usd(10**15 - 1), tax=usd(1))
    with pytest.raises(Invalid):
        rules.summed([Line("much", 1_000_000, 10**15 - 1)], "USD")
    with pytest.raises(Invalid):
        rules.summed([Line("much", 1_000, 10**15 - 1)] * 11, "USD")


@given(st.lists(st.sampled_from(rules.STATUSES), max_size=6))
def test_a_life_only_goes_forward(writes: list[str]) -> None:
    path = [rules.DRAFT]
    for write in writes:
        try:
            path.append(rules.move(path[-1], write))
        except Refused:
            assert path[-1] in (rules.PAID, rules.CANCELLED) or write == rules.DRAFT
    for before, after in pairwise(path):
        assert after == before or (before not in (rules.PAID, rules.CANCELLED) and after != rules.DRAFT)


@given(st.sampled_from(rules.STATUSES), st.one_of(st.none(), st.integers(-3, 3)), st.integers(0, 2))
def test_only_sent_late_and_owed_is_called_overdue(status: str, days: int | None, due: int) -> None:
    due_on = None if days is None else DAY + timedelta(days)
    late = status == rules.SENT and days is not None and days < 0 and due > 0
    assert rules.shown(status, due_on, usd(due), DAY) == (rules.OVERDUE if late else status)


@pytest.mark.parametrize(
    ("approval", "decide", "yes", "outcome"),
    [
        ("pending", rules.approved, True, "in progress"),
        ("pending", rules.approved, False, "denied"),
        ("pending", rules.finance_approved, False, "denied"),
        ("in progress", rules.finance_approved, True, "approved"),
        ("in progress", rules.finance_approved, False, "denied"),
    ],
)
def test_an_approval_takes_two_steps(approval: str, decide: Callable[..., str], yes: bool, outcome: str) -> None:
    assert decide(approval, yes=yes) == outcome


@pytest.mark.parametrize(
    ("approval", "decide", "yes"),
    [("pending", rules.finance_approved, True)]
    + [("in progress", rules.approved, yes) for yes in (True, False)]
    + [(end, decide, yes) for end in ("approved", "denied") for decide in DECISIONS for yes in (True, False)],
)
def test_any_other_decision_is_refused(approval: str, decide: Callable[..., str], yes: bool) -> None:
    with pytest.raises(Refused, match=approval):
        decide(approval, yes=yes)


def test_who_may_decide_and_delete() -> None:
    rules.check_manager("a@b.example", None)
    rules.check_manager("A@b.example", "a@B.example")
    one, other = rules.Hand(7, "key-1"), rules.Hand(8, "key-2")
    rules.check_apart([one], other)
    rules.check_own("a@b.example", "A@B.example")
    rules.check_unpaid("unpaid")
    for forbidden in (
        lambda: rules.check_manager("a@b.example", "b@b.example"),
        lambda: rules.check_apart([other, one], rules.Hand(7, "key-3")),
        lambda: rules.check_own("a@b.example", "b@b.example"),
        lambda: rules.check_own(None, "a@b.example"),
    ):
        with pytest.raises(Forbidden):
            forbidden()
    for status in ("partially paid", "paid"):
        with pytest.raises(Refused, match=status):
            rules.check_unpaid(status)


def test_no_more_is_asked_for_than_the_total() -> None:
    for asked in (0, 9, 10):
        rules.check_requested(usd(asked), usd(10))
    with pytest.raises(Refused, match="at most"):
        rules.check_requested(usd(11), usd(10))


def test_hands_are_one_persons_by_member_or_by_key() -> None:
    one, other = rules.Hand(7, "a"), rules.Hand(7, "b")
    nobody, stranger = rules.Hand(None, "c"), rules.Hand(None, "d")
    assert one.is_of(other)
    assert nobody.is_of(nobody)
    assert not nobody.is_of(stranger)
    assert not one.is_of(rules.Hand(8, "e"))


def test_what_is_paid_has_three_names() -> None:
    told = [rules.payment_status("sent", usd(paid), usd(10)) for paid in (0, 1, 10)]
    assert told == ["unpaid", "partially paid", "paid"]
    assert [rules.payment_status(status, usd(0), usd(0)) for status in ("sent", "paid")] == ["unpaid", "paid"]


@pytest.mark.parametrize(
    ("number_format", "printed"),
    [
        (rules.NUMBER_FORMAT, "INV-2026-0007"),
        ("{number}", "7"),
        ("R{number:06d}/{year}", "R000007/2026"),
        ("{year}{year}-{number:02d}", "20262026-07"),
    ],
)
def test_a_number_is_printed_as_its_format_says(number_format: str, printed: str) -> None:
    rules.check_format(number_format)
    assert rules.numbered(number_format, 2026, 7) == printed


@pytest.mark.parametrize(
    "number_format",
    [
        "",
        "INV",
        "{year}",
        "{number.__class__}",
        "{number!r}",
        "{number:99999999d}",
        "{number:4d}",
        "{0}",
        "{number}{number}",
        "{number",
        "{{number}}",
        "{number}}",
        "{number}\n",
    ],
)
def test_a_format_that_says_anything_else_is_invalid(number_format: str) -> None:
    with pytest.raises(Invalid):
        rules.check_format(number_format)


def test_each_year_has_its_series_where_the_number_tells_the_year() -> None:
    assert rules.series_year("{year}-{number}", 2026) == 2026
    assert rules.series_year("{number}", 2026) == 0


@pytest.mark.parametrize(
    ("micros", "currency", "text"),
    [
        (100_000_000, "USD", "100.00"),
        (1, "USD", "0.000001"),
        (1_500_000, "JPY", "1.5"),
        (2_000_000, "JPY", "2"),
        (2_000_000, "BHD", "2.000"),
        (12_345_600, "USD", "12.3456"),
    ],
)
def test_a_price_keeps_its_decimals_and_has_at_least_its_currencys(micros: int, currency: str, text: str) -> None:
    assert f"{priced(micros, currency):f}" == text


@given(st.integers(1, 10**15), currencies)
def test_a_price_is_exact(micros: int, currency: str) -> None:
    assert priced(micros, currency) * 10**6 == micros
