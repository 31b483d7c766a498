"""What the tests of the `approvals` dialect do again and again."""

from typing import Any

from werkzeug.test import TestResponse

from shared.outbox import Outbox
from tests.client import Client
from tests.service.invoices.steps import SETTINGS, Facts, data

PATH = "/api/invoices"

BODY: Facts = {
    "company_id": 1,
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
CHANGE: Facts = {
    "total_amount": 6000,
    "amount_requested": 5500,
    "payment_method": "self",
    "provider_name": "XYZ Consulting",
    "category_name": "Consulting",
    "subcategory_name": "Strategy",
}
APPROVAL: Facts = {"manager_email": "manager@example.com", "approvalAction": "approve"}
FINANCE = "finance@example.com"
DENIAL = APPROVAL | {"approvalAction": "deny"}
FIFTEEN = [
    *("id", "description", "service_date", "provider_name", "total_amount", "amount_requested", "status"),
    *("approval_status", "balance", "category_name", "subcategory_name", "payment_method", "transaction_id"),
    *("user_email", "relationship_manager_email"),
]
SIXTEEN = [*FIFTEEN, "finance_approver_email"]
EIGHTEEN = [*SIXTEEN, "approved_by_manager_email", "comment"]


def make(client: Client, **facts: Any) -> Facts:
    answer = client.post(PATH, json=BODY | facts)
    assert answer.status_code == 201, answer.data
    invoice: Facts = answer.json["invoice"]
    return invoice


def at(invoice: Facts, tail: str = "") -> str:
    return f"{PATH}/{invoice['transaction_id']}{tail}"


def shown(client: Client, invoice: Facts) -> Facts:
    answer = client.get(at(invoice))
    assert answer.status_code == 200, answer.data
    found: Facts = answer.json["invoice"]
    return found


def native(client: Client, invoice: Facts) -> Facts:
    """The same invoice in the words of `finance`."""
    db = client.app.extensions["service"].db
    with db.engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT uuid FROM invoices WHERE id = {int(invoice['id'])}")  # noqa: S608
        return {"id": found.scalar_one()}


def listed(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.data
    assert (list(answer.json), answer.json["message"]) == (
        ["message", "invoices"],
        "Invoices retrieved successfully.",
    )
    return [each["transaction_id"] for each in answer.json["invoices"]]


def decide(client: Client, invoice: Facts, status: int = 200, **facts: Any) -> TestResponse:
    answer = client.put(at(invoice, "/approve"), json=APPROVAL | facts)
    assert answer.status_code == status, answer.data
    return answer


def finish(client: Client, invoice: Facts, status: int = 200, **facts: Any) -> TestResponse:
    answer = client.put(at(invoice, "/finance-approve"), json={"finance_approved": True} | facts)
    assert answer.status_code == status, answer.data
    return answer


def says(answer: TestResponse, status: int, message: str, **errors: list[str]) -> None:
    said: Facts = {"message": message} | ({"errors": errors} if errors else {})
    assert (answer.status_code, answer.json) == (status, said)


def wrong(answer: TestResponse, field: str) -> None:
    assert (answer.status_code, answer.json["message"]) == (400, "Invalid request parameters"), answer.data
    assert list(answer.json["errors"]) == [field]


def configure(client: Client, **facts: Any) -> None:
    data(client.seen_by(scopes=("admin",)).put(SETTINGS, json=facts))


def waiting(client: Client) -> int:
    """How many letters are queued."""
    with client.app.extensions["service"].db.read() as session:
        return session.query(Outbox).count()
