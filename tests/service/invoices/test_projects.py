"""Invoices as the `projects` document has them: what bills what, to the cent and to the letter."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from services.invoices import rules
from shared import people
from shared.audit import Audit
from shared.db import new_id
from shared.outbox import Outbox
from shared.relay import Relay
from tests.client import WORKSPACE, Client
from tests.product import wait_until
from tests.service.invoices.projects import DANIEL, Books, ExpenseService, pages
from tests.service.invoices.steps import INVOICES

LIST_KEYS = [
    *("project-id", "exported-by-user-id", "created-by-user-firstname", "description", "fixed-cost", "status"),
    *("date-created", "exported-by-user-lastname", "company-id", "number", "exported-by-user-firstname", "po-number"),
    *("project-name", "display-date", "exported-date", "created-by-user-id", "update-by-user-id"),
    *("created-by-user-lastname", "company-name", "id", "date-updated", "edited-by-user-lastname"),
    *("edited-by-user-firstname", "currency-code"),
]
AS_SENT_TODAY = ["total-cost", "time-cost", "expenses-cost", "due-date", "pricing"]
EXAMPLE = {
    "description": "New machinery as Clark dropped the last tractor",
    "fixed-cost": "",
    "number": "INV00001",
    "po-number": "PO00002",
    "display-date": "20150617",
    "currency-code": "USD",
}


def on(version: int, invoice: int | None) -> dict[str, Any]:
    """What the expense service hears of the invoice that an expense is on."""
    return {"version": version, "invoice_id": invoice, "account_id": WORKSPACE if invoice else None}


def test_the_document_s_example_adds_up_to_358_34(app: Any, books: Books) -> None:
    people.accept(app.extensions["service"].db, WORKSPACE, 7, **DANIEL)
    invoice = books.invoice(description="Replace tractor", number="INV0001", **{"po-number": "PO0001"})
    long = books.time(140, description="Painting decal on engine housing")
    short = books.time(20, description="Work on putting new tyres on", time="14:25")
    books.expense(14, "200.00", name="4 New Tyres")
    books.expense(15, "25.00")
    answer = books.bill(invoice, add={"timelogs": f"{long},{short}", "expenses": "14,15"})
    assert (answer.status_code, answer.json) == (200, {"STATUS": "OK"})
    shown = books.read(invoice)
    created, updated = shown.pop("date-created"), shown.pop("date-updated")
    assert created.endswith("Z")
    assert len(created) == len(updated) == len("2015-06-17T13:50:24Z")
    assert shown == {
        "exported-by-user-id": "",
        "project-id": str(books.project),
        "created-by-user-firstname": "Daniel",
        "fixed-cost": "",
        "status": "active",
        "exported-by-user-lastname": "",
        "line-items": [
            {
                "minutes": "140",
                "date-logged-utc": "2015-06-17T12:25:00Z",
                "rate": "50.00",
                "decimal-hours": "2.33",
                "description": "Painting decal on engine housing",
                "user-lastname": "Mackey",
                "id": str(long),
                "user-firstname": "Daniel",
                "billable": "1",
                "task-name": "",
                "user-id": "7",
                "task-id": "",
                "cost": "116.67",
            },
            {
                "minutes": "20",
                "date-logged-utc": "2015-06-17T14:25:00Z",
                "rate": "50.00",
                "decimal-hours": "0.33",
                "description": "Work on putting new tyres on",
                "user-lastname": "Mackey",
                "id": str(short),
                "user-firstname": "Daniel",
                "billable": "1",
                "task-name": "",
                "user-id": "7",
                "task-id": "",
                "cost": "16.67",
            },
        ],
        "number": "INV0001",
        "po-number": "PO0001",
        "exported-by-user-firstname": "",
        "expenses": [
            {
                "invoice-id": str(invoice),
                "name": name,
                "created-by-user-firstname": "Daniel",
                "created-by-user-id": "7",
                "description": "",
                "created-by-user-lastname": "Mackey",
                "date": "20150617",
                "id": number,
                "cost": cost,
            }
            for name, number, cost in (("4 New Tyres", "14", "200.00"), ("Paint", "15", "25.00"))
        ],
        "update-by-user-id": "7",
        "created-by-user-id": "7",
        "id": str(invoice),
        "company-name": "Apple",
        "edited-by-user-firstname": "Daniel",
        "total-time-decimal": "2.66",
        "total-cost": "358.34",
        "description": "Replace tractor",
        "company-id": "1",
        "exported-date": "",
        "display-date": shown["display-date"],
        "project-name": "API Private Items",
        "total-time": "160",
        "created-by-user-lastname": "Mackey",
        "edited-by-user-lastname": "Mackey",
        "currency-code": "USD",
        "time-cost": "133.34",
        "expenses-cost": "225.00",
        "due-date": "",
        "pricing": "time-and-expenses",
    }


def test_finance_sees_time_and_expenses_as_items_over_the_same_total(books: Books, invoices: Client) -> None:
    invoice = books.invoice()
    entry = books.time(20)
    books.expense(15)
    books.bill(invoice, add={"timelogs": str(entry), "expenses": 15})
    (shown,) = invoices.get(INVOICES).json["data"]
    assert (shown["subtotal"], shown["total"], shown["client_name"]) == (Decimal("41.67"), Decimal("41.67"), "Apple")
    assert [(each["description"], each["quantity"], each["unit_price"], each["amount"]) for each in shown["items"]] == [
        ("Painting", 1, Decimal("16.67"), Decimal("16.67")),
        ("Paint", 1, Decimal("25.00"), Decimal("25.00")),
    ]
    assert invoices.get(f"{INVOICES}/{shown['id']}").json["data"] == shown


def test_a_list_shows_24_documented_keys_and_five_of_today(books: Books, invoices: Client) -> None:
    invoice = books.invoice(**EXAMPLE)
    answer = invoices.get("/invoices.json")
    assert list(answer.json) == ["invoices"]
    (shown,) = answer.json["invoices"]
    assert list(shown) == LIST_KEYS + AS_SENT_TODAY
    assert len(LIST_KEYS) == 24
    assert all(isinstance(value, str) for value in shown.values())
    assert (shown["id"], shown["number"], shown["display-date"]) == (str(invoice), "INV00001", "20150617")
    assert [answer.headers[f"x-{name}"] for name in ("page", "pages", "records")] == ["1", "1", "1"]


def test_a_create_says_its_id_as_a_number_and_in_a_header(books: Books, invoices: Client) -> None:
    answer = invoices.post(f"/projects/{books.project}/invoices.json", json={"invoice": EXAMPLE})
    assert (answer.status_code, answer.json) == (201, {"STATUS": "OK", "id": 1})
    assert answer.headers["id"] == "1"


def test_an_invoice_can_be_drawn_up_while_an_expense_is_being_changed(books: Books) -> None:
    uuid = books.expense(14)
    books.tell(uuid, 14, version=2, held=True, shown=True)
    invoice = books.invoice(**{"fixed-cost": "5"})
    assert books.read(invoice)["total-cost"] == "5.00"


# What comes in


def test_a_body_without_its_wrapper_is_refused(books: Books, invoices: Client) -> None:
    for path, name in (("/invoices.json", "invoice"), ("/projects.json", "project"), ("/companies.json", "company")):
        answer = invoices.post(path, json=EXAMPLE)
        assert (answer.status_code, answer.json) == (
            422,
            {"STATUS": "Error", "MESSAGE": f'The body must be {{"{name}": {{...}}}}'},
        )
    assert invoices.get("/invoices.json").json == {"invoices": []}


def test_numbers_are_taken_where_text_is_documented(books: Books) -> None:
    invoice = books.invoice(number=100, **{"fixed-cost": 12.5, "display-date": 20150617, "po-number": 7})
    shown = books.read(invoice)
    assert [shown[name] for name in ("number", "fixed-cost", "display-date", "po-number")] == [
        "100",
        "12.50",
        "20150617",
        "7",
    ]


def test_fields_of_a_client_s_own_are_left_out(books: Books) -> None:
    assert books.read(books.invoice(number="A", mood="sunny"))["number"] == "A"


@pytest.mark.parametrize(
    ("field", "value", "status", "message"),
    [
        ("currency-code", "ZZZ", 422, "There is no currency ZZZ"),
        ("display-date", "2015-06-17", 400, "display-date: Not a date: it is written YYYYMMDD."),
        ("display-date", "20150231", 400, "display-date: Not a valid date."),
        ("fixed-cost", "1.005", 400, "fixed-cost: USD has 2 decimals."),
        ("fixed-cost", "-1", 400, "fixed-cost: Must be greater than or equal to 0."),
        ("fixed-cost", True, 400, "fixed-cost: Not a number."),
        ("number", False, 400, "number: Not a valid string."),
        ("description", "a\x00b", 400, "description: Control characters are not allowed."),
        ("project-id", "9", 404, "There is no project 9"),
        ("project-id", "x", 400, "project-id: Not a number."),
    ],
)
def test_what_cannot_be_taken_is_named(invoices: Client, field: str, value: object, status: int, message: str) -> None:
    answer = invoices.post("/invoices.json", json={"invoice": {**EXAMPLE, field: value}})
    said = f"Invalid request parameters: {message}" if status == 400 else message
    assert (answer.status_code, answer.json) == (status, {"STATUS": "Error", "MESSAGE": said})
    assert invoices.get("/invoices.json").headers["x-records"] == "0"


def test_an_update_changes_what_is_named_and_nothing_is_empty_text(books: Books, invoices: Client) -> None:
    invoice = books.invoice(**EXAMPLE | {"due-date": "20150717"})
    answer = invoices.put(f"/invoices/{invoice}.json", json={"invoice": {"description": "", "number": "INV00002"}})
    assert (answer.status_code, answer.json) == (200, {"STATUS": "OK"})
    shown = books.read(invoice)
    assert [shown[name] for name in ("description", "number", "po-number", "due-date")] == [
        "",
        "INV00002",
        "PO00002",
        "20150717",
    ]


def test_if_match_of_an_older_version_is_refused(books: Books, invoices: Client) -> None:
    invoice = books.invoice(number="A")
    tag = invoices.get(f"/invoices/{invoice}.json").headers["ETag"]
    books.put(f"/invoices/{invoice}.json", invoice={"number": "B"})
    answer = invoices.put(f"/invoices/{invoice}.json", json={"invoice": {"number": "C"}}, headers={"If-Match": tag})
    assert answer.status_code == 412
    assert books.read(invoice)["number"] == "B"


def test_a_repeated_create_says_the_same_id_again(books: Books, invoices: Client) -> None:
    answers = [
        invoices.post("/invoices.json", json={"invoice": EXAMPLE}, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert [each.json for each in answers] == [{"STATUS": "OK", "id": 1}] * 2
    assert [each.headers["id"] for each in answers] == ["1", "1"]
    assert invoices.get("/invoices.json").headers["x-records"] == "1"


# Lists


def test_lists_tell_by_headers_where_they_are(books: Books, invoices: Client) -> None:
    made = [str(books.invoice()) for _ in range(5)]
    assert [each["id"] for each in pages(invoices, "/invoices.json", "invoices")] == made
    assert [each["id"] for each in pages(invoices, f"/projects/{books.project}/invoices.json", "invoices")] == made
    answer = invoices.get("/invoices.json", query_string={"page": 9, "pageSize": 2})
    assert (answer.status_code, answer.json) == (200, {"invoices": []})
    assert [answer.headers[f"x-{name}"] for name in ("page", "pages", "records")] == ["9", "3", "5"]


@pytest.mark.parametrize("query", ["page=0", "page=x", "pageSize=501", "pageSize=0"])
def test_a_page_that_cannot_be_is_refused(invoices: Client, query: str) -> None:
    answer = invoices.get(f"/invoices.json?{query}")
    assert answer.status_code == 400
    assert answer.json["STATUS"] == "Error"


def test_a_list_shows_the_active_ones_unless_asked_for_others(books: Books, invoices: Client) -> None:
    active, completed = books.invoice(), books.invoice()
    assert books.put(f"/invoices/{completed}/complete.json") == 200

    def ids(query: str) -> list[int]:
        return [int(each["id"]) for each in invoices.get(f"/invoices.json?{query}").json["invoices"]]

    assert [ids(query) for query in ("", "type=active", "type=nonsense")] == [[active]] * 3
    assert (ids("type=completed"), ids("type=all")) == ([completed], [active, completed])
    assert books.put(f"/projects/{books.project}.json", project={"status": "archived"}) == 200
    assert (ids("type=all"), ids("type=all&projectStatus=nonsense")) == ([], [])
    assert ids("type=all&projectStatus=archived") == ids("type=all&projectStatus=all") == [active, completed]


def test_an_invoice_of_no_project_is_listed_with_those_of_active_ones(invoices: Client) -> None:
    invoices.post(INVOICES, json={"client_name": "Apple", "total": 5})
    (shown,) = invoices.get("/invoices.json").json["invoices"]
    assert (shown["project-id"], shown["company-name"], shown["fixed-cost"], shown["total-cost"]) == (
        "",
        "",
        "5.00",
        "5.00",
    )


# What is on an invoice


def test_an_entry_that_is_not_billable_is_shown_and_not_added(books: Books) -> None:
    invoice = books.invoice()
    paid, free = books.time(60), books.time(30, isbillable="0")
    books.bill(invoice, add={"timelogs": [paid, free]})
    shown = books.read(invoice)
    assert [(each["billable"], each["cost"]) for each in shown["line-items"]] == [("1", "50.00"), ("0", "25.00")]
    assert (shown["total-cost"], shown["total-time"], shown["total-time-decimal"]) == ("50.00", "90", "1.50")


def test_a_fixed_cost_is_the_total_until_it_is_taken_away(books: Books) -> None:
    invoice = books.invoice(**{"fixed-cost": "300.00"})
    books.bill(invoice, add={"timelogs": books.time(60)})

    def shown() -> list[str]:
        return [books.read(invoice)[name] for name in ("fixed-cost", "total-cost", "time-cost", "pricing")]

    assert shown() == ["300.00", "300.00", "50.00", "fixed"]
    assert books.put(f"/invoices/{invoice}.json", invoice={"fixed-cost": ""}) == 200
    assert shown() == ["", "50.00", "50.00", "time-and-expenses"]
    assert books.put(f"/invoices/{invoice}.json", invoice={"fixed-cost": "0"}) == 200
    assert shown() == ["0.00", "0.00", "50.00", "fixed"]


def test_tax_of_another_dialect_shows_as_a_fixed_cost(books: Books, invoices: Client) -> None:
    invoice = books.invoice()
    books.bill(invoice, add={"timelogs": books.time(60)})
    (shown,) = invoices.get(INVOICES).json["data"]
    assert invoices.put(f"{INVOICES}/{shown['id']}", json={"tax": 5}).status_code == 200
    assert (books.read(invoice)["total-cost"], books.read(invoice)["fixed-cost"]) == ("55.00", "55.00")
    books.bill(invoice, add={"timelogs": books.time(60)})
    assert invoices.get(f"{INVOICES}/{shown['id']}").json["data"]["total"] == Decimal("105.00")


def test_the_history_tells_of_a_default_rate(app: Any, books: Books) -> None:
    assert books.put(f"/projects/{books.project}/rates.json", rates={"project-default": "61.00"}) == 200
    with app.extensions["service"].db.read() as session:
        told = session.scalars(select(Audit).where(Audit.subject == "project").order_by(Audit.id.desc())).first()
        assert told is not None
        assert (told.action, told.changes["rate_micros"][1]) == ("updated", 61_000_000)


def test_the_rate_is_the_person_s_own_else_the_project_s_and_stays_on_the_invoice(app: Any, books: Books) -> None:
    people.accept(app.extensions["service"].db, WORKSPACE, 8, **DANIEL)
    rates = {"project-default": "40", "users": {"8": {"rate": "60.5"}}}
    assert books.put(f"/projects/{books.project}/rates.json", rates=rates) == 200
    assert books.client.get(f"/projects/{books.project}/rates.json").json == {
        "rates": {
            "project-default": "40.00",
            "users": {"8": {"rate": "60.50", "first-name": "Daniel", "last-name": "Mackey"}},
        }
    }
    invoice = books.invoice()
    books.bill(invoice, add={"timelogs": [books.time(60), books.time(60, **{"person-id": "8"})]})
    assert books.put(f"/projects/{books.project}/rates.json", rates={"project-default": "1", "users": {"8": ""}}) == 200
    assert [each["rate"] for each in books.read(invoice)["line-items"]] == ["40.00", "60.50"]
    assert books.client.get(f"/projects/{books.project}/rates.json").json == {
        "rates": {"project-default": "1.00", "users": {}}
    }


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"add": {"timelogs": "99"}}, 404, "There is no time entry 99"),
        ({"add": {"expenses": "99"}}, 404, "There is no expense 99"),
        ({"remove": {"timelogs": "1"}}, 422, "The time entry 1 is not on the invoice"),
        ({"remove": {"expenses": "15"}}, 422, "The expense 15 is not on the invoice"),
        ({"add": {"timelogs": "2"}}, 422, "The invoice is in another project"),
        ({"add": {"timelogs": "3"}}, 422, "It is on another invoice"),
        ({"add": {"timelogs": "1", "expenses": "16"}}, 422, "The invoice is in USD"),
        ({"add": {"timelogs": "1;2"}}, 400, "Invalid request parameters: add.timelogs: Not a number."),
    ],
)
def test_what_cannot_be_billed_is_refused_and_nothing_is(
    books: Books, expense_service: ExpenseService, change: dict[str, Any], status: int, message: str
) -> None:
    invoice, other = books.invoice(), books.invoice()
    books.time(60)
    elsewhere = books.made("/projects.json", project={"name": "Elsewhere"})
    books.made(f"/projects/{elsewhere}/time_entries.json", **{"time-entry": {"hours": 1}})
    books.bill(other, add={"timelogs": books.time(30)})
    books.expense(15)
    books.expense(16, currency="EUR")
    before = books.read(invoice), books.read(other)
    answer = books.bill(invoice, **change)
    assert (answer.status_code, answer.json) == (status, {"STATUS": "Error", "MESSAGE": message})
    assert (books.read(invoice), books.read(other)) == before
    assert expense_service.heard == []


def test_a_time_entry_on_an_invoice_changes_it(books: Books) -> None:
    invoice, entry = books.invoice(), books.time(60)
    books.bill(invoice, add={"timelogs": entry})
    assert books.put(f"/time_entries/{entry}.json", **{"time-entry": {"minutes": "30"}}) == 200
    assert books.read(invoice)["total-cost"] == "75.00"
    assert books.put(f"/time_entries/{entry}.json", **{"time-entry": {"isbillable": False}}) == 200
    assert books.read(invoice)["total-cost"] == "0.00"
    assert books.client.delete(f"/time_entries/{entry}.json").json == {"STATUS": "OK"}
    assert books.read(invoice)["line-items"] == []


def test_an_invoice_has_no_more_lines_than_others_have(
    books: Books, expense_service: ExpenseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules.billing, "LINES", 2)
    invoice, entries = books.invoice(), [books.time(60) for _ in range(3)]
    books.expense(15)
    assert books.bill(invoice, add={"timelogs": entries[:1], "expenses": 15}).status_code == 200
    before, heard = books.read(invoice), list(expense_service.heard)
    answer = books.bill(invoice, add={"timelogs": entries[1]})
    assert (answer.status_code, answer.json["MESSAGE"]) == (422, "An invoice has at most 2 lines")
    assert (books.read(invoice), expense_service.heard) == (before, heard)
    assert books.bill(invoice, add={"timelogs": entries[1]}, remove={"timelogs": entries[0]}).status_code == 200
    monkeypatch.setattr(rules.billing, "LINES", 1)
    assert books.bill(invoice, remove={"timelogs": entries[1]}).status_code == 200


@pytest.mark.parametrize("most", [rules.LINES, rules.LINES + 1])
@pytest.mark.parametrize("spell", [list, lambda ids: ",".join(map(str, ids))], ids=["list", "text"])
def test_no_more_ids_are_read_than_an_invoice_has_lines(books: Books, most: int, spell: Any) -> None:
    number = books.invoice()
    before = books.read(number)
    for how in ("add", "remove"):
        for name in ("timelogs", "expenses"):
            answer = books.bill(number, **{how: {name: spell(range(1, most + 1))}})
            if most > rules.LINES:
                why = f"Invalid request parameters: {how}.{name}: At most 1000 ids."
                assert (answer.status_code, answer.json["MESSAGE"]) == (400, why)
            else:
                assert answer.status_code == 404, answer.data
    assert books.read(number) == before


def test_rates_of_no_more_than_a_thousand_persons_are_read(books: Books) -> None:
    path = f"/projects/{books.project}/rates.json"
    before = books.client.get(path).data
    answers = [
        books.client.put(path, json={"rates": {"users": {str(person): "x" for person in range(1, 1 + count)}}})
        for count in (1000, 1001)
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json["MESSAGE"].startswith("Invalid request parameters: users.1.value: Not a number.")
    assert answers[0].json["MESSAGE"].endswith("; others: 900 more.")
    assert answers[1].json["MESSAGE"] == "Invalid request parameters: users: Longer than maximum length 1000."
    assert books.client.get(path).data == before


def test_a_deleted_invoice_lets_go_of_what_it_billed(books: Books, expense_service: ExpenseService) -> None:
    invoice, entry, expense = books.invoice(), books.time(60), books.expense(15)
    books.bill(invoice, add={"timelogs": entry, "expenses": 15})
    assert books.client.get(f"/time_entries/{entry}.json").json["time-entry"]["isbilled"] == "1"
    assert books.client.delete(f"/invoices/{invoice}.json").json == {"STATUS": "OK"}
    assert books.client.get(f"/time_entries/{entry}.json").json["time-entry"]["isbilled"] == "0"
    assert expense_service.heard == [
        (expense, on(1, invoice)),
        (expense, on(2, None)),
    ]
    again = books.invoice()
    assert books.bill(again, add={"timelogs": entry, "expenses": 15}).status_code == 200
    assert books.read(again)["total-cost"] == "75.00"


def test_which_invoice_an_expense_is_on_is_told_later_when_nobody_hears(
    books: Books, expense_service: ExpenseService, relay: Relay
) -> None:
    invoice, expense = books.invoice(), books.expense(15)
    expense_service.away = True
    assert books.bill(invoice, add={"expenses": 15}).status_code == 200
    expense_service.away = False
    wait_until(lambda: relay.run_once() == 0 and len(expense_service.heard) == 1)
    assert expense_service.heard == [(expense, on(1, invoice))]


def test_which_invoice_an_expense_is_on_is_told_above_what_is_known(
    books: Books, expense_service: ExpenseService, relay: Relay
) -> None:
    invoice, expense = books.invoice(), books.expense(15)
    expense_service.known = 7
    assert books.bill(invoice, add={"expenses": 15}).status_code == 200
    wait_until(lambda: relay.run_once() == 0 and len(expense_service.heard) == 1)
    assert books.bill(invoice, remove={"expenses": 15}).status_code == 200
    said = [(expense, on(8, invoice)), (expense, on(9, None))]
    assert expense_service.heard == said


# Locks


def test_a_completed_invoice_and_what_is_on_it_are_locked(books: Books, invoices: Client) -> None:
    invoice, entry, other, expense = books.invoice(), books.time(60), books.time(5), books.expense(15)
    books.bill(invoice, add={"timelogs": entry, "expenses": 15})
    assert [books.put(f"/invoices/{invoice}/complete.json") for _ in range(2)] == [200, 200]
    before = books.read(invoice)
    assert before["status"] == "completed"
    refused = [
        invoices.put(f"/invoices/{invoice}.json", json={"invoice": {"description": "new"}}),
        invoices.delete(f"/invoices/{invoice}.json"),
        books.bill(invoice, add={"timelogs": other}),
        books.bill(invoice, remove={"timelogs": entry}),
        invoices.put(f"/time_entries/{entry}.json", json={"time-entry": {"description": "new"}}),
        invoices.delete(f"/time_entries/{entry}.json"),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json) == (
            422,
            {"STATUS": "Error", "MESSAGE": "The invoice is completed"},
        )
    asked = books.say(expense, 15, version=2, held=True)
    assert (asked.status_code, asked.json) == (422, {"message": "The invoice is completed"})
    assert books.read(invoice) == before
    assert [books.put(f"/invoices/{invoice}/uncomplete.json") for _ in range(2)] == [200, 200]
    assert books.put(f"/invoices/{invoice}.json", invoice={"description": "new"}) == 200


# What the expense service tells


def test_the_newest_state_of_an_expense_counts(books: Books) -> None:
    invoice, expense = books.invoice(), books.expense(15, "25.00", version=3)
    books.bill(invoice, add={"expenses": 15})
    assert books.tell(expense, 15, "99.00", version=2) == {"version": 3, "fresh": False}
    assert books.read(invoice)["total-cost"] == "25.00"
    assert books.tell(expense, 15, "30.00", version=4, name="Red paint") == {"version": 4, "fresh": True}
    shown = books.read(invoice)
    assert (shown["total-cost"], shown["expenses"][0]["name"]) == ("30.00", "Red paint")
    assert books.tell(expense, 15, "0", version=5, project_id=None) == {"version": 5, "fresh": True}
    assert (books.read(invoice)["total-cost"], books.read(invoice)["expenses"]) == ("0.00", [])


def test_an_expense_that_is_held_keeps_its_invoice_from_being_closed(books: Books, invoices: Client) -> None:
    invoice, other, expense = books.invoice(), books.invoice(), books.expense(15)
    books.bill(invoice, add={"expenses": 15})
    (uuid,) = (each["id"] for each in invoices.get(INVOICES).json["data"] if each["items"])
    assert books.tell(expense, 15, version=2, held=True, shown=True) == {"version": 2, "fresh": True}
    before = books.read(invoice)
    conflicts = [
        invoices.put(f"/invoices/{invoice}/complete.json"),
        invoices.delete(f"/invoices/{invoice}.json"),
        invoices.put(f"{INVOICES}/{uuid}", json={"status": "sent"}),
        books.bill(invoice, remove={"expenses": 15}),
        books.bill(other, add={"expenses": 15}),
    ]
    assert [each.status_code for each in conflicts] == [409] * 5
    assert books.read(invoice) == before
    books.tell(expense, 15, "30.00", version=3)
    assert books.put(f"/invoices/{invoice}/complete.json") == 200
    assert books.read(invoice)["total-cost"] == "30.00"


@pytest.mark.parametrize(
    ("facts", "status", "message"),
    [
        ({"project_id": 99}, 404, "There is no project 99"),
        ({"shown": True}, 422, "Items and amounts are fixed once the invoice is sent"),
        ({"project_id": None}, 422, "The expense is on an invoice of its project; take it off first"),
    ],
)
def test_a_question_that_an_invoice_cannot_grant_is_refused(
    books: Books, invoices: Client, facts: dict[str, Any], status: int, message: str
) -> None:
    invoice, expense = books.invoice(), books.expense(15)
    books.bill(invoice, add={"expenses": 15})
    (shown,) = invoices.get(INVOICES).json["data"]
    invoices.put(f"{INVOICES}/{shown['id']}", json={"status": "sent"})
    before = books.read(invoice)
    answer = books.say(expense, 15, version=2, held=True, **facts)
    assert (answer.status_code, answer.json) == (status, {"message": message})
    assert books.read(invoice) == before
    assert books.tell(expense, 15, version=2, name="Same paint") == {"version": 2, "fresh": True}


def test_a_question_of_which_nothing_came_leaves_the_invoice_as_it_was(books: Books, invoices: Client) -> None:
    invoice, expense = books.invoice(), books.expense(15)
    books.bill(invoice, add={"expenses": 15})
    (shown,) = invoices.get(INVOICES).json["data"]

    def seen() -> tuple[Any, ...]:
        one = invoices.get(f"{INVOICES}/{shown['id']}")
        history = invoices.get(f"{INVOICES}/{shown['id']}/history")
        return one.json, one.headers["ETag"], history.json["data"], books.read(invoice)

    before = seen()
    assert books.tell(expense, 15, version=2, held=True, shown=True) == {"version": 2, "fresh": True}
    assert books.tell(expense, 15, version=3) == {"version": 3, "fresh": True}
    assert seen() == before


# Neighbours


def test_a_company_with_projects_and_a_project_with_invoices_stay(books: Books, invoices: Client) -> None:
    books.invoice()
    for path, message in (
        ("/companies/1.json", "It has projects"),
        (f"/projects/{books.project}.json", "It has invoices"),
    ):
        answer = invoices.delete(path)
        assert (answer.status_code, answer.json) == (422, {"STATUS": "Error", "MESSAGE": message})
        assert invoices.get(path).status_code == 200
    empty = books.made("/projects.json", project={"name": "Empty"})
    assert invoices.delete(f"/projects/{empty}.json").json == {"STATUS": "OK"}
    assert invoices.get(f"/projects/{empty}.json").status_code == 404


def test_a_project_is_read_as_it_was_written(books: Books, invoices: Client) -> None:
    company = books.made("/companies.json", company={"name": "Kent Farms", "addressOne": "1 Orchard Lane"})
    project = books.made(
        "/projects.json",
        project={"name": "Tractor", "company-id": str(company), "start_date": "20150601", "endDate": "20150701"},
    )
    shown = invoices.get(f"/projects/{project}.json").json["project"]
    assert shown["created-on"] == shown["last-changed-on"]
    assert {name: shown[name] for name in shown if not name.endswith("-on")} == {
        "id": str(project),
        "name": "Tractor",
        "description": "",
        "status": "active",
        "company": {"id": str(company), "name": "Kent Farms"},
        "company-id": str(company),
        "company-name": "Kent Farms",
        "startDate": "20150601",
        "endDate": "20150701",
    }
    assert invoices.get(f"/companies/{company}.json").json["company"]["address-one"] == "1 Orchard Lane"
    answer = invoices.put(f"/projects/{project}.json", json={"project": {"endDate": "20150501"}})
    assert (answer.status_code, answer.json["MESSAGE"]) == (422, "A project cannot end before it begins")
    assert invoices.get(f"/projects/{project}.json").json["project"] == shown


def test_time_is_logged_in_the_workspace_s_time_zone(books: Books, invoices: Client) -> None:
    berlin = invoices.seen_by(time_zone="Europe/Berlin")
    entry = {"date": "20240701", "time": "00:30", "hours": "1.5", "minutes": "15", "description": "Early"}
    number = berlin.post(f"/projects/{books.project}/time_entries.json", json={"time-entry": entry}).json["id"]
    shown = invoices.get(f"/time_entries/{number}.json").json["time-entry"]
    assert (shown["date"], shown["hours"], shown["minutes"]) == ("2024-06-30T22:30:00Z", "1", "45")
    for query, count in (("fromdate=20240701&todate=20240701", 1), ("fromdate=20240702", 0), ("todate=20240630", 0)):
        assert len(berlin.get(f"/time_entries.json?{query}").json["time-entries"]) == count


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "hours: With the minutes, must make one whole minute or more."),
        ({"minutes": "0"}, "hours: With the minutes, must make one whole minute or more."),
        ({"hours": "0.0001"}, "hours: With the minutes, must make one whole minute or more."),
        ({"hours": "1", "time": "25:00"}, "time: Not a time: it is written HH:MM."),
        ({"hours": "1", "date": "00010101"}, "date: Must be between the years 1900 and 9998."),
        ({"hours": "1", "isbillable": "perhaps"}, "isbillable: Must be 1 or 0."),
    ],
)
def test_time_that_cannot_be_is_refused(books: Books, entry: dict[str, Any], message: str) -> None:
    path = f"/projects/{books.project}/time_entries.json"
    answer = books.client.post(path, json={"time-entry": entry})
    assert (answer.status_code, answer.json) == (
        400,
        {"STATUS": "Error", "MESSAGE": f"Invalid request parameters: {message}"},
    )
    assert books.client.get(path).json == {"time-entries": []}


def test_somebody_unknown_logs_no_time(books: Books) -> None:
    path = f"/projects/{books.project}/time_entries.json"
    answer = books.client.post(path, json={"time-entry": {"hours": 1, "person-id": "99"}})
    assert (answer.status_code, answer.json) == (404, {"STATUS": "Error", "MESSAGE": "There is no person 99"})


def test_currencies_come_by_name(invoices: Client) -> None:
    answer = invoices.get("/currencycodes.json")
    assert list(answer.json) == ["currency-codes"]
    known = answer.json["currency-codes"]
    assert known[:2] == [{"name": "Afghani", "code": "AFN"}, {"name": "Algerian dinar", "code": "DZD"}]
    assert {"name": "US dollar", "code": "USD"} in known
    assert known == sorted(known, key=lambda each: (each["name"].casefold(), each["code"]))


@pytest.mark.parametrize(
    ("cost", "facts", "message"),
    [
        ("2500", {"currency": "JPY"}, "The invoice is in USD"),
        ("19.99", {}, "amount_requested must be at most 19.99, the total"),
    ],
)
def test_an_expense_that_an_invoice_cannot_be_over_is_refused(
    books: Books, invoices: Client, cost: str, facts: dict[str, Any], message: str
) -> None:
    invoice, expense = books.invoice(), books.expense(15)
    books.bill(invoice, add={"expenses": 15})
    (named,) = invoices.get("/api/invoices").json["invoices"]
    assert invoices.put(f"/api/invoices/{named['transaction_id']}", json={"amount_requested": 20}).status_code == 200
    before = books.read(invoice)
    answer = books.say(expense, 15, cost, version=2, held=True, shown=True, **facts)
    assert (answer.status_code, answer.json) == (422, {"message": message})
    assert books.read(invoice) == before


def test_an_expense_that_may_move_keeps_the_project_where_it_may_come_to_be(books: Books, invoices: Client) -> None:
    expense = books.expense(15)
    other = books.made("/projects.json", project={"name": "Other"})
    assert books.tell(expense, 15, version=2, held=True, shown=True, project_id=other) == {"version": 2, "fresh": True}
    answer = invoices.delete(f"/projects/{other}.json")
    assert (answer.status_code, answer.json["MESSAGE"]) == (422, "It has expenses")
    assert books.tell(expense, 15, version=3, project_id=other) == {"version": 3, "fresh": True}
    assert invoices.delete(f"/projects/{books.project}.json").json == {"STATUS": "OK"}


def test_an_invoice_takes_no_expense_that_makes_it_too_large(books: Books) -> None:
    invoice, expense = books.invoice(), books.expense(15)
    books.expense(16, "9999999999900.00")
    books.bill(invoice, add={"expenses": "15,16"})
    answer = books.say(expense, 15, "100.00", version=2, held=True, shown=True)
    assert (answer.status_code, answer.json) == (422, {"message": "The total would be too large"})


@pytest.mark.parametrize(
    ("change", "minutes"),
    [({"minutes": "30"}, 150), ({"hours": "3"}, 200), ({"hours": "0", "minutes": "5"}, 5), ({}, 140)],
)
def test_hours_and_minutes_are_two_fields(books: Books, change: dict[str, str], minutes: int) -> None:
    entry = books.time(140)
    assert books.put(f"/time_entries/{entry}.json", **{"time-entry": change}) == 200
    shown = books.client.get(f"/time_entries/{entry}.json").json["time-entry"]
    assert (shown["hours"], shown["minutes"]) == (str(minutes // 60), str(minutes % 60))


def test_what_was_not_told_in_time_is_the_relays_at_once(
    app: Any, books: Books, expense_service: ExpenseService, relay: Relay
) -> None:
    invoice = books.invoice()
    told = sorted(books.expense(number) for number in (15, 16, 17))
    expense_service.away = True
    assert books.bill(invoice, add={"expenses": "15,16,17"}).status_code == 200
    with app.extensions["service"].db.read() as session:
        assert [message.leased_until for message in session.scalars(select(Outbox))] == [None] * 3
    expense_service.away = False
    wait_until(lambda: relay.run_once() == 0 and len(expense_service.heard) == 3)
    assert sorted(expense_service.heard) == [(uuid, on(1, invoice)) for uuid in told]


# Integer ids that are given again


def test_an_integer_id_that_is_given_again_names_the_newest_expense_alone(books: Books) -> None:
    stale = books.expense(14, "500.00")
    fresh = books.expense(14, "5.00")
    invoice = books.invoice()
    assert books.bill(invoice, add={"expenses": "14"}).status_code == 200
    assert [line["cost"] for line in books.read(invoice)["expenses"]] == ["5.00"]
    assert books.read(invoice)["total-cost"] == "5.00"
    books.tell(stale, 14, "400.00", version=2)
    books.tell(fresh, 14, "6.00", version=2)
    assert books.read(invoice)["total-cost"] == "6.00"
    assert books.bill(invoice, remove={"expenses": "14"}).status_code == 200
    assert books.read(invoice)["expenses"] == []


def test_an_expense_on_an_invoice_whose_id_is_given_again_stays_on_it(books: Books) -> None:
    books.expense(14, "500.00")
    invoice = books.invoice()
    assert books.bill(invoice, add={"expenses": "14"}).status_code == 200
    books.expense(14, "5.00")
    assert [(line["id"], line["cost"]) for line in books.read(invoice)["expenses"]] == [("", "500.00")]
    assert books.bill(invoice, add={"expenses": "14"}).status_code == 200
    assert books.read(invoice)["total-cost"] == "505.00"
    assert books.client.delete(f"/invoices/{invoice}.json").status_code == 200
    other = books.invoice()
    assert books.bill(other, add={"expenses": "14"}).status_code == 200
    assert books.read(other)["total-cost"] == "5.00"


def test_another_workspace_may_have_the_same_integer_id(app: Any, books: Books) -> None:
    books.expense(14, "500.00")
    Books(books.client.seen_by(workspace_id=new_id())).expense(14, "5.00")
    invoice = books.invoice()
    assert books.bill(invoice, add={"expenses": "14"}).status_code == 200
    assert books.read(invoice)["total-cost"] == "500.00"
