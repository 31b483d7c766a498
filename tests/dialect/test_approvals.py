"""Every call of the `approvals` document, sent to the running product with the document's own bodies."""

from collections.abc import Callable
from email import message_from_bytes, policy
from typing import Any

import pytest
import requests
from openapi_spec_validator import validate

from tests.product import PATIENCE, Product, wait_until

PATH = "/api/invoices"

CREATE: dict[str, Any] = {
    "description": "Consulting services",
    "service_date": "2024-10-10",
    "total_amount": 5000,
    "amount_requested": 4500,
    "user_email": "user@example.com",
    "payment_method": "self",
    "provider_name": "ABC Consulting",
    "category_name": "Consulting",
    "subcategory_name": "Business",
}
UPDATE = {
    "total_amount": 6000,
    "amount_requested": 5500,
    "payment_method": "self",
    "provider_name": "XYZ Consulting",
    "category_name": "Consulting",
    "subcategory_name": "Strategy",
}
APPROVE = {
    "manager_email": "manager@example.com",
    "approvalAction": "approve",
    "finance_approver_email": "finance@example.com",
    "comment": "Approval comment",
    "notify": True,
}
FINANCE_APPROVE = {"finance_approved": True, "comment": "Finance approval comment", "notify": True}
DESTROY = {"user_email": "user@example.com"}

SHOWN = {
    "description": "Consulting services",
    "service_date": "2024-10-10",
    "provider_name": "ABC Consulting",
    "total_amount": "5000.00",
    "amount_requested": "4500.00",
    "status": "unpaid",
    "approval_status": "pending",
    "balance": "500.00",
    "category_name": "Consulting",
    "subcategory_name": "Business",
    "payment_method": "self",
    "user_email": "user@example.com",
    "relationship_manager_email": "manager@example.com",
}
"""What the document's replies show, but for the two ids."""
UNDECIDED = {"finance_approver_email": None, "approved_by_manager_email": None, "comment": None}

Ask = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def ask(product: Product) -> Ask:
    """One request of the demo workspace, whose relationship manager is the document's; `path` is below its base."""
    answer = product.call("PUT", "/settings", json={"relationship_manager_email": "manager@example.com"})
    assert answer.status_code == 200, answer.text

    def ask(method: str, path: str = "", **kwargs: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {product.key}"}
        return requests.request(method, f"{product.url}{PATH}{path}", headers=headers, timeout=PATIENCE, **kwargs)

    return ask


@pytest.fixture(scope="module")
def company(product: Product) -> int:
    """The number of the demo workspace, as whoever is given a key is told."""
    told: int = product.new_key()["company_id"]
    return told


@pytest.fixture
def made(ask: Ask) -> dict[str, Any]:
    """A new invoice."""
    invoice: dict[str, Any] = ask("POST", json=CREATE).json()["invoice"]
    return invoice


def names(invoice: dict[str, Any]) -> dict[str, Any]:
    """The two ids that we give."""
    return {"id": invoice["id"], "transaction_id": invoice["transaction_id"]}


def test_list_invoices(ask: Ask, made: dict[str, Any], company: int) -> None:
    asked = {"company_id": str(company), "transaction_id": made["transaction_id"], "status": "pending"}
    answer = ask("GET", params=asked | {"sort": "created_at", "order": "desc", "per_page": "10"})
    said = {"message": "Invoices retrieved successfully.", "invoices": [SHOWN | names(made) | UNDECIDED]}
    assert (answer.status_code, answer.json()) == (200, said)
    assert [answer.headers[name] for name in ("X-Total", "X-Pages", "X-Page")] == ["1", "1", "1"]


def test_show_invoice_details(ask: Ask, made: dict[str, Any]) -> None:
    answer = ask("GET", f"/{made['transaction_id']}")
    said = {"message": "Invoice retrieved successfully.", "invoice": SHOWN | names(made) | UNDECIDED}
    assert (answer.status_code, answer.json()) == (200, said)


def test_create_an_invoice(ask: Ask, company: int) -> None:
    answer = ask("POST", json={"company_id": company} | CREATE)
    invoice = answer.json()["invoice"]
    said = {"message": "Invoice created successfully", "invoice": SHOWN | names(invoice)}
    assert (answer.status_code, answer.json()) == (201, said)
    assert answer.headers["Location"] == f"{PATH}/{invoice['transaction_id']}"
    assert invoice["transaction_id"].startswith("H360-")


def test_update_an_invoice(ask: Ask, made: dict[str, Any]) -> None:
    answer = ask("PUT", f"/{made['transaction_id']}", json=UPDATE)
    changed = made | UPDATE | {"total_amount": "6000.00", "amount_requested": "5500.00", "balance": "500.00"}
    said = {"message": "Invoice updated successfully", "invoice": changed}
    assert (answer.status_code, answer.json()) == (200, said)


def test_approve_an_invoice_and_then_finance(ask: Ask, made: dict[str, Any], product: Product) -> None:
    answer = ask("PUT", f"/{made['transaction_id']}/approve", json=APPROVE)
    decided = made | {"approval_status": "in progress", "finance_approver_email": "finance@example.com"}
    said = {"message": "Invoice successfully updated.", "invoice": decided}
    assert (answer.status_code, answer.json()) == (200, said)
    answer = ask("PUT", f"/{made['transaction_id']}/finance-approve", json=FINANCE_APPROVE)
    said = {"message": "Finance approval completed.", "invoice": decided | {"approval_status": "approved"}}
    assert (answer.status_code, answer.json()) == (200, said)
    awaits, approved = (f"Invoice {made['transaction_id']} {news}" for news in ("awaits your approval", "was approved"))
    expected = [("finance@example.com", awaits), ("user@example.com", approved)]
    wait_until(lambda: letters(product, made["transaction_id"]) == expected)


def letters(product: Product, transaction_id: str) -> list[tuple[str, str]]:
    """To whom mail about the invoice went, and its subjects."""
    folder = product.var / "mail"
    read = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in folder.glob("*.eml")]
    return sorted((letter["To"], letter["Subject"]) for letter in read if transaction_id in letter["Subject"])


@pytest.mark.parametrize("where", ["json", "params"])
def test_delete_an_invoice(ask: Ask, made: dict[str, Any], where: str) -> None:
    answer = ask("DELETE", f"/{made['transaction_id']}/destroy", **{where: DESTROY})
    said = {"message": "Invoice deleted successfully.", "transaction_id": made["transaction_id"]}
    assert (answer.status_code, answer.json()) == (200, said)
    gone = ask("GET", f"/{made['transaction_id']}")
    assert (gone.status_code, gone.json()) == (404, {"message": "Resource not found"})


def test_a_key_without_the_scope_approves_nothing(product: Product, made: dict[str, Any]) -> None:
    key = product.new_key("demo", "--scopes", "invoices:read,invoices:write")["key"]
    url = f"{product.url}{PATH}/{made['transaction_id']}/approve"
    answer = requests.put(url, json=APPROVE, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE)
    said = {"message": "This API key lacks the scope invoices:approve"}
    assert (answer.status_code, answer.json()) == (403, said)


@pytest.mark.parametrize("path", ["", "/H360-AAAAAA", "/nowhere/at/all"])
def test_a_stranger_is_refused(product: Product, path: str) -> None:
    answer = requests.get(product.url + PATH + path, headers={"Authorization": "Bearer nobody"}, timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (401, {"message": "Invalid or missing API key"})
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_description_is_valid_and_has_the_seven_calls(product: Product) -> None:
    described = requests.get(f"{product.url}/openapi/approvals.json", timeout=PATIENCE).json()
    validate(described)
    calls = {(method, path) for path, item in described["paths"].items() for method in item if method != "parameters"}
    one = f"{PATH}/{{transaction_id}}"
    assert calls == {
        ("get", PATH),
        ("post", PATH),
        ("get", one),
        ("put", one),
        ("put", f"{one}/approve"),
        ("put", f"{one}/finance-approve"),
        ("delete", f"{one}/destroy"),
    }
