"""Threads that write at once, through several dialects: one wins, and what is left behind is whole."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from werkzeug.test import TestResponse

from tests.client import Client
from tests.service.invoices.approvals import BODY
from tests.service.invoices.dialects import SINGLES, agree, faces
from tests.service.invoices.operations import Things, things
from tests.service.invoices.projects import Books
from tests.service.invoices.steps import INVOICES, actions, data

TRIES = 3

Call = Callable[[Client], TestResponse]


@pytest.fixture
def mighty(invoices: Client) -> Client:
    """A key that may do everything."""
    return invoices.seen_by(scopes=("admin",))


def race(client: Client, calls: Sequence[Call]) -> list[TestResponse]:
    """The answers to calls that are made at once, each from a thread and a connection of its own."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(client.seen_by()), calls))


def put(path: str, **body: object) -> Call:
    return lambda client: client.put(path, json=body or None)


def delete(path: str, **told: object) -> Call:
    return lambda client: client.delete(path, **told)


def drawn_up(books: Books, **facts: str) -> Things:
    return things(books.client, id=books.invoice(**facts), project=books.project)


def invoice_of(client: Client, entry: int) -> str:
    answer = client.get(f"/time_entries/{entry}.json")
    assert answer.status_code == 200
    return str(answer.json["time-entry"]["invoice-id"])


def test_after_completing_wins_no_dialect_writes_any_more(mighty: Client) -> None:
    books = Books(mighty)
    for _ in range(TRIES):
        made = drawn_up(books)
        finance, account, transaction, project = (made.path(path) for path, _ in SINGLES.values())
        writes = [
            put(finance, notes="finance"),
            put(account, accountId=made.account, notes="accounts"),
            put(transaction, description="approvals"),
            put(project, invoice={"description": "projects"}),
        ]
        done, *answers = race(mighty, [put(f"/invoices/{made.id}/complete.json"), *writes])
        assert done.status_code == 200
        assert {answer.status_code for answer in answers} <= {200, 422}
        accepted = [answer for answer in answers if answer.status_code == 200]
        told = ["created", *["updated"] * len(accepted), "completed"]
        assert actions(mighty, {"id": made.uuid}) == told
        agree(faces(mighty, made))


def test_of_two_invoices_that_want_one_time_entry_exactly_one_gets_it(mighty: Client) -> None:
    books = Books(mighty)
    for number in range(TRIES):
        pair = [drawn_up(books) for _ in range(2)]
        entry, expense = books.time(140), 100 + number
        books.expense(expense)
        for lines, cost in (({"timelogs": entry}, "116.67"), ({"expenses": expense}, "25.00")):
            calls = [put(f"/invoices/{each.id}/lineitems.json", lineitems={"add": lines}) for each in pair]
            before = [Decimal(books.read(each.id)["total-cost"]) for each in pair]
            answers = race(mighty, calls)
            assert sorted(answer.status_code for answer in answers) == [200, 422]
            after = [Decimal(books.read(each.id)["total-cost"]) for each in pair]
            won = [answer.status_code == 200 for answer in answers]
            assert [now - then for now, then in zip(after, before, strict=True)] == [Decimal(cost) * one for one in won]
            (loser,) = (answer for answer in answers if answer.status_code == 422)
            assert loser.json == {"STATUS": "Error", "MESSAGE": "It is on another invoice"}
        for each in pair:
            agree(faces(mighty, each))


def test_what_is_put_on_an_invoice_that_is_deleted_meanwhile_can_be_billed_again(mighty: Client) -> None:
    books = Books(mighty)
    for _ in range(TRIES):
        made, entry = drawn_up(books), books.time(20)
        gone, put_on = race(
            mighty,
            [
                delete(made.path(SINGLES["finance"][0])),
                put(f"/invoices/{made.id}/lineitems.json", lineitems={"add": {"timelogs": entry}}),
            ],
        )
        assert gone.status_code == 204
        assert put_on.status_code in (200, 404), put_on.data
        assert invoice_of(mighty, entry) == ""
        again = drawn_up(books)
        assert books.bill(again.id, add={"timelogs": entry}).status_code == 200
        assert books.read(again.id)["total-cost"] == "16.67"


def test_a_time_entry_that_is_deleted_while_it_is_billed_costs_nothing(mighty: Client) -> None:
    books = Books(mighty)
    for _ in range(TRIES):
        made, entry = drawn_up(books), books.time(20)
        gone, put_on = race(
            mighty,
            [
                delete(f"/time_entries/{entry}.json"),
                put(f"/invoices/{made.id}/lineitems.json", lineitems={"add": {"timelogs": entry}}),
            ],
        )
        # Who finds the time entry put on another invoice since it looked is told to try again.
        assert (gone.status_code, put_on.status_code) in ((200, 200), (200, 404), (409, 200))
        shown = faces(mighty, made)
        agree(shown)
        assert shown.projects["total-cost"] == ("16.67" if gone.status_code == 409 else "0.00")


def test_an_invoice_is_sent_over_what_is_on_it(mighty: Client) -> None:
    books = Books(mighty)
    for number in range(TRIES):
        made, entry = drawn_up(books, number=f"A-{number}"), books.time(20)
        data(mighty.put(made.path(SINGLES["finance"][0]), json={"client_email": "client@example.com"}))
        sent, put_on = race(
            mighty,
            [
                lambda client, path=f"{INVOICES}/{made.uuid}/send": client.post(path),
                put(f"/invoices/{made.id}/lineitems.json", lineitems={"add": {"timelogs": entry}}),
            ],
        )
        assert sent.status_code == 200
        assert put_on.status_code in (200, 422), put_on.data
        shown = faces(mighty, made)
        agree(shown)
        assert data(sent)["total"] == shown.finance["total"] == (Decimal("16.67") if put_on.status_code == 200 else 0)


def test_of_the_dialects_that_delete_an_invoice_at_once_one_does(mighty: Client) -> None:
    books = Books(mighty)
    for _ in range(TRIES):
        made = drawn_up(books)
        finance, account, transaction, project = (made.path(path) for path, _ in SINGLES.values())
        assert mighty.put(transaction, json={"user_email": BODY["user_email"]}).status_code == 200
        answers = race(
            mighty,
            [
                delete(finance),
                delete(account, query_string={"accountId": made.account}),
                delete(f"{transaction}/destroy", json={"user_email": BODY["user_email"]}),
                delete(project),
            ],
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses in ([200, 404, 404, 404], [204, 404, 404, 404])
        assert actions(mighty, {"id": made.uuid}) == ["created", "updated", "deleted"]


def test_writers_of_one_billed_time_entry_wait_for_each_other(mighty: Client) -> None:
    books = Books(mighty)
    made, entry = drawn_up(books), books.time(60)
    assert books.bill(made.id, add={"timelogs": entry}).status_code == 200
    rewrites = [put(f"/time_entries/{entry}.json", **{"time-entry": {"hours": hours}}) for hours in range(1, 5)]
    billing = put(f"/invoices/{made.id}/lineitems.json", lineitems={"add": {"timelogs": entry}})
    for _ in range(4 * TRIES):
        answers = race(mighty, [*rewrites, billing, billing])
        assert [answer.status_code for answer in answers] == [200] * 6
    agree(faces(mighty, made))


def test_a_company_of_one_name_is_made_once(mighty: Client) -> None:
    calls: list[Call] = [
        lambda client, name=name: client.post("/projects.json", json={"project": {"name": name, "newCompany": "Same"}})
        for name in "abcdef"
    ]
    assert [answer.status_code for answer in race(mighty, calls)] == [201] * 6
    assert [company["name"] for company in mighty.get("/companies.json").json["companies"]] == ["Same"]
