"""`python -m deploy.run reconcile`: let services that were restored from different moments agree again.

Who decides is as always: the expense service on expenses, the invoice service on what is on an invoice, the gateway on
people. Each tells again what others know otherwise, with a version above what they know; messages that are delivered as
soon as the product runs. An expense that only an invoice remembers is recorded anew, as an invoice must not change.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing

from sqlalchemy import func, select

from deploy import places
from deploy.copies import numbers
from deploy.copies.moment import Look, one_moment, opened
from deploy.verify import billables, people, spends
from gateway import laptop
from gateway.keys.models import Member
from gateway.people import retell as members
from services.budgets.models import Budget
from services.expenses.actions import retell as expenses
from services.expenses.actions import unlink
from services.expenses.actions.retell import Remembered
from services.expenses.models import Expense
from services.invoices.actions import retell as invoices
from services.invoices.models import Invoice, Project, ProjectExpense
from shared.caller import Caller
from shared.db import Database, LastId
from shared.errors import Unavailable
from shared.people import Person

US = "reconcile"

ELSEWHERE = (
    ("expenses", Expense, ("invoices", ProjectExpense.id)),
    ("invoices", Invoice, ("expenses", Expense.invoice_id)),
    ("invoices", Project, ("expenses", Expense.project_id)),
    ("gateway", Member, ("invoices", Person.id)),
    ("gateway", Member, ("expenses", Person.id)),
)
"""Ids that one service gives, and where others know them."""

Databases = dict[str, Database]


def reconcile() -> None:
    """Tell again what services know otherwise; says what was done, a line each."""
    urls = places.databases(laptop.folder().resolve())
    with ExitStack() as closing_:
        databases = {name: closing_.enter_context(closing(opened(name, url))) for name, url in urls.items()}
        done = 0
        for step in (_numbers, _lost_links, _remembered, _spends, _billables, _billings, _people):
            with one_moment(urls) as look:
                found = list(step(look, databases))
            for what in found:
                sys.stdout.write(f"{what}\n")
            done += len(found)
    said = "Messages are delivered while the product runs; ask `verify` then" if done else "All services agree"
    sys.stdout.write(f"{said}\n")


def _numbers(look: Look, databases: Databases) -> Iterator[str]:
    """Ids that others know are not given again."""
    for name, entity, (other, column) in ELSEWHERE:
        table = entity.__tablename__
        given = dict(look[name].execute(select(LastId.workspace_id, LastId.last).where(LastId.kind == table)).all())
        home = column.class_.workspace_id
        known = select(home, func.max(column)).where(column.is_not(None)).group_by(home)
        for workspace_id, last in look[other].execute(known):
            if last > given.get(workspace_id, 0):
                with databases[name].engine.begin() as connection:
                    numbers.give_beyond(connection, table, workspace_id, last)
                yield f"workspace {workspace_id}: {table}: ids go on beyond {last}, which the {other} service knows"


def _lost_links(look: Look, databases: Databases) -> Iterator[str]:
    """Expenses leave budgets and projects that are no more."""
    budgets = set(look["budgets"].execute(select(Budget.uuid)).scalars())
    on = select(Expense.workspace_id, Expense.budget_id).where(Expense.budget_id.is_not(None)).distinct()
    for workspace_id, budget_id in look["expenses"].execute(on):
        if budget_id not in budgets and _unlinked(databases["expenses"], workspace_id, budget_id or ""):
            yield f"workspace {workspace_id}: expenses left the budget {budget_id}, which is no more"
    projects = {tuple(row) for row in look["invoices"].execute(select(Project.workspace_id, Project.id))}
    within = select(Expense.workspace_id, Expense.uuid, Expense.project_id).where(Expense.project_id.is_not(None))
    for workspace_id, uuid, project_id in look["expenses"].execute(within):
        if (workspace_id, project_id) not in projects:
            expenses.leave_project(databases["expenses"], Caller.service(US, workspace_id), uuid)
            yield f"workspace {workspace_id}: expense {uuid} left the project {project_id}, which is no more"


def _unlinked(db: Database, workspace_id: str, budget_id: str) -> bool:
    try:
        return bool(unlink(db, Caller.service(US, workspace_id), budget_id))
    except Unavailable:  # a request is at work on one of them
        return True


def _remembered(look: Look, databases: Databases) -> Iterator[str]:
    """Expenses are recorded anew that are gone, and are on an invoice."""
    for pair in billables.apart(look):
        if pair.expense is None and pair.known and pair.known.invoice_id and pair.known.id:
            facts = _remembered_as(look, pair)
            if expenses.remember(databases["expenses"], Caller.service(US, pair.workspace_id), facts):
                yield f"workspace {pair.workspace_id}: expense {pair.uuid} is recorded anew, as it is on an invoice"


def _remembered_as(look: Look, pair: billables.Pair) -> Remembered:
    known, spend = pair.known, spends.known(look["budgets"], pair.workspace_id).get(pair.uuid)
    assert known is not None  # noqa: S101
    return Remembered(
        id=known.id or 0,
        uuid=known.uuid,
        project_id=known.project_id or 0,
        invoice_id=known.invoice_id or 0,
        name=known.name,
        description=known.description,
        amount=known.amount,
        spent_on=known.spent_on,
        budget_id=spend.budget if spend is not None else None,
        created_by=known.created_by,
        writers=known.writers,
        spend_version=spend.version if spend is not None else 0,
        billable_version=known.version,
        billing_version=0,  # so that the invoice service tells of the account, too
    )


def _spends(look: Look, databases: Databases) -> Iterator[str]:
    for pair in spends.apart(look):
        expenses.tell_spend(databases["expenses"], pair.workspace_id, pair.uuid, pair.version)
        yield f"workspace {pair.workspace_id}: expense {pair.uuid}: the budget service is told what it is"


def _billables(look: Look, databases: Databases) -> Iterator[str]:
    for pair in billables.apart(look):
        if pair.expense is None and pair.known and pair.known.invoice_id:
            continue  # its number is another's now: an invoice does not change for that, and `verify` goes on saying it
        expenses.tell_billable(databases["expenses"], pair.workspace_id, pair.uuid, pair.version)
        yield f"workspace {pair.workspace_id}: expense {pair.uuid}: the invoice service is told what it is"


def _billings(look: Look, databases: Databases) -> Iterator[str]:
    for pair in billables.apart_on_invoices(look):
        if pair.known is None:
            expenses.forget_billing(databases["expenses"], Caller.service(US, pair.workspace_id), pair.uuid)
            yield f"workspace {pair.workspace_id}: expense {pair.uuid} is on no invoice"
        else:
            invoices.tell_billing(databases["invoices"], pair.workspace_id, pair.uuid, pair.billing[0])
            yield f"workspace {pair.workspace_id}: expense {pair.uuid}: the expense service is told where it is billed"


def _people(look: Look, databases: Databases) -> Iterator[str]:
    for copy in people.apart(look):
        if copy.member is None:
            members.tell_gone(databases["gateway"], copy.person)
        else:
            members.tell(databases["gateway"], copy.workspace_id, copy.id, copy.person.version if copy.person else 0)
        yield f"workspace {copy.workspace_id}: member {copy.id}: the {copy.service} service is told who they are"
