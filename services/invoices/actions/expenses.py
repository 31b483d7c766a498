"""Take what the expense service tells of an expense (api.md, sections 4 and 7)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.actions import billing
from services.invoices.models import Invoice, Project, ProjectExpense
from services.invoices.queries import of_workspace
from shared.caller import Caller
from shared.db import Database, connection_of, upsert
from shared.errors import Conflict, Forbidden
from shared.money import Money

OURS = "expenses"
"""The service that tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpenseState:
    """All that an invoice must know of an expense; the newest version is the truth.

    `held`: a question, whether the expense may change, and to be kept from changing hands until it has. Its state is
    the one before, but for `project_id` and `amount`, which are those after. `shown`: the change is of something that
    an invoice shows. `changed_by`: the member who has changed it, whose hand the invoice's history then shows.
    `writers`: the members who have ever written its amount, besides the one who made it.
    """

    version: int
    held: bool
    shown: bool
    id: int | None
    project_id: int | None
    name: str | None
    description: str | None
    spent_on: date | None
    amount: Money
    created_by: int | None
    account_ids: Collection[str] | None = None  # of a question: the only accounts that the one who changes it may use
    changed_by: int | None = None
    writers: Collection[int] = ()


def accept_expense(db: Database, workspace_id: str, expense_id: str, state: ExpenseState) -> int:
    """Take the newest state of an expense, and count it on the invoice it is on. The version that is known now.

    What is told is never refused. A question is:

    Raises:
        NotFound: there is no such project.
        Forbidden: its invoice is in an account that the one who changes it may not use.
        Refused: its invoice is completed; or sent, and would show something else; or it would change its project or its
            currency, or cost so little that less remains than is asked for, or too much.
    """
    us = Caller.service(OURS, workspace_id, state.changed_by)
    with db.write() as session, session.no_autoflush:
        invoice, known = _locked(session, workspace_id, expense_id)
        if state.version <= known.version:
            return known.version
        known.version, known.held = state.version, state.held
        if state.held:
            _check(session, us, invoice, known, state)
            known.asked_project_id = state.project_id  # so that the project is still there when it is told
        else:
            _take(session, us, invoice, known, state)
        return known.version


def _check(session: Session, us: Caller, invoice: Invoice | None, known: ProjectExpense, state: ExpenseState) -> None:
    if state.project_id is not None:
        of_workspace(session, Project, us, state.project_id)
    if invoice is None:
        return
    if state.account_ids is not None and invoice.account_id not in state.account_ids:
        raise Forbidden
    rules.check_open(completed=invoice.completed)
    rules.check_expense_stays(project_id=known.project_id, to=state.project_id)
    if not state.shown:
        return
    rules.check_amounts_open(invoice.lifecycle)
    rules.check_currency(invoice.currency, state.amount)
    if invoice.billed:
        total = invoice.total - known.amount + state.amount
        rules.check_total(total)
        rules.check_requested(invoice.requested, total)


def _take(session: Session, us: Caller, invoice: Invoice | None, known: ProjectExpense, state: ExpenseState) -> None:
    before, shown_before = _facts(known), _shown(known)
    if state.id is not None and state.id != known.id:
        _claim(session, known, state.id)
    known.id, known.project_id, known.asked_project_id = state.id or known.id, state.project_id, None
    known.name, known.description, known.spent_on = state.name, state.description, state.spent_on
    known.amount_minor, known.currency = state.amount.minor, state.amount.currency
    known.created_by = state.created_by
    if state.writers:
        known.writers = sorted({*(known.writers or ()), *state.writers})  # who has written it stays one who has
    if state.project_id is None:
        known.invoice_id = None
    if invoice is None or _facts(known) == before:  # nothing came of a question
        return
    session.flush()
    told = {"expenses": [[known.id], [known.id] * (known.invoice_id is not None)]}
    billing.recount(session, us, invoice, told, strict=False, shown=_shown(known) != shown_before)


def _claim(session: Session, known: ProjectExpense, number: int) -> None:
    """Take an integer id from another expense: an expense service restored from an older copy gives it again."""
    other = (
        ProjectExpense.workspace_id == known.workspace_id,
        ProjectExpense.id == number,
        ProjectExpense.uuid != known.uuid,
    )
    connection_of(session).execute(update(ProjectExpense).where(*other).values(id=None))


def _facts(known: ProjectExpense) -> tuple[object, ...]:
    """All that is known of an expense."""
    return known.id, known.project_id, known.created_by, *_shown(known)


def _shown(known: ProjectExpense) -> tuple[object, ...]:
    """What an invoice shows of an expense."""
    return known.name, known.description, known.spent_on, known.amount, known.invoice_id


def _locked(session: Session, workspace_id: str, expense_id: str) -> tuple[Invoice | None, ProjectExpense]:
    """An expense, known or not, and the invoice it is on, whose lock is taken first."""
    blank = {
        "uuid": expense_id,
        "workspace_id": workspace_id,
        "version": 0,
        "held": False,
        "amount_minor": 0,
        "currency": "USD",
        "billing_version": 0,
    }
    connection_of(session).execute(upsert(session, ProjectExpense).values(blank).on_conflict_do_nothing())
    mine = (ProjectExpense.workspace_id == workspace_id, ProjectExpense.uuid == expense_id)
    on = session.scalar(select(ProjectExpense.invoice_id).where(*mine))
    of_it = (Invoice.workspace_id == workspace_id, Invoice.id == on)
    invoice = session.scalar(select(Invoice).where(*of_it).with_for_update()) if on else None
    known = session.scalars(select(ProjectExpense).where(*mine).with_for_update()).one()
    if known.invoice_id != on:
        raise Conflict
    return invoice, known
