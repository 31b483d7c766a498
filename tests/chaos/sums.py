"""What must add up: budgets, payments, invoices of time and expenses, numbers, mail and files."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from tests.chaos.observe import Seen
from tests.chaos.record import Ledger

Rule = Callable[[Ledger, Seen], Iterator[str]]

SERIES = re.compile(r"INV-(\d{4})-(\d{4,})")


def _budgets(ledger: Ledger, seen: Seen) -> Iterator[str]:
    """What is spent is the opening figure and the expenses; what is listed are those; and never more than there is."""
    on: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in seen.expenses:
        if row["budget_id"]:
            on[row["budget_id"]][row["id"]] = row["amount"]
    for row in seen.budgets:
        spent, listed = row["spent_amount"], {each["expense_id"]: each["amount"] for each in seen.spends[row["id"]]}
        expected = {opening + sum(on[row["id"]].values()) for opening in _openings(ledger, row["name"])}
        if spent not in expected:
            ways = " or ".join(map(str, expected))
            yield f"budget {row['name']} ({row['id']}) shows {spent} {row['currency']}; its expenses make {ways}"
        if listed != on[row["id"]]:
            yield f"budget {row['name']} lists {listed}; its expenses are {on[row['id']]}"
        if row["remaining_amount"] != row["total_amount"] - spent:
            yield f"budget {row['name']}: {row['total_amount']} - {spent} is not {row['remaining_amount']}"


def _overdrawn(_ledger: Ledger, seen: Seen) -> Iterator[str]:
    for row in seen.budgets:
        if row["enforcement"] == "hard" and row["spent_amount"] > row["total_amount"]:
            yield f"budget {row['name']}: {row['spent_amount']} of {row['total_amount']} {row['currency']}"


def _payments(_ledger: Ledger, seen: Seen) -> Iterator[str]:
    for invoice in seen.invoices:
        if row := invoice.faces.get("finance"):
            paid = sum((each["amount"] for each in invoice.payments), Decimal(0))
            if paid != row["amount_paid"] or row["amount_due"] != row["total"] - paid or paid > row["total"]:
                figures = {name: row[name] for name in ("total", "amount_paid", "amount_due")}
                yield f"invoice {row['id']}: {figures}, payments of {paid}"


def _carried(ledger: Ledger, seen: Seen) -> Iterator[str]:
    """An invoice of `projects` is over what is on it."""
    lines: Counter[int] = Counter()
    for row in seen.entries:
        if row["invoice-id"]:
            lines[int(row["invoice-id"])] += int(row["hours"]) * 60 + int(row["minutes"])
    for row in seen.project_expenses:
        if row["invoice-id"]:
            lines[int(row["invoice-id"])] += Decimal(row["cost"])  # type: ignore[assignment]
    for invoice in seen.invoices:
        row = invoice.faces.get("projects", {})
        if row.get("project-id") and Decimal(row["total-cost"]) != lines[int(row["id"])]:
            yield f"invoice {row['id']} is over {row['total-cost']}; what is on it makes {lines[int(row['id'])]}"


def _numbers(_ledger: Ledger, seen: Seen) -> Iterator[str]:
    given = [number for each in seen.invoices if (number := each.faces.get("finance", {}).get("invoice_number"))]
    yield from (f"{number} is given {times} times" for number, times in Counter(given).items() if times > 1)
    years: dict[str, set[int]] = defaultdict(set)
    for number in given:
        if told := SERIES.fullmatch(number):
            years[told[1]].add(int(told[2]))
    for year, numbers in years.items():
        if gaps := set(range(1, max(numbers) + 1)) - numbers:
            yield f"of {year} these are missing: {sorted(gaps)}"


def _letters(ledger: Ledger, seen: Seen) -> Iterator[str]:
    """One message for each accepted send, however often it was delivered."""
    arrived: dict[str, set[str]] = defaultdict(set)
    for message_id, address in seen.letters:
        arrived[address].add(message_id)
    for address, letters in ledger.letters.items():
        count = len(arrived[address])
        if not letters.sure <= count <= letters.sure + letters.perhaps:
            perhaps = f" to {letters.sure + letters.perhaps}" if letters.perhaps else ""
            yield f"{count} messages to {address}, where {letters.sure}{perhaps} were sent"
        if lost := letters.message_ids - arrived[address]:
            yield f"to {address} never arrived: {sorted(lost)}"


def _strays(_ledger: Ledger, seen: Seen) -> Iterator[str]:
    for file in sorted(seen.files - seen.named_files):
        yield f"{file} belongs to no expense"
    for file in sorted(seen.named_files - seen.files):
        yield f"{file} is gone"


def _deliveries(_ledger: Ledger, seen: Seen) -> Iterator[str]:
    for invoice in seen.invoices:
        delivery = invoice.faces.get("finance", {}).get("delivery")
        if delivery and delivery["status"] != "delivered":
            yield f"invoice {invoice.faces['finance']['id']}: {delivery}"


def _openings(ledger: Ledger, name: str) -> set[Decimal]:
    """What a budget may have been opened with; more than one figure after a doubt."""
    thing = ledger.things.get(name.split()[0])
    if thing is None:
        return {Decimal(0)}
    ways = thing.doubt.ways if thing.doubt else [[(thing, thing.facts)]]
    every = [facts for way in ways for each, facts in way if each is thing and facts]
    return {Decimal(facts["_opening"]) for facts in every} or {Decimal(0)}


SUMS: Mapping[str, Rule] = {
    "a budget that does not add up": _budgets,
    "an overdrawn budget": _overdrawn,
    "payments that do not add up": _payments,
    "an invoice that does not add up": _carried,
    "numbers": _numbers,
    "mail": _letters,
    "undelivered at rest": _deliveries,
    "receipt files": _strays,
}
