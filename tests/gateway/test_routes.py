"""Which service answers which path, and the spellings that none answers."""

import pytest

from gateway.routes import find, target


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/dev/finance/invoices", "invoices"),
        ("/v1/dev/finance/invoices/", "invoices"),
        ("/v1/dev/finance/invoices?limit=1", "invoices"),
        ("/v1/dev/finance/invoices/7.pdf?x=%2f..//y", "invoices"),
        ("/v1/dev/finance/invoices/7/payments", "invoices"),
        ("/v1/dev/finance/settings", "invoices"),
        ("/api/v1/invoices/7/items", "invoices"),
        ("/api/invoices", "invoices"),
        ("/api/invoices/H360-XYZ123/finance-approve", "invoices"),
        ("/v1/dev/finance/budgets/a/spends", "budgets"),
        ("/v1/dev/finance/expenses/a/receipt", "expenses"),
        ("/v1/dev/finance/expenses/a...b", "expenses"),
        ("/invoices.json", "invoices"),
        ("/invoices.json?page=2", "invoices"),
        ("/invoices/7.json", "invoices"),
        ("/invoices/7/complete.json", "invoices"),
        ("/projects.json", "invoices"),
        ("/projects/7.json", "invoices"),
        ("/projects/7/invoices.json", "invoices"),
        ("/projects/7/time_entries.json", "invoices"),
        ("/projects/expenses.json", "invoices"),
        ("/projects/7/8/expenses.json", "invoices"),
        ("/projects/7/expenses.json", "expenses"),
        ("/projects/{project_id}/expenses.json", "expenses"),
        ("/expenses.json", "expenses"),
        ("/expenses/7.json", "expenses"),
        ("/companies.json", "invoices"),
        ("/companies/7.json", "invoices"),
        ("/time_entries.json", "invoices"),
        ("/time_entries/7.json", "invoices"),
        ("/currencycodes.json", "invoices"),
        ("/v1/dev/finance/keys", "admin"),
        ("/v1/dev/finance/keys/7/rotate", "admin"),
        ("/v1/dev/finance/workspaces", "admin"),
        ("/people.json", "people"),
        ("/people/7.json", "people"),
        ("/me.json", "people"),
    ],
)
def test_a_path_belongs_to_the_service_of_its_first_segments(path: str, service: str) -> None:
    route = find(path)
    assert route is not None
    assert route.service == service


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        "/internal/openapi.json",
        "//internal/openapi.json",
        "/metrics",
        "/v1/../internal",
        "/v1/dev/finance",
        "/v1/dev/finance/",
        "/v1/dev/finance/invoicesX",
        "/api",
        "/api/v2/invoices",
        "/api/invoices.json",
        "/v1/dev/finance/invoices.json",
        "/.json",
        "/nothing.json",
        "/invoices",
        "/invoices/7",
        "/invoices/7.json/x",
        "/invoices/7.JSON",
        "/invoices.jsonx",
        "/invoicesX.json",
        "/invoices%2ejson",
        "/xinvoices.json",
        "/v1/invoices.json",
        "/projects/7/expenses",
        "/projects//expenses.json",
        "/projects/7/../expenses.json",
        "/projects/7%2Fexpenses.json",
        "/openapi/projects.json",
        "/internal/people/7.json",
        "/people",
        "/people/7",
        "/me",
        "/V1/dev/finance/invoices",
        "//v1/dev/finance/invoices",
        "/v1/dev/finance//invoices",
        "/v1/dev/finance/%69nvoices",
        "/v1/dev/finance/invoices/../../../../internal/x",
        "/v1/dev/finance/invoices/%2e%2e/%2E./x",
        "/v1/dev/finance/invoices/.",
        "/v1/dev/finance/invoices/..",
        "/v1/dev/finance/invoices/..%2f..%2finternal",
        "/v1/dev/finance/invoices/a%2Fb",
        "/v1/dev/finance/invoices/a%5cb",
        "/v1/dev/finance/invoices/a\\b",
        "/v1/dev/finance/invoices/a%00",
        "/v1/dev/finance/invoices//internal",
        "/v1/dev/finance/invoices/a b",
        "/v1/dev/finance/invoices#/x",
    ],
)
def test_anything_else_belongs_to_nobody(path: str) -> None:
    assert find(path) is None


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("/v1/x?a=b", "/v1/x?a=b"),
        ("http://host:80/v1/x?a=b", "/v1/x?a=b"),
        ("HTTP://host//internal", "//internal"),
        ("http://host?x", "?x"),
        ("//host/x", "//host/x"),
    ],
)
def test_the_absolute_form_of_a_target_means_its_path(raw: str, meant: str) -> None:
    assert target(raw) == meant
