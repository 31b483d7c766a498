"""Requests that meet in the middle of one another, and what a repeat must not be judged by."""

import pytest

from .conftest import BUDGETS, EXPENSES, Both

KEY = {"Idempotency-Key": "once"}


@pytest.mark.parametrize("cut", ["after", "before"])
def test_undoing_a_lowering_that_was_asked_never_overdraws(both: Both, cut: str) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=100, budget_id=budget, date="2024-04-01")["id"]
    both.line.cuts = [cut]
    redated = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 50, "date": "2024-04-02"})
    assert redated.status_code == 503
    assert both.spent(budget) == 100
    assert both.expenses.post(EXPENSES, json={"amount": 50, "budget_id": budget}).status_code == 422
    both.settle()
    assert both.spent(budget) == 100
    assert [row["amount"] for row in both.all_expenses()] == [100]


def test_a_lowering_that_was_asked_lets_go_of_the_rest_once_it_is_certain(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=100, budget_id=budget, date="2024-04-01")["id"]
    both.line.meanwhile = lambda: seen.append(both.spent(budget))
    seen: list[float] = []
    changed = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 50, "date": "2024-04-02"})
    assert changed.status_code == 200
    assert seen == [100]
    assert both.spent(budget) == 50
    assert both.outbox() == []


def test_a_late_refusal_never_takes_the_place_of_a_kept_success(both: Both) -> None:
    budget = both.budget(100)
    expense = both.expense(amount=50, budget_id=budget)["id"]

    def overtake() -> None:
        assert both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 10}).status_code == 200
        assert both.budgets.put(f"{BUDGETS}/{budget}", json={"total_amount": 1000}).status_code == 200
        retried = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 150}, headers=KEY)
        assert retried.status_code == 200

    both.line.meanwhile = overtake
    first = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 150}, headers=KEY)
    assert (first.status_code, first.headers["Retry-After"]) == (409, "1")
    again = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 150}, headers=KEY)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert both.spent(budget) == 150


@pytest.mark.parametrize("on_a_budget", [True, False])
def test_a_repeat_is_not_judged_by_the_version_that_the_first_one_made(both: Both, on_a_budget: bool) -> None:
    facts = {"budget_id": both.budget(100)} if on_a_budget else {}
    expense = both.expense(amount=50, **facts)["id"]
    insisting = KEY | {"If-Match": '"1"'}
    first = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 60}, headers=insisting)
    again = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 60}, headers=insisting)
    assert (first.status_code, again.status_code) == (200, 200)
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")


def test_a_repeat_is_not_judged_by_a_currency_set_since(both: Both) -> None:
    expense = both.expense(amount=1)["id"]
    first = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 1.5}, headers=KEY)
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 3, "currency": "JPY"}).status_code == 200
    again = both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 1.5}, headers=KEY)
    assert (again.status_code, again.data) == (200, first.data)


def test_a_key_limited_to_other_accounts_is_not_shown_the_answer_to_another_key(both: Both) -> None:
    first = both.expenses.post(EXPENSES, json={"amount": 1}, headers=KEY)
    limited = both.expenses.seen_by(account_ids=("22222222-1111-4111-8111-111111111111",))
    second = limited.post(EXPENSES, json={"amount": 1}, headers=KEY)
    assert (first.status_code, second.status_code) == (201, 422)
    assert len(both.all_expenses()) == 1


WHOLE = b'--b\r\nContent-Disposition: form-data; name="amount"\r\n\r\n12.50\r\n--b--\r\n'
CUT = {
    "no boundary": (b'{"amount": 1}', "multipart/form-data"),
    "json": (b'{"amount": 1}', "multipart/form-data; boundary=b"),
    "another boundary": (WHOLE, "multipart/form-data; boundary=other"),
    "no end": (WHOLE.removesuffix(b"--b--\r\n"), "multipart/form-data; boundary=b"),
    "cut in a file": (
        WHOLE.removesuffix(b"--b--\r\n")
        + b'--b\r\nContent-Disposition: form-data; name="receipt"; filename="a.pdf"\r\n\r\n%PDF-1.4',
        "multipart/form-data; boundary=b",
    ),
    "nothing in it": (b"--b--\r\n", "multipart/form-data; boundary=b"),
    "not utf-8": (
        WHOLE.replace(b"amount", b"category").replace(b"12.50", b"\xff\xfe"),
        "multipart/form-data; boundary=b",
    ),
}


@pytest.mark.parametrize("form", CUT.values(), ids=CUT.keys())
def test_a_form_that_did_not_arrive_whole_creates_nothing(both: Both, form: tuple[bytes, str]) -> None:
    body, kind = form
    answer = both.expenses.post(EXPENSES, data=body, headers={"Content-Type": kind})
    assert answer.status_code == 400, answer.data
    assert both.all_expenses() == []
    assert both.objects() == []


def test_a_whole_form_is_taken(both: Both) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    assert both.expenses.post(EXPENSES, data=WHOLE, headers=kind).json["data"]["amount"] == 12.5
