"""Invoices in the words of the `accounts` document."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.invoices.api.accounts import AccountInvoiceCreate, AccountInvoiceUpdate
from tests.client import WORKSPACE, Client

PATH = "/api/v1/invoices"
FINANCE = "/v1/dev/finance/invoices"
OTHER = "22222222-2222-4222-8222-222222222222"
STRANGE = "33333333-3333-4333-8333-333333333333"

ITEMS = [
    {"description": "Design", "quantity": 1, "unit_price": 100},
    {"description": "Build", "quantity": 2, "unit_price": 50.5},
]

KEYS = [
    *("id", "account_id", "customer_id", "invoice_number", "client_name", "client_email", "issue_date", "due_date"),
    *("status", "currency", "subtotal", "tax", "total", "amount_paid", "amount_due", "notes", "items"),
    *("created_at", "updated_at"),
]


@pytest.fixture
def both(invoices: Client) -> Client:
    """A caller with two accounts."""
    return invoices.seen_by(accounts=(WORKSPACE, OTHER))


def make(client: Client, account: str = WORKSPACE, **facts: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={"accountId": account, **facts})
    assert answer.status_code == 201, answer.data
    data: dict[str, Any] = answer.json["data"]
    return data


def listed(client: Client, query: str = "", account: str = WORKSPACE) -> tuple[list[int], int]:
    answer = client.get(f"{PATH}?accountId={account}{query}")
    assert answer.status_code == 200, answer.data
    assert answer.json.keys() == {"success", "data", "count"}
    return [each["id"] for each in answer.json["data"]], answer.json["count"]


def refused(answer: TestResponse, status: int, message: str, error: str) -> None:
    said = {"success": False, "message": message, "error": error}
    assert (answer.status_code, answer.json) == (status, said)


def test_an_invoice_is_created_in_its_account_and_read_in_it(both: Client) -> None:
    answer = both.post(
        PATH, json={"accountId": OTHER, "customer_id": 42, "items": ITEMS, "tax": 20.1, "notes": "Thanks"}
    )
    assert (answer.status_code, answer.json["success"]) == (201, True)
    assert answer.json["message"] == "Resource created successfully"
    made = answer.json["data"]
    assert list(made) == KEYS
    told = {name: made[name] for name in ("account_id", "customer_id", "status", "subtotal", "tax", "total", "notes")}
    assert told == {
        "account_id": OTHER,
        "customer_id": 42,
        "status": "draft",
        "subtotal": 201.0,
        "tax": Decimal("20.1"),
        "total": Decimal("221.1"),
        "notes": "Thanks",
    }
    assert answer.headers["Location"] == f"{PATH}/{made['id']}?accountId={OTHER}"
    found = both.get(answer.headers["Location"])
    assert (found.status_code, found.json) == (200, {"success": True, "data": made})
    assert found.headers["ETag"] == answer.headers["ETag"] == '"1"'


def test_what_accounts_writes_finance_shows_and_the_other_way_round(invoices: Client) -> None:
    made = make(invoices, items=ITEMS, client_name="Acme Corp")
    (native,) = invoices.get(FINANCE).json["data"]
    shared = [name for name in KEYS if name not in ("id", "account_id", "customer_id")]
    assert {name: native[name] for name in shared} == {name: made[name] for name in shared}
    assert invoices.put(f"{FINANCE}/{native['id']}", json={"notes": "changed"}).status_code == 200
    assert invoices.get(f"{PATH}/{made['id']}?accountId={WORKSPACE}").json["data"]["notes"] == "changed"


def test_an_update_changes_what_is_named_and_keeps_the_rest(invoices: Client) -> None:
    made = make(invoices, items=ITEMS, notes="before", customer_id="C-7")
    answer = invoices.put(f"{PATH}/{made['id']}", json={"account_id": WORKSPACE, "notes": "after", "status": "sent"})
    assert (answer.status_code, answer.json["message"]) == (200, "Resource updated successfully")
    number = f"INV-{date.today().year}-0001"  # noqa: DTZ011 - the year of the series
    changed = {"notes": "after", "status": "sent", "invoice_number": number}
    assert answer.json["data"] == made | changed | {"updated_at": answer.json["data"]["updated_at"]}


@pytest.mark.parametrize("customer", ["C-7", "", 0, 42, 2**53 - 1, None])
def test_a_customer_id_reads_back_as_it_was_written(invoices: Client, customer: Any) -> None:
    made = make(invoices, customer_id=customer)
    assert made["customer_id"] == customer
    assert invoices.get(f"{PATH}/{made['id']}?accountId={WORKSPACE}").json["data"]["customer_id"] == customer
    (entry,) = invoices.get(f"{FINANCE}/{_uuid(invoices)}/history").json["data"]
    assert entry["changes"].get("customer_id", [None, None]) == [None, customer]


@pytest.mark.parametrize("customer", [True, 1.5, -1, 2**53, [], "x" * 256, "nul\0"])
def test_no_other_customer_id_is_taken(invoices: Client, customer: Any) -> None:
    answer = invoices.post(PATH, json={"accountId": WORKSPACE, "customer_id": customer})
    assert (answer.status_code, answer.json["message"]) == (400, "Invalid request body")
    assert answer.json["error"].startswith("customer_id: ")
    assert listed(invoices) == ([], 0)


def test_a_field_is_written_here_only_when_it_is_listed_here_whatever_finance_has() -> None:
    changed, made = (set(schema().fields) for schema in (AccountInvoiceUpdate, AccountInvoiceCreate))
    assert changed == {
        *("accountId", "account_id", "customer_id", "invoice_number", "client_name", "client_email", "issue_date"),
        *("due_date", "status", "currency", "subtotal", "tax", "total", "notes"),
    }
    assert made == changed | {"items"}


def test_a_draft_is_deleted_without_a_word(invoices: Client) -> None:
    made = make(invoices)
    answer = invoices.delete(f"{PATH}/{made['id']}?accountId={WORKSPACE}")
    assert (answer.status_code, answer.data) == (204, b"")
    gone = invoices.get(f"{PATH}/{made['id']}?accountId={WORKSPACE}")
    refused(gone, 404, "Resource not found", "Resource not found")


def test_what_the_domain_refuses_is_said_in_the_envelope_and_changes_nothing(invoices: Client) -> None:
    made = make(invoices, status="sent", items=ITEMS)
    why = "An invoice with a number from the series cannot be deleted; cancel it"
    refused(
        invoices.delete(f"{PATH}/{made['id']}?accountId={WORKSPACE}"), 422, "The operation cannot be completed", why
    )
    assert listed(invoices) == ([made["id"]], 1)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_the_account_must_be_named_and_be_one_that_the_key_may_use(both: Client, method: str) -> None:
    made = make(both)
    where = "body" if method == "PUT" else "parameters"

    def ask(**named: str) -> TestResponse:
        told = {"json": named} if method == "PUT" else {"query_string": named}
        return both.open(method, f"{PATH}/{made['id']}", **told)

    refused(ask(), 400, f"Invalid request {where}", "accountId: Missing data for required field.")
    refused(ask(accountId="nope"), 400, f"Invalid request {where}", "accountId: Not a valid UUID.")
    two = ask(accountId=WORKSPACE, account_id=OTHER)
    refused(two, 400, f"Invalid request {where}", "accountId: Two different accounts are named.")
    refused(ask(accountId=STRANGE), 403, "This API key may not do that", "This API key may not use that account")
    elsewhere = "The invoice does not belong to the requested organization"
    refused(ask(accountId=OTHER), 403, "This API key may not do that", elsewhere)
    assert both.get(f"{PATH}/{made['id']}?account_id={WORKSPACE}").json["data"] == made


@pytest.mark.parametrize("written", ["0", "-1", "1.0", "01", "abc", "9" * 19, "%D9%A1"])
def test_an_id_that_is_no_positive_integer_is_400(invoices: Client, written: str) -> None:
    for path in (f"{PATH}/{written}?accountId={WORKSPACE}", f"{PATH}/{written}/items"):
        refused(invoices.get(path), 400, "Invalid request parameters", "id: Must be a positive integer.")


def test_a_field_that_is_not_known_is_named_and_nothing_is_made(invoices: Client) -> None:
    for typo in ("client_address", "amount_due", "due_dat"):
        answer = invoices.post(PATH, json={"accountId": WORKSPACE, typo: "x"})
        refused(answer, 400, "Invalid request body", f"{typo}: Unknown field.")
    assert listed(invoices) == ([], 0)
    made = make(invoices)
    answer = invoices.put(f"{PATH}/{made['id']}", json={"accountId": WORKSPACE, "items": []})
    refused(answer, 400, "Invalid request body", "items: Unknown field.")
    answer = invoices.get(f"{PATH}?accountId={WORKSPACE}&perPage=2")
    refused(answer, 400, "Invalid request parameters", "perPage: Unknown field.")


def test_a_list_has_its_account_only_and_counts_all_its_pages(both: Client) -> None:
    mine = [make(both)["id"] for _ in range(5)]
    make(both, OTHER)
    assert listed(both) == (mine, 5)
    assert listed(both, "&limit=2") == (mine[:2], 5)
    assert listed(both, "&limit=2&page=3") == (mine[4:], 5)
    assert listed(both, "&limit=2&page=4") == ([], 5)
    assert listed(both, "&sortOrder=desc&limit=2") == (mine[:2:-1], 5)


def test_pages_in_the_order_of_making_skip_and_repeat_nothing_while_others_are_made(invoices: Client) -> None:
    mine = [make(invoices)["id"] for _ in range(4)]
    first, _ = listed(invoices, "&limit=2")
    mine.append(make(invoices)["id"])
    second, _ = listed(invoices, "&limit=2&page=2")
    third, count = listed(invoices, "&limit=2&page=3")
    assert (first + second + third, count) == (mine, 5)


@pytest.mark.parametrize(
    ("query", "places", "count"),
    [
        ("&sortBy=total&sortOrder=desc", [2, 1, 0], 3),
        ("&sortBy=client_name", [2, 0, 1], 3),
        ("&sortBy=due_date", [1, 0, 2], 3),
        ("&sortBy=id&sortOrder=desc", [2, 1, 0], 3),
        ("&query=ACME", [0, 1], 2),
        ("&query=acme&limit=1&sortBy=client_name&sortOrder=desc", [1], 2),
        ("&query=100%25", [], 0),
    ],
)
def test_a_list_is_sorted_and_searched(invoices: Client, query: str, places: list[int], count: int) -> None:
    made = [
        make(invoices, client_name="Acme Corp", due_date="2099-04-02", total=1),
        make(invoices, client_name="Acme Ltd", due_date="2099-04-01", total=2),
        make(invoices, notes="none", total=3),
    ]
    assert listed(invoices, query) == ([made[place]["id"] for place in places], count)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(("page=0", "page"), ("page=x", "page"), ("limit=101", "limit"), ("limit=0", "limit")),
        *(("sortBy=notes", "sortBy"), ("sortOrder=up", "sortOrder")),
    ],
)
def test_a_list_says_what_it_cannot_do(invoices: Client, query: str, field: str) -> None:
    made = make(invoices)
    for path in (f"{PATH}?accountId={WORKSPACE}&{query}", f"{PATH}/{made['id']}/items?{query}"):
        answer = invoices.get(path)
        assert (answer.status_code, answer.json["message"]) == (400, "Invalid request parameters")
        assert answer.json["error"].startswith(f"{field}: ")


def test_items_are_listed_in_their_order_and_cannot_be_written(invoices: Client) -> None:
    made = make(invoices, items=ITEMS)
    path = f"{PATH}/{made['id']}/items"
    assert invoices.get(path).json == {"success": True, "data": made["items"], "count": 2}
    assert invoices.get(f"{path}?sortBy=amount&sortOrder=desc&limit=1").json["data"] == made["items"][1:]
    assert invoices.get(f"{path}?query=DESIGN").json == {"success": True, "data": made["items"][:1], "count": 1}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = invoices.open(method, path, json=ITEMS[0])
        refused(answer, 405, "Method not allowed", "Method not allowed")
        assert "GET" in answer.headers["Allow"].split(", ")
    assert invoices.get(path).json["data"] == made["items"]


def test_a_key_for_one_account_reads_no_items_of_another(both: Client) -> None:
    theirs = make(both, OTHER, items=ITEMS)
    limited = both.seen_by(account_ids=(WORKSPACE,), accounts=(WORKSPACE,))
    answer = limited.get(f"{PATH}/{theirs['id']}/items")
    refused(answer, 403, "This API key may not do that", "This API key may not do that")


def test_another_workspace_has_no_such_invoice(invoices: Client) -> None:
    made = make(invoices, items=ITEMS)
    stranger = invoices.seen_by(workspace_id=STRANGE, account_id=STRANGE, accounts=(STRANGE,))
    for answer in (
        stranger.get(f"{PATH}/{made['id']}?accountId={STRANGE}"),
        stranger.put(f"{PATH}/{made['id']}", json={"accountId": STRANGE, "notes": "x"}),
        stranger.delete(f"{PATH}/{made['id']}?accountId={STRANGE}"),
        stranger.get(f"{PATH}/{made['id']}/items"),
    ):
        refused(answer, 404, "Resource not found", "Resource not found")
    assert listed(stranger, account=STRANGE) == ([], 0)
    assert invoices.get(f"{PATH}/{made['id']}?accountId={WORKSPACE}").json["data"] == made


def test_a_repeat_under_the_same_key_makes_one_invoice(invoices: Client) -> None:
    key = {"Idempotency-Key": "once"}
    first = invoices.post(PATH, json={"accountId": WORKSPACE}, headers=key)
    again = invoices.post(PATH, json={"accountId": WORKSPACE}, headers=key)
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert listed(invoices) == ([first.json["data"]["id"]], 1)


def test_a_version_that_is_not_the_current_one_is_refused(invoices: Client) -> None:
    made = make(invoices)
    answer = invoices.put(
        f"{PATH}/{made['id']}", json={"accountId": WORKSPACE, "notes": "x"}, headers={"If-Match": '"7"'}
    )
    assert (answer.status_code, answer.json["success"]) == (412, False)
    assert invoices.get(f"{PATH}/{made['id']}?accountId={WORKSPACE}").json["data"] == made


def _uuid(client: Client) -> str:
    (native,) = client.get(FINANCE).json["data"]
    uuid: str = native["id"]
    return uuid
