"""Create an invoice."""

from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.actions import numbers, writing
from services.invoices.actions.writing import Facts
from services.invoices.models import Company, Invoice, Project
from services.invoices.queries import INVOICES, of_workspace, today
from shared.caller import Caller
from shared.db import Database, new_id, now


def create(db: Database, caller: Caller, facts: Facts, *, prefix: str) -> Invoice:
    """Draw up an invoice. `prefix`: what its transaction id begins with.

    Raises:
        NotFound: there is no such project.
        Invalid: an amount is too precise for the currency, or too large.
        Refused: figures that do not agree, more asked for than the total, or a number that is already used.
    """
    with db.write() as session:
        if facts.get("status", rules.DRAFT) != rules.DRAFT and not facts.get("invoice_number"):
            return numbers.retry_on_taken_number(session, lambda: _create(session, caller, facts, prefix))
        return _create(session, caller, facts, prefix)


def _create(session: Session, caller: Caller, facts: Facts, prefix: str) -> Invoice:
    currency = facts.get("currency") or caller.currency
    written = writing.lines(facts)
    amounts = rules.totals(currency, rules.summed(written, currency), **writing.figures(facts, currency))
    moment = now()
    company = _company(session, caller, facts["project_id"]) if facts.get("project_id") else None
    invoice = INVOICES.new(
        uuid=new_id(),
        workspace_id=caller.workspace_id,
        account_id=facts.get("account_id") or caller.account_id or caller.workspace_id,
        series=False,
        lifecycle=rules.DRAFT,
        completed=False,
        approval=rules.PENDING,
        denied_before=False,
        issue_on=today(caller),
        currency=currency,
        subtotal_minor=amounts.subtotal.minor,
        tax_minor=amounts.tax.minor,
        total_minor=amounts.total.minor,
        paid_minor=0,
        client_name=company and company.name,
        project_id=facts.get("project_id"),
        fixed=bool(written or amounts.total.minor or facts.get(writing.FIXED) is not None),
        billed=False,
        time_minor=0,
        expenses_minor=0,
        requested_minor=writing.requested(facts, amounts.total) if writing.REQUESTED in facts else None,
        created_by=caller.member_id,
        updated_by=caller.member_id,
        version=1,
        created_at=moment,
        updated_at=moment,
    )
    invoice.items = writing.itemised(caller, written, currency)
    writing.apply_plain(invoice, facts)
    payment, told = writing.move(session, caller, invoice, facts.get("status", rules.DRAFT))
    if invoice.items:
        told["items"] = [[], writing.told_items(invoice.items)]
    numbers.inserted(session, invoice, prefix)
    writing.record(session, caller, "created", invoice, told)  # with the transaction id that was free
    writing.put_items(session, invoice)
    writing.insert_payment(session, invoice, payment)
    return invoice


def _company(session: Session, caller: Caller, project_id: int) -> Company | None:
    """Whose project it is: the client, unless another one is named."""
    project = of_workspace(session, Project, caller, project_id)
    return session.get(Company, (project.workspace_id, project.company_id)) if project.company_id else None
