"""Approve an invoice, or deny it: first the manager, then the finance department."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.invoices import messages, rules
from services.invoices.actions import writing
from services.invoices.actions.writing import Facts
from services.invoices.models import Invoice, Profile
from services.invoices.queries import InvoiceId, hands, known_profile, owned, today, with_items
from shared import people
from shared.caller import Caller
from shared.db import Database, new_id
from shared.errors import Conflict, Forbidden
from shared.versions import IfMatch


@dataclass(frozen=True)
class Installation:
    """What holds for every decision here. `domain`: of a Message-ID. `apart`: nobody decides on his own invoice.

    With the workspace's `approval_policy` the stricter one holds.
    """

    domain: str
    apart: bool = False


def approve(
    db: Database, caller: Caller, invoice_id: InvoiceId, facts: Facts, expected: IfMatch, installation: Installation
) -> Invoice:
    """Take the manager's decision: `yes`, `manager_email`, and if told whose turn it is then, a comment, `notify`.

    Raises:
        NotFound, PreconditionFailed.
        Conflict: who holds the key has not been heard of yet.
        Forbidden: another manager, or finance approver, decides; or the policy wants another member to.
        Refused: it is completed, or has been decided; or one member would decide twice.
    """
    with db.write() as session:
        profile, invoice = _taken_up(session, caller, invoice_id, expected)
        rules.check_manager(facts["manager_email"], profile.relationship_manager_email)
        _check_decider(session, caller, invoice, profile, installation, facts["manager_email"])
        with session.no_autoflush:
            invoice.approval = rules.approved(invoice.approval, yes=facts["yes"])
            invoice.approved_by_manager_email = facts["manager_email"]
            invoice.finance_approver_email = facts.get("finance_approver_email", profile.finance_approver_email)
            if facts["yes"]:
                rules.check_finance_approver(
                    invoice.finance_approver_email, profile.finance_approver_email, profile.approval_policy
                )
                if profile.approval_policy == rules.FOUR_EYES:
                    rules.check_two(facts["manager_email"], invoice.finance_approver_email)
            approver = invoice.finance_approver_email if facts["yes"] else None
            _close(session, caller, invoice, facts, installation, "approved" if facts["yes"] else "denied", approver)
        return invoice


def finance_approve(
    db: Database, caller: Caller, invoice_id: InvoiceId, facts: Facts, expected: IfMatch, installation: Installation
) -> Invoice:
    """Take the finance department's decision: `yes`, and if told a comment and `notify`.

    Raises:
        NotFound, PreconditionFailed.
        Conflict: who holds the key has not been heard of yet.
        Forbidden: the policy wants another member to decide.
        Refused: it is completed, not its turn, or has been decided.
    """
    with db.write() as session:
        profile, invoice = _taken_up(session, caller, invoice_id, expected)
        asked = invoice if invoice.approval == rules.IN_PROGRESS else profile  # before the manager has named anybody
        _check_decider(session, caller, invoice, profile, installation, asked.finance_approver_email)
        with session.no_autoflush:
            invoice.approval = rules.finance_approved(invoice.approval, yes=facts["yes"])
            invoice.denied_before = invoice.denied_before and not facts["yes"]
            _close(
                session, caller, invoice, facts, installation, "finance approved" if facts["yes"] else "finance denied"
            )
        return invoice


def _taken_up(session: Session, caller: Caller, invoice_id: InvoiceId, expected: IfMatch) -> tuple[Profile, Invoice]:
    """The settings, and the invoice, on which nobody else decides meanwhile."""
    writing.lock_decisions(session, caller)
    profile = known_profile(session, caller)
    invoice = owned(session, caller, invoice_id, lock=True)
    expected.check(invoice.etag(today(caller)))
    rules.check_open(completed=invoice.completed)
    return profile, with_items(session, caller, invoice)


def _check_decider(
    session: Session, caller: Caller, invoice: Invoice, profile: Profile, installation: Installation, named: str | None
) -> None:
    """Raise as the policy says, unless whose key it is may decide. `named`: the only one who may; None: anybody."""
    policy = profile.approval_policy
    if policy != rules.OPEN:
        _check_member(session, caller, named)
    if policy == rules.FOUR_EYES or installation.apart:
        decider = rules.Hand(caller.member_id, caller.key_id)
        submitters, manager = hands(session, invoice)
        rules.check_apart(submitters, decider)
        if policy == rules.FOUR_EYES and invoice.approval == rules.IN_PROGRESS:
            rules.check_second(manager, decider)


def _check_member(session: Session, caller: Caller, named: str | None) -> None:
    """Raise Forbidden unless it is a member's key, and the one's who is named. Raise Conflict while we cannot know."""
    if caller.member_id is None:
        raise Forbidden("This API key is no member's")
    if named is None:
        return
    email = people.address(session, caller.workspace_id, caller.member_id)
    if email is None:
        raise Conflict("The member of this API key is not known here yet; try again")
    rules.check_named(named, email)


def _close(
    session: Session,
    caller: Caller,
    invoice: Invoice,
    facts: Facts,
    installation: Installation,
    action: str,
    approver: str | None = None,
) -> None:
    """Tell the decision in the history; and, if that is asked, to the approver whose turn it is, or to the user."""
    if facts.get("comment") is not None:
        invoice.comment = facts["comment"]
    to = (approver or invoice.user_email) if facts.get("notify") else None
    if not to:
        writing.record(session, caller, action, invoice)
        return
    key = new_id()
    letter = messages.notice(
        session, caller, invoice, awaited=approver is not None, to=to, message_id=f"<{key}@{installation.domain}>"
    )
    writing.record(session, caller, action, invoice, {"notified": [None, to], **messages.told_letter(letter)})
    messages.put_mail(session, key, invoice, letter)
