"""What time costs, and what it adds up to, in every dialect: over random minutes, rates, expenses and currencies."""

from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import uuid4

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.client import Client
from tests.service.invoices.dialects import agree, cost, faces
from tests.service.invoices.operations import things
from tests.service.invoices.projects import Books

ZERO = {"USD": Decimal("0.00"), "JPY": Decimal("0"), "BHD": Decimal("0.000")}
"""Nothing, with the decimals that each currency has."""

lines = st.lists(st.tuples(st.integers(1, 10_000), st.booleans()), min_size=1, max_size=4)
rates = st.integers(0, 1000 * 10**6).map(lambda micros: Decimal(micros).scaleb(-6))
spent = st.lists(st.integers(0, 10**7), max_size=3)


def test_each_line_is_rounded_half_up_from_its_minutes_and_what_is_shown_adds_up(invoices: Client) -> None:
    @settings(max_examples=20, deadline=None)
    @given(st.sampled_from(sorted(ZERO)), rates, lines, spent)
    @example("USD", Decimal("50"), [(140, True), (20, True)], [20000, 2500])
    @example("USD", Decimal("0.3"), [(1, True)], [])  # half a cent
    @example("JPY", Decimal("29.999999"), [(1, True)], [])  # a little less than half a yen
    def law(currency: str, rate: Decimal, logged: list[tuple[int, bool]], minor: list[int]) -> None:
        own = str(uuid4())
        client = invoices.seen_by(workspace_id=own, account_id=own, accounts=(own,), currency=currency)
        books, zero = Books(client, rate=f"{rate:f}"), ZERO[currency]
        invoice = books.invoice()
        entries = [books.time(minutes, isbillable=str(int(billable))) for minutes, billable in logged]
        amounts = [Decimal(each).scaleb(int(zero.as_tuple().exponent)) for each in minor]
        for number, amount in enumerate(amounts, start=1):
            books.expense(number, f"{amount:f}", currency=currency)
        everything: dict[str, Any] = {"timelogs": entries, "expenses": [*range(1, len(amounts) + 1)]}
        assert books.bill(invoice, add=everything).status_code == 200
        shown = faces(client, things(client))
        agree(shown)
        costs = {number: cost(minutes, rate, zero) for number, (minutes, _) in zip(entries, logged, strict=True)}
        assert {int(line["id"]): Fraction(line["cost"]) for line in shown.projects["line-items"]} == costs
        time = sum(costs[number] for number, (_, billable) in zip(entries, logged, strict=True) if billable)
        assert Fraction(shown.finance["total"]) == time + sum(map(Fraction, amounts))
        assert books.bill(invoice, remove=everything).status_code == 200
        bare = faces(client, things(client))
        agree(bare)
        assert [bare.projects[name] for name in ("total-cost", "time-cost", "expenses-cost")] == [str(zero)] * 3
        assert (bare.projects["fixed-cost"], bare.projects["total-time-decimal"]) == ("", "0.00")

    law()
