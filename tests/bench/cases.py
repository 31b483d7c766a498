"""The cases: what is asked, and of which service. A case asks the same of the floor, the service and the gateway."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

from tests.bench.content import INVOICE
from tests.bench.floor import FINANCE
from tests.bench.load import Target

AMOUNT = 12.5
"""What each expense amounts to."""


@dataclass(frozen=True)
class Content:
    """What there is to ask for."""

    invoices: list[str]
    budgets: list[str]


Messages = Callable[[Target, Content, int], Iterator[bytes]]
"""The requests of one connection, without end, by the connection's number."""


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    service: str
    status: int
    messages: Messages


def _get_invoice(target: Target, content: Content, number: int) -> Iterator[bytes]:
    some = random.Random(number).sample(content.invoices, 500)
    return cycle([target.message("GET", f"{FINANCE}/invoices/{each}") for each in some])


def _list_invoices(target: Target, _content: Content, _number: int) -> Iterator[bytes]:
    return cycle([target.message("GET", f"{FINANCE}/invoices?limit=50")])


def _create_invoice(target: Target, _content: Content, _number: int) -> Iterator[bytes]:
    return cycle([target.message("POST", f"{FINANCE}/invoices", json.dumps(INVOICE).encode())])


def _create_expense(target: Target, _content: Content, _number: int) -> Iterator[bytes]:
    return cycle([target.message("POST", f"{FINANCE}/expenses", _expense())])


def _create_budget_expense(target: Target, content: Content, number: int) -> Iterator[bytes]:
    """Each connection has a budget of its own: what is measured is the way, not the queue at one row."""
    budget = content.budgets[number % len(content.budgets)]
    return cycle([target.message("POST", f"{FINANCE}/expenses", _expense(budget_id=budget))])


def _expense(**more: str) -> bytes:
    facts = {"amount": AMOUNT, "description": "Office Supplies", "category": "supplies", "date": "2024-01-15"}
    return json.dumps(facts | more).encode()


GET = Case("get an invoice", "invoices", 200, _get_invoice)
LIST = Case("list 50 invoices", "invoices", 200, _list_invoices)
INVOICED = Case("create an invoice", "invoices", 201, _create_invoice)
SPENT = Case("create an expense", "expenses", 201, _create_expense)
BOOKED = Case("... on a budget", "expenses", 201, _create_budget_expense)

CASES = (GET, LIST, INVOICED, SPENT, BOOKED)
