"""Who may decide on an invoice, and what becomes of it."""

from collections.abc import Collection
from dataclasses import dataclass

from shared.errors import Forbidden, Refused

PENDING, IN_PROGRESS, APPROVED, DENIED = "pending", "in progress", "approved", "denied"
APPROVALS = (PENDING, IN_PROGRESS, APPROVED, DENIED)

OPEN, MEMBERS, FOUR_EYES = "open", "members", "four_eyes"
POLICIES = (OPEN, MEMBERS, FOUR_EYES)
"""Who may decide: whoever has the scope; of those, the member who is named; and besides, no member twice."""


def is_stricter(policy: str, than: str) -> bool:
    """Whether a policy refuses decisions that another one takes."""
    return POLICIES.index(policy) > POLICIES.index(than)


def approved(approval: str, *, yes: bool) -> str:
    """The approval after the manager's decision. Raises Refused when it was not the manager's turn."""
    if approval != PENDING:
        raise Refused(f"The approval is {approval}")
    return IN_PROGRESS if yes else DENIED


def finance_approved(approval: str, *, yes: bool) -> str:
    """The approval after the finance department's decision. It may deny at either step.

    Raises:
        Refused: it was not its turn.
    """
    if approval == IN_PROGRESS or (approval == PENDING and not yes):
        return APPROVED if yes else DENIED
    raise Refused(f"The approval is {approval}")


def check_approved(approval: str, policy: str) -> None:
    """Raise Refused when money would be paid that is not approved, where the policy says whose approval that takes."""
    if policy != OPEN and approval != APPROVED:
        raise Refused("The invoice is not approved")


def check_manager(email: str, relationship_manager: str | None) -> None:
    """Raise Forbidden when the workspace's invoices are decided on by another manager."""
    if relationship_manager is not None and not same_address(email, relationship_manager):
        raise Forbidden("Another manager decides on these invoices")


@dataclass(frozen=True, slots=True)
class Hand:
    """Who did something: the key, and the member whose it is."""

    member_id: int | None
    key_id: str

    def is_of(self, other: "Hand") -> bool:
        """Whether it is the same person's. All keys of a member are; a key without one is like itself alone."""
        return self.key_id == other.key_id or (self.member_id is not None and self.member_id == other.member_id)


def check_apart(submitters: Collection[Hand], decider: Hand) -> None:
    """Raise Forbidden when who made the invoice, or wrote its amounts or its payee, decides on it."""
    if any(decider.is_of(each) for each in submitters):
        raise Forbidden("The member who submitted an invoice may not decide on it")


def check_second(manager: Hand | None, decider: Hand) -> None:
    """Raise Forbidden when the manager who approved an invoice decides on it once more, as the finance department."""
    if manager is not None and decider.is_of(manager):
        raise Forbidden("The manager who approved an invoice may not decide for the finance department")


def check_named(named: str, email: str | None) -> None:
    """Raise Forbidden unless the member whose key it is has the e-mail address that is named."""
    if not email or not same_address(named, email):
        raise Forbidden("The decision is that of another member than the one of this API key")


def check_finance_approver(named: str | None, configured: str | None, policy: str) -> None:
    """Raise Forbidden when a manager names another finance approver than the settings, where that is who counts."""
    if policy == OPEN or configured is None:
        return
    if named is None or not same_address(named, configured):
        raise Forbidden("Another finance approver decides on these invoices")


def check_two(manager: str, finance_approver: str | None) -> None:
    """Raise Refused when a manager names himself as the one who decides next."""
    if finance_approver is not None and same_address(manager, finance_approver):
        raise Refused("The manager and the finance approver must be two members")


def same_address(one: str, other: str) -> bool:
    """Whether two e-mail addresses are the same; nobody's differ in capitals alone."""
    return one.lower() == other.lower()


def check_own(user_email: str | None, email: str) -> None:
    """Raise Forbidden unless the invoice is that user's."""
    if user_email is None or not same_address(user_email, email):
        raise Forbidden("The invoice belongs to another user")
