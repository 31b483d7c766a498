"""Expenses by the `projects` document: each call to the letter, and what it refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from services.expenses.models import Expense
from shared import people
from shared.audit import Audit
from tests.client import WORKSPACE

from .conftest import BUDGETS, EXPENSES, Both
from .standin import FIRST, SECOND

TYRES = {"name": "4 New Tyres", "description": "", "date": "20150617", "cost": "200.00"}
KEY = {"Idempotency-Key": "once"}
STRANGER = {"workspace_id": "99999999-2222-4333-8444-555555555555"}

Body = dict[str, Any]


def post(both: Both, body: Any, path: str = f"/projects/{FIRST}/expenses.json", **kwargs: Any) -> Any:
    return both.expenses.post(path, json=body, **kwargs)


def untouched(both: Both) -> None:
    """Nothing was made, told or written down."""
    assert both.all_expenses() == []
    assert both.outbox() == []
    with both.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Audit)) == 0


def stamp(both: Both, number: int) -> str:
    with both.db.read() as session:
        at: datetime = session.scalars(select(Expense.created_at).where(Expense.id == number)).one()
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# Create and read


def test_a_new_expense_answers_with_its_id_alone(both: Both) -> None:
    answer = post(both, {"expense": TYRES})
    assert (answer.status_code, answer.data) == (201, b'{"STATUS":"OK","id":1}')
    assert answer.headers["id"] == "1"
    assert both.outbox() == []


def test_an_expense_reads_as_the_document_shows_it(both: Both) -> None:
    people.accept(
        both.expenses.app.extensions["service"].db,
        WORKSPACE,
        7,
        version=1,
        first_name="Daniel",
        last_name="Mackey",
        email="d@example.com",
        deleted=False,
    )
    number = both.project_expense(**TYRES)
    answer = both.expenses.get(f"/expenses/{number}.json")
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"1"'
    assert answer.json == {
        "expense": {
            "invoice-id": "",
            "name": "4 New Tyres",
            "created-by-user-firstname": "Daniel",
            "created-by-user-id": "7",
            "description": "",
            "created-by-user-lastname": "Mackey",
            "date": "20150617",
            "id": str(number),
            "cost": "200.00",
            "project-id": "1149",
            "currency-code": "USD",
            "date-created": stamp(both, number),
            "date-updated": stamp(both, number),
        }
    }


def test_an_expense_of_nothing_is_all_empty_text(both: Both) -> None:
    for body in ({}, {"name": "", "description": "", "date": "", "cost": "", "currency-code": "", "project-id": ""}):
        answer = post(both, {"expense": body}, "/expenses.json")
        assert answer.status_code == 201
        shown = both.shown(answer.json["id"])
        assert [name for name, value in shown.items() if value] == [
            *("created-by-user-id", "id", "cost", "currency-code", "date-created", "date-updated")
        ]
        assert (shown["cost"], shown["currency-code"]) == ("0.00", "USD")
    assert both.invoices.said == []


def test_the_body_may_name_the_project(both: Both) -> None:
    answer = post(both, {"expense": TYRES | {"project-id": str(SECOND)}}, "/expenses.json")
    assert answer.status_code == 201
    assert both.shown(answer.json["id"])["project-id"] == "1150"


def test_the_path_names_the_project_whatever_the_body_says(both: Both) -> None:
    assert both.shown(both.project_expense(**TYRES | {"project-id": SECOND}))["project-id"] == "1149"


@pytest.mark.parametrize(
    ("written", "shown"),
    [("200.00", "200.00"), (200, "200.00"), (200.0, "200.00"), ("200", "200.00"), ("0.5", "0.50"), ("", "0.00")],
)
def test_a_cost_is_a_number_or_text(both: Both, written: Any, shown: str) -> None:
    assert both.shown(both.project_expense(cost=written))["cost"] == shown


def test_what_is_documented_as_text_may_be_a_number(both: Both) -> None:
    shown = both.shown(both.project_expense(name=4, description=20.50, date=20150617, cost=3))
    assert (shown["name"], shown["description"], shown["date"]) == ("4", "20.5", "20150617")


def test_a_currency_has_its_own_decimals(both: Both) -> None:
    shown = both.shown(both.project_expense(cost=1500, **{"currency-code": "JPY"}))
    assert (shown["cost"], shown["currency-code"]) == ("1500", "JPY")


def test_fields_that_nobody_knows_are_ignored(both: Both) -> None:
    answer = post(both, {"expense": TYRES | {"colour": "red"}, "more": 1})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("cost", "1e2", "cost: Not a number."),
        ("cost", "1,000", "cost: Not a number."),
        ("cost", True, "cost: Not a number."),
        ("cost", "1.005", "cost: USD has 2 decimals."),
        ("cost", -1, "cost: Must be greater than or equal to 0."),
        ("date", "2015-06-17", "date: Not a date: it is written YYYYMMDD."),
        ("date", "20150631", "date: Not a valid date."),
        ("name", "x" * 256, "name: Longer than maximum length 255."),
        ("name", "a\0", "name: Control characters are not allowed."),
        ("description", ["x"], "description: Not a valid string."),
        ("project-id", "x", "project-id: Not a number."),
        (
            "project-id",
            0,
            "project-id: Must be greater than or equal to 1 and less than or equal to 4611686018427387904.",
        ),
    ],
)
def test_what_cannot_be_read_changes_nothing(both: Both, field: str, value: Any, message: str) -> None:
    answer = post(both, {"expense": TYRES | {field: value}}, "/expenses.json")
    said = {"STATUS": "Error", "MESSAGE": f"Invalid request parameters: {message}"}
    assert (answer.status_code, answer.json) == (400, said)
    untouched(both)


@pytest.mark.parametrize("body", [TYRES, {"invoice": TYRES}, {"expense": []}, [], 1])
def test_a_body_without_its_wrapper_is_refused(both: Both, body: Any) -> None:
    answer = post(both, body)
    said = {"STATUS": "Error", "MESSAGE": 'The body must be {"expense": {...}}'}
    assert (answer.status_code, answer.json) == (422, said)
    untouched(both)


def test_a_currency_that_there_is_not_is_refused(both: Both) -> None:
    answer = post(both, {"expense": TYRES | {"currency-code": "XXZ"}})
    assert (answer.status_code, answer.json) == (422, {"STATUS": "Error", "MESSAGE": "There is no currency XXZ"})
    untouched(both)


def test_a_project_that_there_is_not_is_not_found(both: Both) -> None:
    answer = post(both, {"expense": TYRES}, "/projects/9/expenses.json")
    assert (answer.status_code, answer.json) == (404, {"STATUS": "Error", "MESSAGE": "There is no project 9"})
    untouched(both)


def test_a_project_is_named_by_a_positive_integer(both: Both) -> None:
    for path in ("/projects/x/expenses.json", "/projects/0/expenses.json"):
        assert post(both, {"expense": TYRES}, path).status_code == 400
        assert both.expenses.get(path).status_code == 400
    untouched(both)


def test_a_key_needs_the_scope_of_expenses(both: Both) -> None:
    number = both.project_expense(**TYRES)
    reader = both.expenses.seen_by(scopes=("expenses:read",))
    answer = reader.post("/expenses.json", json={"expense": TYRES})
    said = {"STATUS": "Error", "MESSAGE": "This API key lacks the scope expenses:write"}
    assert (answer.status_code, answer.json) == (403, said)
    assert reader.put(f"/expenses/{number}.json", json={"expense": TYRES}).status_code == 403
    assert reader.delete(f"/expenses/{number}.json").status_code == 403
    assert both.expenses.seen_by(scopes=("invoices:read",)).get("/expenses.json").status_code == 403


# Lists


def test_a_list_begins_with_the_oldest_and_says_where_it_is(both: Both) -> None:
    numbers = [str(both.project_expense(name=name)) for name in ("a", "b", "c")]
    other = str(both.project_expense(SECOND, name="d"))
    outside = both.expense(description="e")
    answer = both.expenses.get("/expenses.json?pageSize=2&page=2")
    assert answer.status_code == 200
    assert list(answer.json) == ["expenses"]
    assert [row["id"] for row in answer.json["expenses"]] == [numbers[2], other]
    assert [answer.headers[name] for name in ("x-page", "x-pages", "x-records")] == ["2", "3", "5"]
    last = both.expenses.get("/expenses.json?pageSize=2&page=3").json["expenses"]
    assert [(row["name"], row["description"], row["project-id"]) for row in last] == [("e", "e", "")]
    assert outside["description"] == "e"


def test_a_list_of_a_project_holds_its_expenses_alone(both: Both) -> None:
    number = both.project_expense(name="a")
    both.project_expense(SECOND, name="b")
    answer = both.expenses.get(f"/projects/{FIRST}/expenses.json")
    assert answer.json == {"expenses": [both.shown(number)]}
    assert [answer.headers[name] for name in ("x-page", "x-pages", "x-records")] == ["1", "1", "1"]


def test_a_page_past_the_end_is_empty(both: Both) -> None:
    both.project_expense(name="a")
    answer = both.expenses.get("/expenses.json?page=9")
    assert (answer.status_code, answer.json) == (200, {"expenses": []})
    assert [answer.headers[name] for name in ("x-page", "x-pages", "x-records")] == ["9", "1", "1"]


def test_a_page_holds_fifty(both: Both) -> None:
    with both.db.write() as session:
        facts = {"workspace_id": WORKSPACE, "amount_minor": 0, "currency": "USD", "spend_version": 0, "version": 1}
        session.add_all(
            Expense(id=n + 1, uuid=f"u{n}", billing_version=0, billable_version=0, name=str(n), **facts)
            for n in range(51)
        )
    answer = both.expenses.get("/expenses.json")
    assert (len(answer.json["expenses"]), answer.headers["x-pages"]) == (50, "2")
    assert len(both.expenses.get("/expenses.json?pageSize=500").json["expenses"]) == 51


@pytest.mark.parametrize("query", ["pageSize=0", "pageSize=501", "pageSize=x", "page=0", "page=1.5"])
def test_a_page_that_there_cannot_be_is_refused(both: Both, query: str) -> None:
    assert both.expenses.get(f"/expenses.json?{query}").status_code == 400


# Change and delete


def test_an_update_changes_what_it_names(both: Both) -> None:
    number = both.project_expense(**TYRES)
    before = both.shown(number)
    answer = both.expenses.put(f"/expenses/{number}.json", json={"expense": {"cost": 250, "description": "All four"}})
    assert (answer.status_code, answer.data) == (200, b'{"STATUS":"OK"}')
    after = both.shown(number)
    changed = {"cost": "250.00", "description": "All four", "date-updated": after["date-updated"]}
    assert after == before | changed


def test_what_is_empty_is_taken_away(both: Both) -> None:
    number = both.project_expense(**TYRES)
    empty = {"name": "", "date": "", "cost": "", "currency-code": "", "project-id": ""}
    assert both.expenses.put(f"/expenses/{number}.json", json={"expense": empty}).status_code == 200
    shown = both.shown(number)
    assert [shown[name] for name in empty] == ["", "", "0.00", "USD", ""]


def test_an_expense_is_deleted(both: Both) -> None:
    number = both.project_expense(**TYRES)
    answer = both.expenses.delete(f"/expenses/{number}.json")
    assert (answer.status_code, answer.data) == (200, b'{"STATUS":"OK"}')
    assert both.expenses.get(f"/expenses/{number}.json").status_code == 404
    assert both.all_expenses() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_an_expense_of_the_workspace_is_found(both: Both, method: str) -> None:
    number = both.project_expense(**TYRES)
    body = {"json": {"expense": {"name": "x"}}} if method == "PUT" else {}
    for client, at, status in (
        (both.expenses, number + 1, 404),
        (both.expenses.seen_by(**STRANGER), number, 404),
        (both.expenses, "x", 400),
        (both.expenses, 0, 400),
    ):
        answer = client.open(method, f"/expenses/{at}.json", **body)
        assert (answer.status_code, answer.json["STATUS"]) == (status, "Error")
    assert both.shown(number)["name"] == "4 New Tyres"
    assert both.expenses.seen_by(**STRANGER).get("/expenses.json").json == {"expenses": []}


def test_if_match_insists_on_a_version(both: Both) -> None:
    number = both.project_expense(**TYRES)
    for method, body in (("PUT", {"json": {"expense": {"name": "x"}}}), ("DELETE", {})):
        answer = both.expenses.open(method, f"/expenses/{number}.json", headers={"If-Match": '"9"'}, **body)
        assert answer.status_code == 412
    changed = both.expenses.put(
        f"/expenses/{number}.json", json={"expense": {"name": "x"}}, headers={"If-Match": '"1"'}
    )
    assert changed.status_code == 200


def test_a_wrong_change_is_named_by_the_document(both: Both) -> None:
    number = both.project_expense(**TYRES)
    answer = both.expenses.put(f"/expenses/{number}.json", json={"expense": {"cost": "1.005"}})
    said = {"STATUS": "Error", "MESSAGE": "Invalid request parameters: cost: USD has 2 decimals."}
    assert (answer.status_code, answer.json) == (400, said)


def test_a_repeat_gets_the_first_answer_and_its_header(both: Both) -> None:
    first = post(both, {"expense": TYRES}, headers=KEY)
    again = post(both, {"expense": TYRES}, headers=KEY)
    assert (again.status_code, again.data, again.headers["id"]) == (201, first.data, first.headers["id"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(both.all_expenses()) == 1
    other = post(both, {"expense": TYRES | {"cost": 1}}, headers=KEY)
    assert other.status_code == 422


def test_a_repeated_deletion_gets_the_first_answer(both: Both) -> None:
    path = f"/expenses/{both.project_expense(**TYRES)}.json"
    assert both.expenses.delete(path, headers=KEY).status_code == 200
    again = both.expenses.delete(path, headers=KEY)
    assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (200, b'{"STATUS":"OK"}', "true")


# What the other dialect shows


def test_a_name_describes_an_expense_in_finance(both: Both) -> None:
    both.project_expense(**TYRES)
    (row,) = both.all_expenses()
    assert {name: row[name] for name in ("description", "amount", "currency", "date", "category", "budget_id")} == {
        "description": "4 New Tyres",
        "amount": 200,
        "currency": "USD",
        "date": "2015-06-17",
        "category": None,
        "budget_id": None,
    }
    assert len(row) == 10
    assert both.expenses.get(f"{EXPENSES}?q=new tyres").json["data"] == [row]
    assert both.expenses.put(f"{EXPENSES}/{row['id']}", json={"description": "d"}).json["data"]["description"] == "d"
    assert both.shown(1)["name"] == "4 New Tyres"


def test_an_expense_of_finance_is_named_by_the_first_line_of_its_description(both: Both) -> None:
    both.expense(description="Office Supplies\nfor May", amount=12.5, budget_id=both.budget(100))
    shown = both.shown(1)
    assert (shown["name"], shown["description"], shown["cost"]) == (
        "Office Supplies",
        "Office Supplies\nfor May",
        "12.50",
    )
    assert both.expenses.put("/expenses/1.json", json={"expense": {"name": "Paper"}}).status_code == 200
    assert both.shown(1)["name"] == "Paper"
    assert both.all_expenses()[0]["description"] == "Office Supplies\nfor May"


def test_who_made_an_expense_is_known_in_every_dialect(both: Both) -> None:
    both.expense(amount=1)
    nobody = both.expenses.seen_by(member_id=None)
    assert nobody.post(EXPENSES, json={}).status_code == 201
    assert [both.shown(number)["created-by-user-id"] for number in (1, 2)] == ["7", ""]


# The invoice it is on


def test_the_invoice_an_expense_is_on_is_shown_and_changes_its_version(both: Both) -> None:
    number = both.project_expense(**TYRES)
    uuid = both.billed(number, "draft")
    assert both.shown(number)["invoice-id"] == "50"
    assert both.expenses.get(f"/expenses/{number}.json").headers["ETag"] == '"2"'
    telling = both.expenses.inside("invoices")
    for version, invoice_id, known, shown, tag in ((1, 9, 1, "50", 2), (3, None, 3, "", 3), (2, 50, 3, "", 3)):
        told = {"version": version, "invoice_id": invoice_id}
        answer = telling.put(f"/internal/billings/{uuid}", json=told)
        assert answer.json == {"version": known, "fresh": known == version}
        read = both.expenses.get(f"/expenses/{number}.json")
        assert (read.json["expense"]["invoice-id"], read.headers["ETag"]) == (shown, f'"{tag}"')
    with both.db.read() as session:
        told_of = [entry.action for entry in session.scalars(select(Audit).order_by(Audit.id))]
    assert told_of == ["created", "billed", "unbilled"]


def test_a_word_about_an_expense_that_was_deleted_is_taken_and_one_about_none_is_not(both: Both) -> None:
    number = both.project_expense(**TYRES)
    uuid, telling, told = both.uuid(number), both.expenses.inside("invoices"), {"version": 1, "invoice_id": 50}
    assert both.expenses.delete(f"/expenses/{number}.json").status_code == 200
    answer = telling.put(f"/internal/billings/{uuid}", json=told)
    assert (answer.status_code, answer.json["version"]) == (200, 1)
    stranger = both.expenses.seen_by(**STRANGER).inside("invoices")
    for client, at in ((telling, "eeeeeeee-1111-4111-8111-111111111111"), (stranger, uuid)):
        assert client.put(f"/internal/billings/{at}", json=told).status_code == 404
    assert both.expenses.put(f"/internal/billings/{uuid}", json=told).status_code == 403


def test_deleting_its_budget_asks_the_invoice_service_nothing(both: Both) -> None:
    budget, number = both.budget(100), both.project_expense(cost=10)
    uuid = both.billed(number, "completed")
    both.invoices.standing.clear()
    assert both.expenses.put(f"{EXPENSES}/{uuid}", json={"budget_id": budget}).status_code == 200
    both.invoices.standing[uuid], both.invoices.said = "completed", []
    assert both.budgets.delete(f"{BUDGETS}/{budget}").status_code == 204
    both.settle()
    assert both.all_expenses()[0]["budget_id"] is None
    assert both.invoices.said == []


def test_each_workspace_counts_up_its_own_expenses(both: Both) -> None:
    mine = [both.project_expense(**TYRES) for _ in range(2)]
    elsewhere = both.expenses.seen_by(workspace_id="22222222-2222-4222-8222-222222222222")
    assert elsewhere.post("/v1/dev/finance/expenses", json={"amount": 1}).status_code == 201
    assert [each["id"] for each in elsewhere.get("/expenses.json").json["expenses"]] == ["1"]
    assert [mine[1] - mine[0], both.project_expense(**TYRES) - mine[1]] == [1, 1]
