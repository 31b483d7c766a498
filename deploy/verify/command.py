"""`python -m deploy.run verify [HEAD ...]`: every rule, on one moment of all databases, in plain words."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select

from deploy import places
from deploy.copies.moment import Look, one_moment, opened
from deploy.verify import across, billables, kept, people, receipts, spends
from gateway import laptop
from gateway import verify as gateway
from gateway.keys.models import Workspace
from services.budgets import verify as budgets
from services.budgets.models import Budget
from services.expenses import verify as expenses
from services.expenses.models import Expense
from services.expenses.receipts import Receipts
from services.invoices import verify as invoices
from services.invoices.models import Invoice
from shared import chain, readable
from shared.outbox import Outbox
from shared.rows import UNREADABLE, reason
from shared.verify import Wrong, unguarded

OWN = {"gateway": gateway.wrong, "invoices": invoices.wrong, "budgets": budgets.wrong, "expenses": expenses.wrong}
"""What each part checks of its own database."""

COLUMNS = (
    ("invoices", Invoice.workspace_id),
    ("budgets", Budget.workspace_id),
    ("expenses", Expense.workspace_id),
)


def verify(*files: str) -> int:
    """Say what is wrong, a line each; or how much was looked at. 1 when anything is wrong.

    `files`: with heads that were kept elsewhere.
    """
    var = laptop.folder().resolve()
    urls, heads = places.databases(var), kept.by_service(files, _history_key(var)) if files else {}
    with one_moment(urls) as look:
        wrong = [*_in_databases(look), *_across(look)]
        with closing(opened("expenses", urls["expenses"])) as database:
            of_receipts = receipts.wrong(look["expenses"], Receipts(places.receipts(var)), database)
            wrong += _to_its_end("receipts", of_receipts)
        summary = _summary(look)
    for name, url in urls.items():
        with closing(opened(name, url)) as database:
            with database.connection() as connection:
                wrong += (f"{name}: history: {fault}" for fault in unguarded(connection))
            wrong += (f"{name}: history: {fault}" for fault in chain.wrong(database, heads.get(name, {})))
    for line in wrong:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{len(wrong)} things are wrong\n" if wrong else f"All is well: {summary}\n")
    return 1 if wrong else 0


def _history_key(var: Path) -> str:
    key = os.environ.get("HISTORY_KEY", "")
    try:
        return key or (var / "history-key").read_text(encoding="ascii").strip()
    except OSError:
        raise SystemExit("HISTORY_KEY is missing: what heads are signed with") from None


def _in_databases(look: Look) -> Iterator[str]:
    for name, wrong in OWN.items():
        yield from (f"{name}: {each}" for each in readable.wrong(look[name]))
        yield from (f"{name}: {each}" for each in _to_its_end("its own rules", wrong(look[name])))


def _across(look: Look) -> Iterator[str]:
    unknown = across.unknown_workspaces(look, Workspace.id, *COLUMNS)
    found = {
        "workspaces": unknown,
        "spends": spends.wrong(look),
        "billed expenses": billables.wrong(look),
        "people": people.wrong(look),
    }
    for what, wrong in found.items():
        yield from _to_its_end(what, wrong)


def _to_its_end(what: str, found: Iterator[Wrong]) -> Iterator[str]:
    """What is found, in words; and that the rest is not known, where a row is met that cannot be read."""
    try:
        yield from map(str, found)
    except UNREADABLE as why:
        yield f"{what}: not looked at to the end, as a row cannot be read: {reason(why)}"


def _summary(look: Look) -> str:
    counts = {
        "workspaces": look["gateway"].scalar(select(func.count()).select_from(Workspace)),
        "invoices": look["invoices"].scalar(select(func.count()).select_from(Invoice)),
        "budgets": look["budgets"].scalar(select(func.count()).select_from(Budget)),
        "expenses": look["expenses"].scalar(select(func.count()).select_from(Expense)),
        "messages on their way": sum(
            each.scalar(select(func.count()).select_from(Outbox)) or 0 for each in look.values()
        ),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items())
