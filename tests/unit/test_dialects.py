"""An error in the words of the dialect whose path was asked for."""

import pytest

from shared.dialects import DIALECTS, spoken_at
from shared.errors import ApiError, Forbidden, Invalid, NotFound, Refused, Unauthorized

FIELDS = Invalid(errors={"due_date": ["Not a valid date."], "items": {"0": {"quantity": ["Not a number."]}}})


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("/v1/dev/finance/invoices", "finance"), ("/", "finance"), ("/nowhere", "finance"), ("/api/x", "finance")),
        *(("/api/v1/invoices", "accounts"), ("/api/v1/invoices/1", "accounts"), ("/api/v1/nowhere", "accounts")),
        *(("/api/invoices", "approvals"), ("/api/invoices/v1/x/y", "approvals"), ("/api/invoicesX", "finance")),
        *(("/invoices.json", "projects"), ("/projects/7/invoices.json", "projects"), ("/.json", "projects")),
        *(("/nowhere.json", "projects"), ("/v2/x.json", "projects"), ("/invoices.jsonx", "finance")),
        *(("/invoices/7", "finance"), ("/internal/openapi.json", "finance"), ("//internal/openapi.json", "finance")),
        *(("/openapi/other.json", "finance"), ("/docs/x.json", "finance"), ("/api/x.json", "finance")),
        *(("/v1/dev/finance/x.json", "finance"), ("/api/v1/x.json", "accounts"), ("/api/invoices/x.json", "approvals")),
    ],
)
def test_a_path_belongs_to_one_dialect(path: str, name: str) -> None:
    assert spoken_at(path).name == name
    assert [dialect.name for dialect in DIALECTS if dialect.owns(path)] in ([name], [])


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/dev/finance/invoices", "/v1/dev/finance/nowhere", "/", "/nowhere"),
        *("/api/invoices", "/api/invoices/H360-XYZ123/approve"),
    ],
)
def test_finance_and_approvals_say_what_is_wrong_by_field(path: str) -> None:
    said = spoken_at(path).word(FIELDS, "POST")
    assert said == {"message": "Invalid request parameters", "errors": FIELDS.errors}


@pytest.mark.parametrize(
    ("error", "method", "message", "why"),
    [
        (Unauthorized(), "GET", "Authentication required", "invalid or missing bearer token"),
        (FIELDS, "POST", "Invalid request body", "due_date: Not a valid date.; items.0.quantity: Not a number."),
        (
            Invalid(errors={"sortBy": ["Unknown."]}),
            "GET",
            "Invalid request parameters",
            "sortBy: Unknown.",
        ),
        (
            Invalid("A header spans several lines"),
            "DELETE",
            "Invalid request parameters",
            "A header spans several lines",
        ),
        (NotFound(), "GET", "Resource not found", "Resource not found"),
        (
            Forbidden("This API key lacks the scope invoices:read"),
            "GET",
            "This API key may not do that",
            "This API key lacks the scope invoices:read",
        ),
    ],
)
def test_accounts_says_it_in_its_envelope(error: ApiError, method: str, message: str, why: str) -> None:
    said = spoken_at("/api/v1/invoices/1").word(error, method)
    assert said == {"success": False, "message": message, "error": why}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Unauthorized(), "Invalid or missing API key"),
        (NotFound(), "Resource not found"),
        (Refused("The invoice is completed"), "The invoice is completed"),
        (
            FIELDS,
            "Invalid request parameters: due_date: Not a valid date.; items.0.quantity: Not a number.",
        ),
        (Refused("A person needs a name", errors={"person": ["Missing."]}), "A person needs a name: person: Missing."),
    ],
)
def test_projects_says_it_in_one_message(error: ApiError, message: str) -> None:
    assert spoken_at("/invoices/1.json").word(error, "PUT") == {"STATUS": "Error", "MESSAGE": message}
