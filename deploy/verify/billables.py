"""Each expense of a project is known to the invoice service as it is, and both say which invoice it is on."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from deploy.copies.moment import Look
from deploy.verify.across import messages, workspaces
from services.expenses.models import Expense
from services.expenses.participants import BILLABLE
from services.expenses.queries import EXPENSES
from services.expenses.rules import Billable
from services.invoices.messages import BILLING
from services.invoices.models import ProjectExpense
from services.invoices.queries.billing import EXPENSES as KNOWN
from shared.verify import Wrong


@dataclass(frozen=True)
class Pair:
    """An expense, and what the invoice service knows of it; None is one that there is not."""

    workspace_id: str
    uuid: str
    expense: Expense | None
    known: ProjectExpense | None

    @property
    def owed(self) -> Billable | None:
        """What the invoice service should know; None of an expense that is gone, or in no project."""
        return self.expense.billable if self.expense and self.expense.project_id is not None else None

    @property
    def told(self) -> Billable | None:
        """What it knows."""
        if self.known is None or self.known.project_id is None:
            return None
        known = self.known
        return Billable(
            known.id, known.project_id, known.name, known.description, known.spent_on, known.amount, known.created_by
        )

    @property
    def version(self) -> int:
        """The version that the invoice service knows."""
        return self.known.version if self.known else 0

    @property
    def ahead(self) -> bool:
        """Whether the invoice service knows a version that was never given: it would not listen to the next one."""
        return self.expense is not None and self.version > self.expense.billable_version

    @property
    def billed(self) -> tuple[int | None, int | None]:
        """The invoice it is on, as the expense service and as the invoice service has it."""
        return self.expense.invoice_id if self.expense else None, self.known.invoice_id if self.known else None

    @property
    def billing(self) -> tuple[int, int]:
        """The versions of that."""
        return self.expense.billing_version if self.expense else 0, self.known.billing_version if self.known else 0


def apart(look: Look) -> Iterator[Pair]:
    """Expenses that the invoice service knows other than they are, where no message will tell it."""
    told = messages(look, "expenses", BILLABLE)
    for workspace_id, pair in _pairs(look):
        if _differs(pair) and not told.tell(workspace_id, pair.uuid, pair.version):
            yield pair


def apart_on_invoices(look: Look) -> Iterator[Pair]:
    """Expenses that are on another invoice than the expense service knows, where no message will tell it."""
    told = messages(look, "invoices", BILLING)
    for workspace_id, pair in _pairs(look):
        of_expense, of_invoice = pair.billed
        here, there = pair.billing
        if pair.expense is None or (of_expense == of_invoice and here <= there):
            continue
        if not told.tell(workspace_id, pair.uuid, here):
            yield pair


def wrong(look: Look) -> Iterator[Wrong]:
    """What is wrong with expenses of projects, in words."""
    for pair in apart(look):
        yield Wrong(pair.workspace_id, f"expense {pair.uuid}", _words(pair))
    for pair in apart_on_invoices(look):
        here, there = (on or "none" for on in pair.billed)
        if here == there:
            known, last = pair.billing
            what = f"the expense service knows version {known} of where it is billed, which is only at {last}"
        else:
            what = f"the expense service has it on the invoice {here}, the invoice service on {there}"
        yield Wrong(pair.workspace_id, f"expense {pair.uuid}", what)


def _pairs(look: Look) -> Iterator[tuple[str, Pair]]:
    for workspace_id in workspaces(look, ("expenses", Expense.workspace_id), ("invoices", ProjectExpense.workspace_id)):
        expenses = {
            row.uuid: EXPENSES.of(row)
            for row in look["expenses"].execute(select(*EXPENSES.columns).where(Expense.workspace_id == workspace_id))
        }
        mine = select(*KNOWN.columns).where(ProjectExpense.workspace_id == workspace_id)
        known = {row.uuid: KNOWN.of(row) for row in look["invoices"].execute(mine)}
        for uuid in sorted(expenses.keys() | known.keys()):
            yield workspace_id, Pair(workspace_id, uuid, expenses.get(uuid), known.get(uuid))


def _differs(pair: Pair) -> bool:
    held = pair.known is not None and pair.known.held
    return pair.owed != pair.told or held or pair.ahead


def _words(pair: Pair) -> str:
    if pair.owed is None and pair.told is not None:
        there = "is not there" if pair.expense is None else "is in no project"
        return f"it {there}, and the invoice service knows it in the project {pair.told.project_id}"
    if pair.owed is not None and pair.told is None:
        return f"it is in the project {pair.owed.project_id}, and the invoice service does not know it"
    if pair.owed != pair.told:
        names = [name for name in Billable.__slots__ if getattr(pair.owed, name) != getattr(pair.told, name)]
        sides = (f"{name} {getattr(pair.owed, name)}, not {getattr(pair.told, name)}" for name in names)
        return f"the invoice service knows it other than it is: {'; '.join(sides)}"
    if pair.known is not None and pair.known.held:
        return "it is held for a change, and nobody changes it"
    last = pair.expense.billable_version if pair.expense else 0
    return f"the invoice service knows version {pair.version} of it, which is only at {last}"
