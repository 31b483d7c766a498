"""Change the settings of a workspace."""

from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.actions import writing
from services.invoices.actions.writing import Facts, Told
from services.invoices.models import Profile
from services.invoices.queries import approved_unpaid, known_profile
from shared import audit
from shared.caller import Caller
from shared.db import Database
from shared.versions import IfMatch

FIELDS = (
    *("seller_name", "seller_address", "seller_tax_id", "bank_details", "number_format"),
    *("relationship_manager_email", "finance_approver_email", "approval_policy", "paper_size", "layout"),
)


PAYEE = ("seller_name", "bank_details")
"""Fields that say whom an invoice asks to pay, and how."""

POLICY = "approval_policy"


def configure(db: Database, caller: Caller, facts: Facts, expected: IfMatch) -> Profile:
    """Change what is named; what was never written has its default.

    Another payee, and a stricter approval policy, ask for approvals again.

    Raises:
        PreconditionFailed.
        Invalid: a number format without a place for the number.
    """
    caller.check_everywhere()
    with db.write() as session:
        writing.lock_decisions(session, caller)
        profile = known_profile(session, caller, lock=True)
        expected.check(profile.etag)
        grounds = _grounds(profile, facts)
        for field in FIELDS:
            if field in facts:
                setattr(profile, field, facts[field])
        rules.check_format(profile.number_format)
        if profile.version == 0:
            profile = Profile(**{field: getattr(profile, field) for field in (*FIELDS, "workspace_id")})
            session.add(profile)
        if session.is_modified(profile):
            audit.record(session, caller, "updated", profile)
        _reopen(session, caller, grounds)
        return profile


def _grounds(profile: Profile, facts: Facts) -> Told:
    """What these facts change of that on which approvals rest."""
    named = {field: [getattr(profile, field), facts[field]] for field in (*PAYEE, POLICY) if field in facts}
    return {
        field: [old, new]
        for field, (old, new) in named.items()
        if (rules.is_stricter(new, old) if field == POLICY else new != old)
    }


def _reopen(session: Session, caller: Caller, grounds: Told) -> None:
    """Let no approval stand on other grounds than it was given on, where there is still something to pay."""
    if not grounds:
        return
    for invoice in session.scalars(approved_unpaid(caller)):
        writing.reopen(invoice)
        writing.record(session, caller, "updated", invoice, grounds)
