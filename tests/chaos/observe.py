"""What is there, seen from outside once nothing moves any more: all dialects, histories, mail and the data folder."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

from tests.chaos.desk import Office
from tests.chaos.postbox import Letter
from tests.chaos.world import SERVICES, World

FINANCE = "/v1/dev/finance"
PATIENCE = 240.0
"""Seconds in which everything must come to rest: a few of the longest waits between two attempts at a message."""

HISTORY = "SELECT subject_id, request_id, subject, action FROM audit WHERE workspace_id = '{}'"

Row = dict[str, Any]


PAGE = 50
"""Rows of a page: few, so that what is read goes on behind a cursor."""


class Unreadable(Exception):
    """The product does not answer, though nothing is wrong any more."""


@dataclass
class Invoice:
    """One invoice in every dialect that shows it; a dialect that does not is missing."""

    faces: dict[str, Row] = field(default_factory=dict)
    payments: list[Row] = field(default_factory=list)
    history: list[Row] = field(default_factory=list)


@dataclass
class Seen:
    """All that there is in one workspace, and of the installation what concerns it."""

    invoices: list[Invoice] = field(default_factory=list)
    expenses: list[Row] = field(default_factory=list)  # of `finance`
    project_expenses: list[Row] = field(default_factory=list)
    budgets: list[Row] = field(default_factory=list)
    spends: dict[str, list[Row]] = field(default_factory=dict)  # of each budget
    entries: list[Row] = field(default_factory=list)
    projects: list[Row] = field(default_factory=list)
    receipts: dict[str, str] = field(default_factory=dict)  # expense -> digest of what is downloaded
    changes: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)  # request, service, subject, action
    entries_of: Counter[str] = field(default_factory=Counter)  # thing -> its entries in the history's table
    letters: list[Letter] = field(default_factory=list)
    files: set[str] = field(default_factory=set)  # in the receipts' folder
    named_files: set[str] = field(default_factory=set)  # that a row names


class Eyes:
    """Reads all of a workspace over HTTP."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def invoices(self) -> list[Invoice]:
        """Every invoice, with the faces that belong together.

        `accounts`, `approvals` and `projects` share the integer id; `finance` is found by the moment of its creation.
        """
        joined: dict[Any, Invoice] = {}
        for name, rows in (
            ("accounts", self._numbered("/api/v1/invoices", 100, accountId=self.office.account_id)),
            ("approvals", self._pages("/api/invoices", "invoices", "per_page", 100, sort="id", order="asc")),
            ("projects", self._pages("/invoices.json", "invoices", "pageSize", 500, type="all", projectStatus="all")),
        ):
            for row in rows:
                joined.setdefault(int(row["id"]), Invoice()).faces[name] = row
        born = {each.faces["accounts"]["created_at"]: each for each in joined.values() if "accounts" in each.faces}
        for row in self.all("/invoices"):
            invoice = born.pop(row["created_at"], None) or joined.setdefault(row["id"], Invoice())
            invoice.faces["finance"] = row
            invoice.payments = list(self.all(f"/invoices/{row['id']}/payments"))
            invoice.history = list(self.all(f"/invoices/{row['id']}/history"))
        return list(joined.values())

    def all(self, path: str, **params: Any) -> Iterator[Row]:
        """Every row of a list of `finance`."""
        cursor: Row = {}
        while True:
            page = self._get(FINANCE + path, limit=PAGE, **params, **cursor)
            yield from page["data"]
            if not page["has_more"]:
                return
            cursor = {"cursor": page["next_cursor"]}

    def receipt(self, expense: str) -> str:
        """The digest of a receipt's bytes, or what was answered instead."""
        answer = self._send(f"{FINANCE}/expenses/{expense}/receipt")
        return hashlib.sha256(answer.content).hexdigest() if answer.status_code == 200 else str(answer.status_code)

    def compact(self, path: str, name: str, **params: Any) -> list[Row]:
        """Every row of a list of `projects`."""
        return self._pages(path, name, "pageSize", 500, **params)

    def _numbered(self, path: str, limit: int, **params: Any) -> list[Row]:
        return self._pages(path, "data", "limit", limit, **params)

    def _pages(self, path: str, name: str, size: str, limit: int, **params: Any) -> list[Row]:
        rows: list[Row] = []
        while True:
            page = self._get(path, **params, **{size: limit, "page": len(rows) // limit + 1})[name]
            rows += page
            if len(page) < limit:
                return rows

    def _get(self, path: str, **params: Any) -> Any:
        answer = self._send(path, **params)
        if answer.status_code != 200:
            raise Unreadable(f"GET {path}: {answer.status_code} {answer.text[:200]}")
        return answer.json(parse_float=Decimal)

    def _send(self, path: str, **params: Any) -> requests.Response:
        signed = {"Authorization": f"Bearer {self.office.key}"}
        for last in (False, False, True):
            try:
                return requests.get(self.office.url + path, headers=signed, params=params, timeout=60)
            except requests.RequestException as fault:
                if last:
                    raise Unreadable(f"GET {path}: {fault}") from fault
            time.sleep(1)
        raise AssertionError("never")


def everything(world: World, office: Office) -> Seen:
    """All that there is in a workspace, at rest."""
    eyes = Eyes(office)
    seen = Seen(
        invoices=eyes.invoices(),
        expenses=list(eyes.all("/expenses")),
        project_expenses=eyes.compact("/expenses.json", "expenses"),
        budgets=list(eyes.all("/budgets")),
        entries=eyes.compact("/time_entries.json", "time-entries"),
        projects=eyes.compact("/projects.json", "projects", status="all"),
        letters=world.letters(),
        files=_files(world),
        named_files=_named(world),
    )
    for service in SERVICES:
        for subject_id, *entry in world.rows(service, HISTORY.format(office.account_id)):
            request_id, subject, action = entry
            seen.changes[request_id, service, subject, action] += 1
            seen.entries_of[subject_id] += 1
    seen.spends = {row["id"]: list(eyes.all(f"/budgets/{row['id']}/spends")) for row in seen.budgets}
    with_receipt = [row["id"] for row in seen.expenses if row["receipt_url"]]
    seen.receipts = {expense: eyes.receipt(expense) for expense in with_receipt}
    return seen


def unsettled(world: World) -> list[str]:
    """The messages that are yet to be delivered."""
    query = "SELECT topic, key, attempts, armed, request_id FROM outbox"
    return [f"{name}: {row}" for name in ("gateway", *SERVICES) for row in world.rows(name, query)]


def come_to_rest(world: World) -> list[str]:
    """Wait until every message is delivered and nothing is under way; what is left after all patience."""
    until = time.monotonic() + PATIENCE
    _wait(lambda: all(proxy.quiet for proxy in world.proxies.values()), until)
    quiet = 0
    left: list[str] = []
    while quiet < 3 and time.monotonic() < until:
        left = unsettled(world)
        quiet = 0 if left else quiet + 1
        time.sleep(0.7)
    return left


def sweep(world: World) -> None:
    """Let the product find what a crash has left of receipts, as it does an hour later: each file becomes older."""
    for file in _paths(world):
        _age(file, 7200)
    world.product.stop()
    world.product.start()
    _wait(lambda: _files(world) <= _named(world), time.monotonic() + 20)


def _named(world: World) -> set[str]:
    return {key for (key,) in world.rows("expenses", "SELECT receipt_key FROM expenses") if key}


def _files(world: World) -> set[str]:
    return {f"{path.parent.name}/{path.name}" for path in _paths(world)}


def _paths(world: World) -> list[Path]:
    return [path for folder in world.product.var.glob("receipts*") for path in folder.glob("*/*") if path.is_file()]


def _age(file: Path, seconds: float) -> None:
    moment = file.stat().st_mtime - seconds
    os.utime(file, (moment, moment))


def _wait(holds: Callable[[], bool], until: float) -> None:
    while not holds() and time.monotonic() < until:
        time.sleep(0.2)
