"""Every call of the `accounts` document, sent to the running product."""

from typing import Any

import pytest
import requests

from tests.product import PATIENCE, Product

PATH = "/api/v1/invoices"
BODY = {"customer_id": 42, "issue_date": "2024-03-01", "due_date": "2099-04-01", "status": "draft", "notes": "Net 30"}


class Books:
    """One account of the demo workspace, as a client of the document sees it."""

    def __init__(self, product: Product) -> None:
        made = product.new_key()
        self.account: str = made["account_id"]
        self._url, self._key = product.url + PATH, made["key"]

    def ask(self, method: str, path: str = "", **kwargs: Any) -> requests.Response:
        """One request; `path` is below the document's base path."""
        headers = {"Authorization": f"Bearer {self._key}"}
        return requests.request(method, self._url + path, headers=headers, timeout=PATIENCE, **kwargs)

    def made(self, **facts: Any) -> dict[str, Any]:
        """A new invoice."""
        answer = self.ask("POST", json={"accountId": self.account, **BODY, **facts})
        assert answer.status_code == 201, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    @property
    def mine(self) -> dict[str, str]:
        """The parameter that every call needs."""
        return {"accountId": self.account}


@pytest.fixture(scope="module")
def books(product: Product) -> Books:
    return Books(product)


def test_list_invoices(books: Books) -> None:
    made = books.made(client_name="Listed Ltd")
    asked = books.mine | {"page": "1", "limit": "10", "query": "listed", "sortBy": "due_date", "sortOrder": "asc"}
    answer = books.ask("GET", params=asked)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "data": [made], "count": 1})


def test_create_invoice(books: Books) -> None:
    answer = books.ask("POST", json=books.mine | BODY)
    said = answer.json()
    assert (answer.status_code, said["success"], said["message"]) == (201, True, "Resource created successfully")
    assert said["data"].items() >= (BODY | {"account_id": books.account}).items()
    assert type(said["data"]["id"]) is int


def test_get_invoice(books: Books) -> None:
    made = books.made()
    answer = books.ask("GET", f"/{made['id']}", params=books.mine)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "data": made})


def test_update_invoice(books: Books) -> None:
    made = books.made()
    answer = books.ask("PUT", f"/{made['id']}", json=books.mine | {"notes": "Net 60", "due_date": "2099-05-01"})
    data = answer.json()["data"]
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert data == made | {"notes": "Net 60", "due_date": "2099-05-01", "updated_at": data["updated_at"]}


def test_delete_invoice(books: Books) -> None:
    made = books.made()
    answer = books.ask("DELETE", f"/{made['id']}", params=books.mine)
    assert (answer.status_code, answer.content) == (204, b"")
    assert books.ask("GET", f"/{made['id']}", params=books.mine).status_code == 404


def test_list_invoice_items(books: Books) -> None:
    made = books.made(items=[{"description": "Service A", "quantity": 2, "unit_price": 50}])
    answer = books.ask("GET", f"/{made['id']}/items")
    assert (answer.status_code, answer.json()) == (200, {"success": True, "data": made["items"], "count": 1})


@pytest.mark.parametrize("path", ["", "/1", "/1/items", "/nowhere/at/all"])
def test_a_stranger_is_refused_in_the_envelope(product: Product, path: str) -> None:
    answer = requests.get(product.url + PATH + path, headers={"Authorization": "Bearer nobody"}, timeout=PATIENCE)
    said = {"success": False, "message": "Authentication required", "error": "invalid or missing bearer token"}
    assert (answer.status_code, answer.json()) == (401, said)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_what_the_gateway_does_not_know_is_said_in_the_envelope(product: Product) -> None:
    answer = requests.get(
        f"{product.url}/api/v1/receipts", headers={"Authorization": f"Bearer {product.key}"}, timeout=9
    )
    said = {"success": False, "message": "Resource not found", "error": "Resource not found"}
    assert (answer.status_code, answer.json()) == (404, said)


def test_an_account_is_seen_by_its_own_keys_and_those_of_the_whole_workspace(product: Product, books: Books) -> None:
    other = "5f0e8a52-6c1b-4a57-9d3e-0c5a7be1f0aa"
    limited = product.new_key("demo", "--account", other)
    whole = product.new_key("demo")
    made = books.made()
    for key, account, status in (
        (limited["key"], other, 200),
        (limited["key"], books.account, 403),
        (whole["key"], other, 200),
        (whole["key"], books.account, 200),
    ):
        headers = {"Authorization": f"Bearer {key}"}
        listed = requests.get(product.url + PATH, params={"accountId": account}, headers=headers, timeout=PATIENCE)
        assert listed.status_code == status
        assert (made in listed.json().get("data", [])) is (status == 200 and account == books.account)
