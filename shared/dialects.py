"""The faces of the product: which paths a dialect owns, and its words for an error.

One table serves the services, unmatched paths, wrong methods and the gateway's own errors.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import ApiError, InsufficientFunds, Invalid, Refused, Unauthorized


@dataclass(frozen=True)
class Dialect:
    """One published API document."""

    name: str
    title: str
    about: str
    owns: Callable[[str], bool]
    word: Callable[[ApiError, str], dict[str, Any]]
    """The body that says an error, which is the answer to a request of this method."""
    error: Mapping[str, Any]
    """The JSON Schema of that body."""
    refused: type[ApiError] = Refused
    """What stands for every refusal, 422, in the description."""
    schemes: tuple[str, ...] = ("Bearer",)
    """How a key may be shown, as the Authorization header calls it."""


def _in_finance(error: ApiError, _method: str) -> dict[str, Any]:
    said: dict[str, Any] = {"message": str(error)}
    if error.errors:
        said["errors"] = error.errors
    return said


def _in_accounts(error: ApiError, method: str) -> dict[str, Any]:
    if isinstance(error, Unauthorized):
        message, why = "Authentication required", "invalid or missing bearer token"
    elif isinstance(error, Invalid):
        message = f"Invalid request {'body' if method in ('POST', 'PUT') else 'parameters'}"
        told = str(error) if str(error) != error.message else message
        why = "; ".join(_flat(error.errors or {})) or told
    else:
        message, why = error.message, str(error)
    return {"success": False, "message": message, "error": why}


def _in_projects(error: ApiError, _method: str) -> dict[str, Any]:
    why = "; ".join(_flat(error.errors or {}))
    return {"STATUS": "Error", "MESSAGE": f"{error}: {why}" if why else str(error)}


def _flat(said: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """`field: what is wrong`, one after the other; `items.0.quantity` where the field is nested."""
    for name, told in said.items():
        path = f"{at}.{name}" if at else name
        if isinstance(told, Mapping):
            yield from _flat(told, path)
        else:
            yield f"{path}: {' '.join(map(str, told))}"


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _of_projects(path: str) -> bool:
    first = path.lstrip("/").partition("/")[0]
    return path.endswith(".json") and first not in ("v1", "api", "openapi", "docs", "internal")


TEXT = {"type": "string"}
BY_FIELD = _object(
    ["message"],
    message=TEXT,
    errors={"type": "object", "description": "Field name -> texts, where fields are to blame."},
)

FINANCE = Dialect(
    "finance",
    title="Countinghouse Finance API",
    about="Invoices, budgets and expenses: all that the product can do.",
    owns=lambda path: path.startswith("/v1/dev/finance/"),
    word=_in_finance,
    error=BY_FIELD,
    refused=InsufficientFunds,
)
ACCOUNTS = Dialect(
    "accounts",
    title="Countinghouse Accounts API",
    about="Invoices by integer id, one account a call, every reply in one envelope.",
    owns=lambda path: path.startswith("/api/v1/"),
    word=_in_accounts,
    error=_object(
        ["success", "message", "error"],
        success={"type": "boolean", "enum": [False]},
        message=TEXT,
        error=TEXT | {"description": "What is wrong; each field that is to blame, by its name."},
    ),
)
APPROVALS = Dialect(
    "approvals",
    title="Countinghouse Approvals API",
    about="Invoices by transaction id, approved or denied first by a manager and then by finance.",
    owns=lambda path: path == "/api/invoices" or path.startswith("/api/invoices/"),
    word=_in_finance,
    error=BY_FIELD,
)
PROJECTS = Dialect(
    "projects",
    title="Countinghouse Projects API",
    about="Invoices of projects, made of the time and the expenses spent on them; companies and people.",
    owns=_of_projects,
    word=_in_projects,
    error=_object(
        ["STATUS", "MESSAGE"],
        STATUS={"type": "string", "enum": ["Error"]},
        MESSAGE=TEXT | {"description": "What is wrong; each field that is to blame, by its name."},
    ),
    schemes=("Bearer", "Basic"),
)

DIALECTS = (FINANCE, ACCOUNTS, APPROVALS, PROJECTS)


def spoken_at(path: str) -> Dialect:
    """The dialect a path belongs to; a path nobody owns is answered in `finance`."""
    return next((dialect for dialect in DIALECTS if dialect.owns(path)), FINANCE)
