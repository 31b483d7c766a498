"""Every operation, each with what must be there before: for `points`, which kills at each statement of it."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import TypeVar

from tests.chaos.clients.approvers import Approver
from tests.chaos.clients.billers import Accountant, Biller
from tests.chaos.clients.client import Act, Client
from tests.chaos.clients.projects import Contractor
from tests.chaos.clients.spenders import Budgeteer, Rewriter, Spender
from tests.chaos.desk import Desk, Office
from tests.chaos.record import Thing

Kind = TypeVar("Kind", bound=Client)

MUCH, LITTLE = Decimal(500), Decimal(5)


class Cast:
    """Fresh clients for one point, all at one desk; each has at most one thing of a kind, and so draws that."""

    def __init__(self, office: Office, mark: str, seed: str) -> None:
        self.office, self.desk = office, Desk(office, random.Random(seed), keys=1.0)
        self._mark, self._budgets = mark, count(1)

    def one(self, kind: type[Kind], *acts: str) -> Kind:
        """A client that has done this already."""
        client = kind(self.office, f"{self._mark}{kind.name}", threading.Event(), self.desk)
        for act in acts:
            getattr(client, act)()
        return client

    def budget(self, currency: str = "USD") -> Thing:
        """A budget of much."""
        mark = f"{self._mark}{currency}{next(self._budgets)}"
        return Budgeteer(self.office, mark, threading.Event(), self.desk).set_up(currency, MUCH)

    def spender(self, *, budget: Thing | None = None, receipts: float = 0.0, spent: bool = True) -> Spender:
        """Somebody with an expense on that budget, or about to have one."""
        spender = self.one(Spender)
        spender.only, spender.receipts = budget or self.budget(), receipts
        if spent:
            spender.create()
        return spender


@dataclass(frozen=True)
class Scene:
    """An operation: `prepare` answers what is then done under fire, in the processes that have a part in it."""

    name: str
    prepare: Callable[[Cast], Act]
    processes: tuple[str, ...]


def _spending(cast: Cast) -> Act:
    return cast.spender(spent=False).create


def _spending_with_receipt(cast: Cast) -> Act:
    return cast.spender(spent=False, receipts=1.0).create


def _raise(cast: Cast) -> Act:
    spender = cast.spender()
    expense = spender.mine("expense")
    assert expense
    return lambda: spender.reprice(expense, MUCH - LITTLE)


def _lower(cast: Cast) -> Act:
    spender = cast.spender()
    expense = spender.mine("expense")
    assert expense
    return lambda: spender.reprice(expense, Decimal("0.01"))


def _move(cast: Cast, currency: str) -> Act:
    spender = cast.spender()
    spender.only = cast.budget(currency)
    return spender.move


def _delete_budget(cast: Cast) -> Act:
    budgeteer = cast.one(Budgeteer)
    cast.spender(budget=budgeteer.set_up("USD", MUCH))
    return budgeteer.delete


def _after(kind: type[Client], *acts: str) -> Callable[[Cast], Act]:
    """The last of these acts, after the others."""
    return lambda cast: getattr(cast.one(kind, *acts[:-1]), acts[-1])


INVOICES, BUDGETS, BOTH = ("invoices",), ("budgets",), ("expenses", "budgets")
BILLED = ("expenses", "invoices")
ON_INVOICE = ("begin", "invoice", "log_time", "spend", "put_on")

SCENES = (
    Scene("create a budget", _after(Budgeteer, "create"), ("gateway", *BUDGETS)),
    Scene("change a cap", _after(Budgeteer, "create", "cap"), BUDGETS),
    Scene("write what is spent", _after(Rewriter, "create", "rewrite"), BOTH),
    Scene("delete a budget", _delete_budget, (*BOTH, "relay")),
    Scene("create an expense", _spending, BOTH),
    Scene("create an expense with a receipt", _spending_with_receipt, ("expenses",)),
    Scene("raise an expense", _raise, BOTH),
    Scene("lower an expense", _lower, BOTH),
    Scene("move an expense", lambda cast: _move(cast, "USD"), BOTH),
    Scene("move an expense to another currency", lambda cast: _move(cast, "JPY"), BOTH),
    Scene("unlink an expense", lambda cast: cast.spender().unlink, BOTH),
    Scene("put a receipt", lambda cast: cast.spender(receipts=1.0).receipt, ("expenses",)),
    Scene("delete an expense", lambda cast: cast.spender(receipts=1.0).delete, BOTH),
    Scene("create an invoice", _after(Biller, "create"), INVOICES),
    Scene("change the items", _after(Biller, "create", "lines"), INVOICES),
    Scene("send an invoice", _after(Biller, "create", "send"), (*INVOICES, "relay")),
    Scene("book a payment", _after(Biller, "create", "send", "pay"), INVOICES),
    Scene("set a status", _after(Biller, "create", "status"), INVOICES),
    Scene("delete an invoice", _after(Biller, "create", "delete"), INVOICES),
    Scene("accounts: create", _after(Accountant, "create"), INVOICES),
    Scene("accounts: update", _after(Accountant, "create", "update"), INVOICES),
    Scene("accounts: delete", _after(Accountant, "create", "delete"), INVOICES),
    Scene("approvals: create", _after(Approver, "create"), INVOICES),
    Scene("approvals: update", _after(Approver, "create", "approve", "update"), INVOICES),
    Scene("approvals: approve", _after(Approver, "create", "approve"), (*INVOICES, "relay")),
    Scene("approvals: finance-approve", _after(Approver, "create", "approve", "finance"), INVOICES),
    Scene("approvals: destroy", _after(Approver, "create", "destroy"), INVOICES),
    Scene("projects: log time", _after(Contractor, "begin", "log_time"), INVOICES),
    Scene("projects: create an expense", _after(Contractor, "begin", "spend"), BILLED),
    Scene("projects: create an invoice", _after(Contractor, "begin", "invoice"), INVOICES),
    Scene("projects: put on an invoice", _after(Contractor, *ON_INVOICE), BILLED),
    Scene("projects: take off an invoice", _after(Contractor, *ON_INVOICE, "take_off"), BILLED),
    Scene("projects: change time", _after(Contractor, *ON_INVOICE, "minutes"), INVOICES),
    Scene("projects: change an expense", _after(Contractor, *ON_INVOICE, "cost"), BILLED),
    Scene("projects: delete time", _after(Contractor, *ON_INVOICE, "drop_time"), INVOICES),
    Scene("projects: delete an expense", _after(Contractor, *ON_INVOICE, "drop_expense"), BILLED),
    Scene("projects: complete", _after(Contractor, *ON_INVOICE, "complete"), INVOICES),
    Scene("projects: uncomplete", _after(Contractor, *ON_INVOICE, "complete", "uncomplete"), INVOICES),
    Scene("projects: delete an invoice", _after(Contractor, *ON_INVOICE, "delete"), BILLED),
)
