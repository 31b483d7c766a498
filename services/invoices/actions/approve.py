"""Approve an invoice, or deny it: first the manager, then the finance department."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.invoices import messages, rules
from services.invoices.actions import writing
from services.invoices.actions.writing import Facts
from services.invoices.models import Invoice
from services.invoices.queries import known_profile, owned, submitter, today, with_items
from shared.caller import Caller
from shared.db import Database
from shared.versions import IfMatch


@dataclass(frozen=True)
class House:
    """What holds for every decision here. `domain`: of a Message-ID. `apart`: nobody decides on his own invoice."""

    domain: str
    apart: bool = False


def approve(db: Database, caller: Caller, invoice_id: str, facts: Facts, expected: IfMatch, house: House) -> Invoice:
    """Take the manager's decision: `yes`, `manager_email`, and if told whose turn it is then, a comment, `notify`.

    Raises:
        NotFound, PreconditionFailed.
        Forbidden: another manager decides, or the key submitted the invoice.
        Refused: it is completed, or has been decided.
    """
    with db.write() as session:
        invoice = _taken_up(session, caller, invoice_id, expected, house)
        profile = known_profile(session, caller)
        rules.check_manager(facts["manager_email"], profile.relationship_manager_email)
        with session.no_autoflush:
            invoice.approval = rules.approved(invoice.approval, yes=facts["yes"])
            invoice.approved_by_manager_email = facts["manager_email"]
            invoice.finance_approver_email = facts.get("finance_approver_email", profile.finance_approver_email)
            approver = invoice.finance_approver_email if facts["yes"] else None
            _close(session, caller, invoice, facts, house, "approved" if facts["yes"] else "denied", approver)
        return invoice


def finance_approve(
    db: Database, caller: Caller, invoice_id: str, facts: Facts, expected: IfMatch, house: House
) -> Invoice:
    """Take the finance department's decision: `yes`, and if told a comment and `notify`.

    Raises:
        NotFound, PreconditionFailed.
        Forbidden: the key submitted the invoice.
        Refused: it is completed, not its turn, or has been decided.
    """
    with db.write() as session:
        invoice = _taken_up(session, caller, invoice_id, expected, house)
        with session.no_autoflush:
            invoice.approval = rules.finance_approved(invoice.approval, yes=facts["yes"])
            _close(session, caller, invoice, facts, house, "finance approved" if facts["yes"] else "finance denied")
        return invoice


def _taken_up(session: Session, caller: Caller, invoice_id: str, expected: IfMatch, house: House) -> Invoice:
    """The invoice, on which nobody else decides meanwhile."""
    invoice = owned(session, caller, invoice_id, lock=True)
    expected.check(writing.tag(invoice, today(caller)))
    if house.apart:
        rules.check_apart(submitter(session, invoice), caller.key_id)
    rules.check_open(completed=invoice.completed)
    return with_items(session, caller, invoice)


def _close(
    session: Session,
    caller: Caller,
    invoice: Invoice,
    facts: Facts,
    house: House,
    action: str,
    approver: str | None = None,
) -> None:
    """Tell the decision in the history; and, if that is asked, to the approver whose turn it is, or to the user."""
    if facts.get("comment") is not None:
        invoice.comment = facts["comment"]
    to = (approver or invoice.user_email) if facts.get("notify") else None
    writing.record(session, caller, action, invoice, {"notified": [None, to]} if to else {})
    if to:
        messages.put_notice(session, caller, invoice, awaited=approver is not None, to=to, domain=house.domain)
