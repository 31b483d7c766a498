"""What a key can be allowed to do. `internal` is not among it: only services speak to services."""

from collections.abc import Iterable

from shared.caller import OPERATOR
from shared.errors import Invalid

SCOPES = (
    "invoices:read",
    "invoices:write",
    "invoices:approve",
    "budgets:read",
    "budgets:write",
    "expenses:read",
    "expenses:write",
    "admin",
)
"""What a workspace's key can be given by the workspace."""

READING = tuple(scope for scope in SCOPES if scope.endswith(":read"))
"""What a key may do of which nothing is said."""

KNOWN = (*SCOPES, OPERATOR)


def checked(asked: Iterable[str]) -> list[str]:
    """The scopes asked for, each once and in our order.

    Raises:
        Invalid: one of them is unknown, or there is none.
    """
    wanted = set(asked)
    if unknown := sorted(wanted - set(KNOWN)):
        raise Invalid(f"Unknown scope: {', '.join(unknown)}. Known: {', '.join(KNOWN)}")
    if not wanted:
        raise Invalid(f"A key needs a scope. Known: {', '.join(KNOWN)}")
    return [scope for scope in KNOWN if scope in wanted]
