"""What is locked is locked in every dialect: a completed invoice, and the amounts of one that has been sent."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.client import WORKSPACE, Client
from tests.service.invoices.approvals import APPROVAL, BODY
from tests.service.invoices.approvals import PATH as APPROVALS
from tests.service.invoices.dialects import SINGLES, agree, faces
from tests.service.invoices.operations import ACCOUNTS, OPERATIONS, Operation, Things, rows_of, things
from tests.service.invoices.projects import Books
from tests.service.invoices.steps import INVOICES, ITEMS, Facts, data

COMPLETED = "The invoice is completed"
FIXED = "Items and amounts are fixed once the invoice is sent"
TIME_ENTRY = "/time_entries/<id:entry_id>.json"
LINES = "/invoices/<id:invoice_id>/lineitems.json"
FINANCE, OF_ACCOUNT, TRANSACTION, OF_PROJECT = (path for path, _ in SINGLES.values())

LOCKS = {("PUT", "/invoices/<id:invoice_id>/complete.json"), ("PUT", "/invoices/<id:invoice_id>/uncomplete.json")}
WRITES = sorted(
    operation
    for operation in OPERATIONS.keys() - LOCKS
    if operation[0] != "GET"
    and any(f"{name}>" in operation[1] for name in ("invoice_id", "transaction_id", "entry_id"))
)
"""All that changes an invoice, or a time entry on it."""
SENT_FIRST = {("POST", f"{INVOICES}/<uuid:invoice_id>/payments")}
APPROVED_FIRST = {("PUT", f"{APPROVALS}/<transaction_id>/finance-approve")}

Write = tuple[str, str, Facts]
"""A method, a path as the routes have it, and a body."""

AMOUNTS: list[Write] = [
    *(("PUT", FINANCE, {name: 1}) for name in ("subtotal", "tax", "total")),
    *(("PUT", FINANCE, body) for body in ({"items": ITEMS}, {"currency": "EUR"})),
    *(("PUT", OF_ACCOUNT, {"accountId": WORKSPACE, name: 1}) for name in ("subtotal", "tax", "total")),
    ("PUT", OF_ACCOUNT, {"accountId": WORKSPACE, "currency": "EUR"}),
    *(("PUT", TRANSACTION, {name: 1}) for name in ("total_amount", "amount_requested")),
    *(("PUT", OF_PROJECT, {"invoice": body}) for body in ({"fixed-cost": "1"}, {"currency-code": "EUR"})),
]
"""What changes an amount."""
OF_LINES: list[Write] = [
    ("PUT", FINANCE, {"tax": 1}),
    ("PUT", TRANSACTION, {"amount_requested": 1}),
    ("PUT", OF_PROJECT, {"invoice": {"fixed-cost": "1"}}),
    *(("PUT", TIME_ENTRY, {"time-entry": body}) for body in ({"minutes": 5}, {"hours": 5}, {"isbillable": "0"})),
    *(("PUT", TIME_ENTRY, {"time-entry": body}) for body in ({"description": "f"}, {"date": "20150618"})),
    ("DELETE", TIME_ENTRY, {}),
    *(
        ("PUT", LINES, {"lineitems": {how: lines}})
        for how in ("add", "remove")
        for lines in ({"timelogs": "{entry}"}, {"expenses": "{expense}"})
    ),
]
"""The same where the amounts are those of time entries and expenses."""
WORDS: list[Write] = [
    ("PUT", FINANCE, {"notes": "n", "due_date": "2099-12-31", "client_address": "1 High St", "client_name": "Acme"}),
    ("PUT", OF_ACCOUNT, {"accountId": WORKSPACE, "notes": "m", "customer_id": 42, "issue_date": "2024-03-01"}),
    ("PUT", TRANSACTION, {"description": "d", "provider_name": "p", "payment_method": "card", "category_name": "c"}),
    ("PUT", OF_PROJECT, {"invoice": {"description": "e", "po-number": "PO1", "due-date": "20991231"}}),
]
"""What changes none, and no line."""
SHOWN_AMOUNTS = ("subtotal", "tax", "total", "amount_paid", "amount_due", "currency")


@pytest.fixture
def mighty(invoices: Client) -> Client:
    """A key that may do everything."""
    return invoices.seen_by(scopes=("admin",))


@contextmanager
def not_a_row_changes(client: Client) -> Iterator[None]:
    """Neither an invoice nor its version, its lines or its history changes in this block."""
    before = rows_of(client)
    yield
    assert rows_of(client) == before


def told(path: str, why: str) -> Facts:
    """A refusal in the words of the path's dialect."""
    if path.startswith(ACCOUNTS):
        return {"success": False, "message": "The operation cannot be completed", "error": why}
    return {"STATUS": "Error", "MESSAGE": why} if path.endswith(".json") else {"message": why}


def carrying(client: Client) -> tuple[Books, Things, str]:
    """A draft that carries a time entry and an expense; and the expense's UUID."""
    books = Books(client)
    invoice = books.invoice(number=f"A-{books.project}")
    entry = books.time(140)
    number = 10 + books.project
    uuid = books.expense(number)
    assert books.bill(invoice, add={"timelogs": entry, "expenses": number}).status_code == 200
    made = things(client, id=invoice, project=books.project, entry=entry, expense=number)
    assert client.put(made.path(TRANSACTION), json={"user_email": BODY["user_email"]}).status_code == 200
    data(client.put(made.path(FINANCE), json={"client_email": "client@example.com"}))
    return books, made, uuid


def prepared(client: Client, made: Things, operation: Operation) -> None:
    """Bring an invoice to where the operation could be done."""
    if operation in SENT_FIRST:
        sent(client, made)
    if operation in APPROVED_FIRST:
        assert client.put(made.path(f"{TRANSACTION}/approve"), json=APPROVAL).status_code == 200


def sent(client: Client, made: Things) -> None:
    """Bring an invoice out of draft."""
    data(client.put(made.path(FINANCE), json={"status": "sent"}))


def turned(client: Client, made: Things, how: str) -> None:
    """Complete or uncomplete an invoice."""
    assert client.put(f"/invoices/{made.id}/{how}.json").status_code == 200


@pytest.mark.parametrize("operation", WRITES, ids=" ".join)
def test_a_completed_invoice_is_locked_in_every_dialect(mighty: Client, operation: Operation) -> None:
    _, made, _ = carrying(mighty)
    prepared(mighty, made, operation)
    turned(mighty, made, "complete")
    with not_a_row_changes(mighty):
        answer = made.ask(mighty, operation)
    assert (answer.status_code, answer.json) == (422, told(operation[1], COMPLETED))
    agree(faces(mighty, made))
    turned(mighty, made, "uncomplete")
    assert made.ask(mighty, operation).status_code in (200, 201, 204), "only the lock stood in its way"


def test_what_an_expense_on_a_completed_invoice_costs_or_is_called_cannot_change(mighty: Client) -> None:
    books, made, uuid = carrying(mighty)
    turned(mighty, made, "complete")
    with not_a_row_changes(mighty):
        for shown in (True, False):
            for project in (made.project, None):
                asked = {"held": True, "shown": shown, "project_id": project}
                answer = books.say(uuid, made.expense, version=2, **asked)
                assert (answer.status_code, answer.json) == (422, {"message": COMPLETED})
    turned(mighty, made, "uncomplete")
    assert books.tell(uuid, made.expense, version=2, held=True, shown=True) == {"version": 2, "fresh": True}


def test_completing_twice_and_uncompleting_twice_change_nothing_the_second_time(mighty: Client) -> None:
    _, made, _ = carrying(mighty)
    for how in ("complete", "uncomplete"):
        turned(mighty, made, how)
        with not_a_row_changes(mighty):
            turned(mighty, made, how)


def test_what_is_on_a_completed_invoice_cannot_be_put_on_another(mighty: Client) -> None:
    books, made, _ = carrying(mighty)
    other = books.invoice()
    turned(mighty, made, "complete")
    with not_a_row_changes(mighty):
        for lines in ({"timelogs": made.entry}, {"expenses": made.expense}):
            said = told(".json", "It is on another invoice")
            answer = books.bill(other, add=lines)
            assert (answer.status_code, answer.json) == (422, said)
            assert books.bill(other, remove=lines).status_code == 422


def test_another_rate_leaves_what_is_on_an_invoice_as_it_is(mighty: Client) -> None:
    books, made, _ = carrying(mighty)
    turned(mighty, made, "complete")
    before = faces(mighty, made)
    assert books.put(f"/projects/{made.project}/rates.json", rates={"project-default": "99.99"}) == 200
    assert faces(mighty, made) == before


def test_amounts_are_fixed_once_sent_in_every_dialect(mighty: Client) -> None:
    data(mighty.post(INVOICES, json={"total": 100}), 201)
    plain = things(mighty)
    books, made, uuid = carrying(mighty)
    for invoice in (plain, made):
        sent(mighty, invoice)
    with not_a_row_changes(mighty):
        for invoice, writes in ((plain, AMOUNTS), (made, OF_LINES)):
            for method, rule, body in writes:
                answer = mighty.open(method, invoice.path(rule), json=invoice.told(body) or None)
                assert (answer.status_code, answer.json) == (422, told(rule, FIXED)), (method, rule, body)
        answer = books.say(uuid, made.expense, version=2, held=True, shown=True)
        assert (answer.status_code, answer.json) == (422, {"message": FIXED})


def test_what_is_no_line_and_no_amount_can_change_after_that(mighty: Client) -> None:
    books, made, uuid = carrying(mighty)
    sent(mighty, made)
    before = faces(mighty, made)
    for method, rule, body in WORDS:
        answer = mighty.open(method, made.path(rule), json=body)
        assert answer.status_code == 200, (rule, answer.data)
    books.tell(uuid, made.expense, version=2, held=True)
    books.tell(uuid, made.expense, version=3)
    now = faces(mighty, made)
    agree(now)
    assert [now.finance[name] for name in SHOWN_AMOUNTS] == [before.finance[name] for name in SHOWN_AMOUNTS]
    assert (now.finance["notes"], now.accounts["notes"]) == ("m", "m")
    assert (now.approvals["description"], now.projects["description"]) == ("e", "e")
    assert [now.projects[name] for name in ("line-items", "expenses")] == [
        before.projects[name] for name in ("line-items", "expenses")
    ]
