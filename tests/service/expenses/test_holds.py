"""Expenses of projects: nothing that an invoice shows changes without the invoice service's yes, in any dialect."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import delete as sql_delete
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from services.expenses import participants
from shared.audit import Audit
from shared.idempotency import IdempotencyRecord
from shared.outbox import Outbox
from tests.wire import Wire

from .conftest import BUDGETS, EXPENSES, Both, Line
from .standin import COMPLETED, DRAFT, FIRST, SECOND, SENT

TYRES = {"name": "4 New Tyres", "date": "20150617", "cost": "200.00"}
KEY = {"Idempotency-Key": "once"}

Facts = dict[str, Any]


def put(both: Both, number: int, headers: dict[str, str] | None = None, **facts: Any) -> TestResponse:
    return both.expenses.put(f"/expenses/{number}.json", json={"expense": facts}, headers=headers)


def delete(both: Both, number: int) -> TestResponse:
    return both.expenses.delete(f"/expenses/{number}.json")


def native(both: Both, number: int, **facts: Any) -> TestResponse:
    return both.expenses.put(f"{EXPENSES}/{both.uuid(number)}", json=facts)


def entries(both: Both) -> int:
    """How many changes the history tells of."""
    with both.db.read() as session:
        return session.scalar(select(func.count()).select_from(Audit)) or 0


def said(both: Both) -> list[tuple[int, bool, bool, int | None]]:
    """What was said to the invoice service: version, held, shown, project."""
    return [(told["version"], told["held"], told["shown"], told["project_id"]) for told in both.invoices.said]


def in_step(both: Both) -> None:
    """At rest the invoice service knows each expense of a project as it is, holds none, and knows of no other."""
    both.settle()
    assert both.outbox() == []
    there = {both.uuid(int(row["id"])): row for row in both.expenses.get("/expenses.json").json["expenses"]}
    known = {uuid: told for uuid, told in both.invoices.known.items() if told["project_id"]}
    assert not any(told["held"] for told in both.invoices.known.values())
    assert known.keys() == {uuid for uuid, row in there.items() if row["project-id"]}
    for uuid, told in known.items():
        row = there[uuid]
        assert (str(told["id"]), str(told["project_id"]), told["currency"]) == (
            *(row["id"], row["project-id"], row["currency-code"]),
        )
        assert (told["name"] or "", told["description"] or "") == (row["name"], row["description"])
        assert ((told["date"] or "").replace("-", ""), str(told["amount"])) == (row["date"], row["cost"])


# The question, and what is told after it


def test_a_new_expense_is_asked_for_and_told_with_its_id(both: Both) -> None:
    number = both.project_expense(**TYRES)
    state = {
        "project_id": FIRST,
        "name": "4 New Tyres",
        "description": None,
        "date": "2015-06-17",
        "amount": 200,
        "currency": "USD",
        "created_by": 7,
    }
    assert both.invoices.said == [
        {"version": 1, "held": True, "shown": True, "id": None, **state},
        {"version": 2, "held": False, "shown": False, "id": number, **state, "changed_by": 7},
    ]
    in_step(both)


def test_who_has_written_the_amount_is_told_even_if_that_was_in_no_project(both: Both) -> None:
    uuid = both.expenses.post(EXPENSES, json={"amount": 10}).json["data"]["id"]
    number = both.number(uuid)
    for member, facts in (
        (8, {"amount": 9000}),
        (8, {"amount": 9001}),
        (9, {"description": "Tyres", "amount": 9001}),
        (None, {"amount": 9002}),
        (10, {"currency": "EUR"}),
        (7, {"amount": 9003}),
    ):
        answer = both.expenses.seen_by(member_id=member).put(f"{EXPENSES}/{uuid}", json=facts)
        assert answer.status_code == 200, answer.data
    assert both.invoices.said == []
    assert put(both, number, **{"project-id": FIRST}).status_code == 200
    question, after = both.invoices.said
    assert "writers" not in question
    assert (after["created_by"], after["changed_by"], after["writers"]) == (7, 7, [8, 10])
    assert put(both, number, name="4 New Tyres").status_code == 200
    assert both.invoices.said[-1]["writers"] == [8, 10]


def test_a_change_is_asked_for_as_it_is_but_for_its_amount_and_told_as_it_became(both: Both) -> None:
    number = both.project_expense(**TYRES)
    both.invoices.said = []
    assert put(both, number, cost=250, name="Tyres").status_code == 200
    question, after = both.invoices.said
    assert (question["version"], question["held"], question["shown"]) == (3, True, True)
    assert (question["id"], question["name"], question["amount"]) == (number, "4 New Tyres", 250)
    assert (after["version"], after["held"], after["name"], after["amount"]) == (4, False, "Tyres", 250)
    in_step(both)


@pytest.mark.parametrize(
    "facts",
    [
        {"name": "Tyres"},
        {"description": "All four"},
        {"date": "20150618"},
        {"cost": "200.01"},
        {"currency-code": "EUR"},
    ],
)
def test_each_fact_that_an_invoice_shows_is_asked_for(both: Both, facts: Facts) -> None:
    number = both.project_expense(**TYRES)
    both.invoices.said = []
    assert put(both, number, **facts).status_code == 200
    assert said(both) == [(3, True, True, FIRST), (4, False, False, FIRST)]
    in_step(both)


def test_a_move_a_leave_and_a_return_are_asked_for_in_the_project_where_it_will_be(both: Both) -> None:
    number = both.project_expense(**TYRES)
    both.invoices.said = []
    for project_id in (SECOND, "", FIRST):
        assert put(both, number, **{"project-id": project_id}).status_code == 200
    assert said(both) == [
        *((3, True, True, SECOND), (4, False, False, SECOND)),
        *((5, True, True, None), (6, False, False, None)),
        *((7, True, True, FIRST), (8, False, False, FIRST)),
    ]
    in_step(both)


@pytest.mark.parametrize("dialect", ["projects", "finance"])
def test_a_deletion_is_asked_for_and_told_by_a_tombstone(both: Both, dialect: str) -> None:
    number = both.project_expense(**TYRES)
    both.invoices.said = []
    if dialect == "projects":
        assert delete(both, number).status_code == 200
    else:
        assert both.expenses.delete(f"{EXPENSES}/{both.uuid(number)}").status_code == 204
    assert said(both) == [(3, True, True, FIRST), (4, False, False, None)]
    assert both.all_expenses() == []
    in_step(both)


def test_what_no_invoice_shows_is_asked_for_only_on_an_invoice(both: Both) -> None:
    number = both.project_expense(**TYRES)
    both.invoices.said = []
    assert native(both, number, category="travel").status_code == 200
    assert both.invoices.said == []
    both.billed(number, DRAFT)
    assert native(both, number, category="rent").status_code == 200
    assert said(both) == [(3, True, False, FIRST), (4, False, False, FIRST)]


def test_an_expense_in_no_project_asks_nobody(both: Both) -> None:
    expense = both.expense(amount=10)["id"]
    both.invoice_line.cut = "before"
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 20, "description": "d"}).status_code == 200
    assert put(both, 1, name="n", cost=3).status_code == 200
    assert both.expenses.delete(f"{EXPENSES}/{expense}").status_code == 204
    assert both.outbox() == []


# Refusals

LOCKED, FIXED = "The invoice is completed", "Items and amounts are fixed once the invoice is sent"
STAYS = "The expense is on an invoice of its project; take it off first"

REFUSALS: dict[str, tuple[str, Callable[[Both, int], TestResponse], str]] = {
    "name, completed": (COMPLETED, lambda both, number: put(both, number, name="x"), LOCKED),
    "cost, sent": (SENT, lambda both, number: put(both, number, cost=1), FIXED),
    "move, draft": (
        DRAFT,
        lambda both, number: put(both, number, **{"project-id": SECOND}),
        STAYS,
    ),
    "leave, draft": (
        DRAFT,
        lambda both, number: put(both, number, **{"project-id": ""}),
        STAYS,
    ),
    "delete, sent": (SENT, delete, FIXED),
    "finance, cost": (COMPLETED, lambda both, number: native(both, number, amount=1), LOCKED),
    "finance, category": (
        COMPLETED,
        lambda both, number: native(both, number, category="x"),
        LOCKED,
    ),
    "finance, nothing": (COMPLETED, lambda both, number: native(both, number), LOCKED),
    "finance, delete": (
        COMPLETED,
        lambda both, number: both.expenses.delete(f"{EXPENSES}/{both.uuid(number)}"),
        LOCKED,
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_the_invoice_service_refuses_is_refused_and_changes_nothing(both: Both, name: str) -> None:
    standing, change, message = REFUSALS[name]
    number = both.project_expense(**TYRES)
    both.billed(number, standing)
    before, known, told = both.shown(number), both.told(number), entries(both)
    answer = change(both, number)
    assert (answer.status_code, answer.json.get("MESSAGE", answer.json.get("message"))) == (422, message)
    assert both.shown(number) == before
    assert both.outbox() == []
    assert both.told(number) | {"version": known["version"]} == known
    assert entries(both) == told


def test_what_a_sent_invoice_does_not_show_can_change(both: Both) -> None:
    number = both.project_expense(**TYRES)
    both.billed(number, SENT)
    assert put(both, number, name="Tyres").status_code == 422
    assert native(both, number, category="travel").status_code == 200
    in_step(both)


def test_a_move_to_no_project_there_is_is_not_found(both: Both) -> None:
    number = both.project_expense(**TYRES)
    assert put(both, number, **{"project-id": 9}).status_code == 404
    assert both.shown(number)["project-id"] == str(FIRST)
    in_step(both)


def test_the_largest_project_id_there_could_be_is_asked_for(both: Both) -> None:
    number = both.project_expense(**TYRES)
    assert put(both, number, **{"project-id": 2**62}).status_code == 404
    assert put(both, number, **{"project-id": 2**62 + 1}).status_code == 400


def test_a_receipt_for_an_expense_on_a_completed_invoice_is_refused_and_no_file_is_left(both: Both) -> None:
    number = both.project_expense(**TYRES)
    uuid = both.billed(number, COMPLETED)
    answer = both.expenses.put(f"{EXPENSES}/{uuid}", data={"receipt": (BytesIO(b"%PDF-1.4 x"), "a.pdf")})
    assert (answer.status_code, answer.json) == (422, {"message": LOCKED})
    assert both.objects() == []


# No answer


@pytest.mark.parametrize("cut", ["before", "after"])
def test_no_answer_to_a_new_expense_leaves_none(both: Both, cut: str) -> None:
    both.invoice_line.cut = cut
    answer = both.expenses.post(f"/projects/{FIRST}/expenses.json", json={"expense": TYRES})
    said = {"STATUS": "Error", "MESSAGE": "The invoice service did not answer"}
    assert (answer.status_code, answer.json, answer.headers["Retry-After"]) == (503, said, "1")
    both.invoice_line.cut = None
    in_step(both)
    assert both.all_expenses() == []
    assert entries(both) == 0


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("change", ["cost", "delete", "finance delete", "leave"])
def test_no_answer_to_a_change_leaves_it_as_it_was(both: Both, cut: str, change: str) -> None:
    number = both.project_expense(**TYRES)
    before = both.shown(number)
    both.invoice_line.cut = cut
    answer = {
        "cost": lambda: put(both, number, cost=1),
        "delete": lambda: delete(both, number),
        "finance delete": lambda: both.expenses.delete(f"{EXPENSES}/{both.uuid(number)}"),
        "leave": lambda: put(both, number, **{"project-id": ""}),
    }[change]()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    both.invoice_line.cut = None
    in_step(both)
    assert both.shown(number) == before
    assert both.told(number)["amount"] == 200
    assert put(both, number, cost=3).status_code == 200
    in_step(both)


def test_what_is_told_after_the_commit_may_be_lost_and_is_told_again(both: Both) -> None:
    number = both.project_expense(**TYRES)
    both.invoice_line.cuts = [None, "before"]
    assert put(both, number, cost=1).status_code == 200
    assert both.told(number)["held"]
    in_step(both)
    assert both.told(number)["amount"] == 1


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("new", [True, False])
def test_a_process_that_dies_between_question_and_commit_is_undone_by_the_relay(
    both: Both, arrived: bool, new: bool
) -> None:
    number = 0 if new else both.project_expense(**TYRES)

    class Dying(Line):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            if arrived:
                Wire(both.invoices).send(request)
            raise SystemExit("killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(both.expenses.app.extensions["peers"].invoices, "_adapter", Dying(both.invoices))
        with pytest.raises(SystemExit):
            both.project_expense(**TYRES) if new else put(both, number, cost=1)
    assert [message.armed for message in both.outbox()] == [True]
    in_step(both)
    assert len(both.all_expenses()) == (0 if new else 1)


# Two questions


def on_both(both: Both) -> tuple[int, str]:
    """An expense of 10.00 in a project and on a budget of 100.00."""
    number, budget = both.project_expense(cost=10, name="Paint"), both.budget(100)
    assert native(both, number, budget_id=budget).status_code == 200
    assert both.spent(budget) == 10
    both.invoices.said = []
    return number, budget


def test_in_a_project_and_on_a_budget_both_must_agree(both: Both) -> None:
    number, budget = on_both(both)
    assert put(both, number, cost=60).status_code == 200
    assert both.spent(budget) == 60
    assert said(both) == [(3, True, True, FIRST), (4, False, False, FIRST)]
    assert put(both, number, cost=5).status_code == 200
    assert both.spent(budget) == 5
    assert delete(both, number).status_code == 200
    assert both.spent(budget) == 0
    in_step(both)


def test_a_refusal_by_the_budget_lets_go_of_the_invoice_at_once(both: Both) -> None:
    number, budget = on_both(both)
    told = entries(both)
    answer = put(both, number, cost="100.01")
    assert (answer.status_code, answer.json) == (422, {"STATUS": "Error", "MESSAGE": "Insufficient funds"})
    assert said(both) == [(3, True, True, FIRST), (4, False, False, FIRST)]
    assert (both.told(number)["held"], both.told(number)["amount"]) == (False, 10)
    assert both.outbox() == []
    assert (both.spent(budget), both.shown(number)["cost"], entries(both)) == (10, "10.00", told)


def test_a_refusal_by_the_invoice_asks_the_budget_nothing(both: Both) -> None:
    number, budget = on_both(both)
    both.billed(number, COMPLETED)
    both.line.cut = "before"
    assert put(both, number, cost=60).status_code == 422
    assert both.outbox() == []
    both.line.cut = None
    assert (both.spent(budget), both.shown(number)["cost"]) == (10, "10.00")


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("away", ["line", "invoice_line"])
def test_no_answer_by_either_leaves_both_as_they_were(both: Both, away: str, cut: str) -> None:
    number, budget = on_both(both)
    getattr(both, away).cut = cut
    assert put(both, number, cost=60).status_code == 503
    getattr(both, away).cut = None
    in_step(both)
    assert (both.spent(budget), both.shown(number)["cost"]) == (10, "10.00")
    assert put(both, number, cost=70).status_code == 200
    assert both.spent(budget) == 70


def test_what_a_budget_is_owed_outlives_a_refusal_by_the_invoice(both: Both) -> None:
    number, budget = on_both(both)
    both.line.cut = "before"
    assert put(both, number, cost=5).status_code == 200
    both.line.cut = None
    both.billed(number, COMPLETED)
    assert put(both, number, cost=60).status_code == 422
    in_step(both)
    assert both.spent(budget) == 5


# Keyed requests


def test_a_repeat_gets_the_first_answer_to_a_change_and_to_a_deletion(both: Both) -> None:
    number = both.project_expense(**TYRES)
    assert put(both, number, KEY, cost=1).status_code == 200
    both.invoices.said = []
    again = put(both, number, KEY, cost=1)
    assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (200, b'{"STATUS":"OK"}', "true")
    uuid, gone = both.uuid(number), {"Idempotency-Key": "gone"}
    assert both.expenses.delete(f"{EXPENSES}/{uuid}", headers=gone).status_code == 204
    assert both.expenses.delete(f"{EXPENSES}/{uuid}", headers=gone).headers["Idempotency-Replayed"] == "true"
    assert len(both.invoices.said) == 2
    in_step(both)


@pytest.mark.parametrize("project", [FIRST, 9])
def test_a_keyed_refusal_stays_a_refusal(both: Both, project: int) -> None:
    number = both.project_expense(**TYRES)
    uuid = both.billed(number, COMPLETED)
    first = put(both, number, KEY, cost=1, **{"project-id": project})
    both.invoices.standing.pop(uuid)
    again = put(both, number, KEY, cost=1, **{"project-id": project})
    assert first.status_code in (404, 422)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert put(both, number, cost=1).status_code == 200
    in_step(both)


def test_a_keyed_refusal_by_the_budget_is_kept_and_lets_go_of_the_invoice(both: Both) -> None:
    number, budget = on_both(both)
    assert put(both, number, KEY, cost=101).status_code == 422
    assert not both.told(number)["held"]
    assert both.budgets.put(f"{BUDGETS}/{budget}", json={"total_amount": 1000}).status_code == 200
    again = put(both, number, KEY, cost=101)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (422, "true")
    in_step(both)


def test_a_key_is_free_again_once_all_of_its_work_is_undone(both: Both) -> None:
    number, budget = on_both(both)
    both.line.cut = "after"
    assert put(both, number, KEY, cost=60).status_code == 503
    both.line.cut = None
    both.invoice_line.cut = "before"
    both.settle_once()
    assert [message.topic for message in both.outbox()] == ["billable"]
    assert both.spent(budget) == 10
    twin = put(both, number, KEY, cost=60)
    assert (twin.status_code, twin.headers["Retry-After"]) == (409, "1")
    both.invoice_line.cut = None
    both.settle()
    assert put(both, number, KEY, cost=60).status_code == 200
    assert put(both, number, KEY, cost=60).headers["Idempotency-Replayed"] == "true"
    assert both.spent(budget) == 60
    in_step(both)


def test_of_two_undos_that_go_at_the_same_moment_the_last_one_frees_the_key(both: Both) -> None:
    number, _budget = on_both(both)
    both.line.cut = "after"
    assert put(both, number, KEY, cost=60).status_code == 503

    def go(undo: Outbox) -> None:
        with both.db.write() as session:
            session.execute(sql_delete(Outbox).where(Outbox.id == undo.id))
            time.sleep(0.05)
            participants.release(session, undo)
            time.sleep(0.05)  # on PostgreSQL the other one is as far, and unless it waits neither sees the other gone

    undos = both.outbox()
    assert {undo.topic for undo in undos} == {"spend", "billable"}
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(go, undos))
    with both.db.read() as session:
        assert session.scalars(select(IdempotencyRecord.key)).all() == []


# Requests that meet


def test_a_second_change_waits_until_the_first_is_through(both: Both) -> None:
    number = both.project_expense(**TYRES)
    with ThreadPoolExecutor(1) as pool:
        second: list[Any] = []

        def overtake() -> None:
            second.append(pool.submit(put, both, number, cost=2))
            time.sleep(0.1)
            assert not second[0].done()

        both.invoice_line.meanwhile = overtake
        assert put(both, number, cost=1).status_code == 200
        assert second[0].result().status_code == 200
    assert both.shown(number)["cost"] == "2.00"
    assert said(both)[2:] == [(version, version % 2 == 1, version % 2 == 1, FIRST) for version in (3, 4, 5, 6)]
    in_step(both)


@pytest.mark.parametrize("second", ["cost", "delete", "name"])
def test_a_change_that_waits_in_vain_is_a_conflict(both: Both, second: str) -> None:
    number = both.project_expense(**TYRES)
    answers: list[TestResponse] = []

    def overtake() -> None:
        answers.append(delete(both, number) if second == "delete" else put(both, number, **{second: "7"}))

    both.invoice_line.meanwhile = overtake
    assert put(both, number, cost=1).status_code == 200
    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in answers] == [(409, "1")]
    assert both.shown(number)["cost"] == "1.00"
    in_step(both)


def test_a_change_of_what_no_invoice_shows_need_not_wait(both: Both) -> None:
    number = both.project_expense(**TYRES)
    both.invoice_line.meanwhile = lambda: answers.append(native(both, number, category="travel").status_code)
    answers: list[int] = []
    assert put(both, number, cost=1).status_code == 200
    assert answers == [200]
    assert (both.all_expenses()[0]["category"], both.shown(number)["cost"]) == ("travel", "1.00")
    in_step(both)


def test_the_relay_that_takes_up_an_undo_wins_over_the_request(both: Both) -> None:
    number = both.project_expense(**TYRES)
    both.invoice_line.meanwhile = both.settle
    answer = put(both, number, cost=1)
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")
    assert both.shown(number)["cost"] == "200.00"
    in_step(both)


def test_the_relay_beside_the_request_never_undoes_what_was_acknowledged(both: Both) -> None:
    stop: list[bool] = []

    def relay() -> None:
        while not stop:
            both.settle()

    with ThreadPoolExecutor(1) as pool:
        relaying = pool.submit(relay)
        path, body = f"/projects/{FIRST}/expenses.json", {"expense": TYRES}
        answers = [both.expenses.post(path, json=body).status_code for _ in range(12)]
        stop.append(True)
        relaying.result()
    assert set(answers) <= {201, 409, 503}
    assert len(both.all_expenses()) == answers.count(201)
    in_step(both)


def test_changes_from_all_sides_end_in_step(both: Both) -> None:
    number, budget = on_both(both)
    works: list[Callable[[], TestResponse]] = [
        lambda: put(both, number, cost=60),
        lambda: put(both, number, name="Tyres"),
        lambda: native(both, number, amount=3),
        lambda: native(both, number, budget_id=None),
        lambda: put(both, number, **{"project-id": ""}),
        lambda: put(both, number, **{"project-id": SECOND}),
    ]
    for _ in range(3):
        with ThreadPoolExecutor(len(works)) as pool:
            answers = [made.result().status_code for made in [pool.submit(work) for work in works]]
        assert set(answers) <= {200, 409, 503}
        in_step(both)
        assert both.spent(budget) == sum(row["amount"] for row in both.all_expenses() if row["budget_id"] == budget)
        native(both, number, budget_id=budget)
