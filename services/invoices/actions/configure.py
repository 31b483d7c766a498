"""Change the settings of a workspace."""

from services.invoices import rules
from services.invoices.actions.writing import Facts
from services.invoices.models import Profile
from services.invoices.queries import known_profile
from shared import audit
from shared.caller import Caller
from shared.db import Database
from shared.versions import IfMatch

FIELDS = (
    *("seller_name", "seller_address", "seller_tax_id", "bank_details", "number_format"),
    *("relationship_manager_email", "finance_approver_email", "paper_size", "layout"),
)


def configure(db: Database, caller: Caller, facts: Facts, expected: IfMatch) -> Profile:
    """Change what is named; what was never written has its default.

    Raises:
        PreconditionFailed.
        Invalid: a number format without a place for the number.
    """
    with db.write() as session:
        profile = known_profile(session, caller, lock=True)
        expected.check(str(profile.version))
        for field in FIELDS:
            if field in facts:
                setattr(profile, field, facts[field])
        rules.check_format(profile.number_format)
        if profile.version == 0:
            profile = Profile(**{field: getattr(profile, field) for field in (*FIELDS, "workspace_id")})
            session.add(profile)
        if session.is_modified(profile):
            audit.record(session, caller, "updated", profile)
        return profile
