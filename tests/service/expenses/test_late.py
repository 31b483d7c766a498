"""A request that arrives after whoever sent it has given up, or a second time."""

from .conftest import EXPENSES, Both
from .standin import SENT


def test_a_late_question_books_nothing_once_there_is_room_for_it(both: Both) -> None:
    budget = both.budget(8)
    first = both.expense(amount=8, budget_id=budget)["id"]
    both.line.cuts = ["late"]
    answer = both.expenses.post(EXPENSES, json={"amount": 8, "budget_id": budget})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert both.expenses.delete(f"{EXPENSES}/{first}").status_code == 204
    both.line.arrive()
    assert both.spent(budget) == 8
    both.settle()
    assert both.spent(budget) == 0
    assert both.all_expenses() == []
    assert both.outbox() == []


def test_a_question_that_comes_after_its_undo_books_nothing(both: Both) -> None:
    budget = both.budget(8)
    both.line.cuts = ["late"]
    assert both.expenses.post(EXPENSES, json={"amount": 8, "budget_id": budget}).status_code == 503
    both.settle()
    both.line.arrive()
    assert both.spent(budget) == 0


def test_a_late_copy_of_a_question_that_was_refused_and_asked_again_changes_nothing(both: Both) -> None:
    budget = both.budget(8)
    expense = both.expense(amount=2, budget_id=budget)["id"]
    both.line.cuts = ["late"]
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 7}).status_code == 503
    assert both.expenses.put(f"{EXPENSES}/{expense}", json={"amount": 9}).status_code == 422
    both.line.arrive()
    both.settle()
    assert both.spent(budget) == 2
    assert [row["amount"] for row in both.all_expenses()] == [2]


def test_a_late_copy_of_a_refused_creation_books_nothing_once_there_is_room_for_it(both: Both) -> None:
    budget = both.budget(8)
    first = both.expense(amount=8, budget_id=budget)["id"]
    both.line.cuts = ["copy"]
    assert both.expenses.post(EXPENSES, json={"amount": 8, "budget_id": budget}).status_code == 422
    assert both.expenses.delete(f"{EXPENSES}/{first}").status_code == 204
    both.line.arrive()
    both.settle()
    assert both.spent(budget) == 0
    assert both.all_expenses() == []
    assert both.outbox() == []


def test_a_late_copy_of_a_refused_change_books_nothing_once_there_is_room_for_it(both: Both) -> None:
    budget = both.budget(8)
    first = both.expense(amount=6, budget_id=budget)["id"]
    second = both.expense(amount=2, budget_id=budget)["id"]
    both.line.cuts = ["copy"]
    assert both.expenses.put(f"{EXPENSES}/{second}", json={"amount": 7}).status_code == 422
    assert both.expenses.delete(f"{EXPENSES}/{first}").status_code == 204
    both.line.arrive()
    both.settle()
    assert both.spent(budget) == 2
    assert [row["amount"] for row in both.all_expenses()] == [2]


def test_a_late_copy_of_a_refused_hold_holds_nothing_for_ever(both: Both) -> None:
    number = both.project_expense(name="Tyres", cost=200)
    expense = both.billed(number, SENT)
    both.invoice_line.cuts = ["copy"]
    assert both.expenses.put(f"/expenses/{number}.json", json={"expense": {"cost": 100}}).status_code == 422
    both.invoices.standing.pop(expense)
    both.invoice_line.arrive()
    both.settle()
    assert both.told(number)["held"] is False
    assert both.shown(number)["cost"] == "200.00"


def test_what_a_refusal_takes_back_is_delivered_later_when_the_line_is_cut(both: Both) -> None:
    budget = both.budget(8)
    both.line.cuts = ["copy", "before"]
    assert both.expenses.post(EXPENSES, json={"amount": 9, "budget_id": budget}).status_code == 422
    assert len(both.outbox()) == 1
    assert both.budgets.put(f"/v1/dev/finance/budgets/{budget}", json={"total_amount": 20}).status_code == 200
    both.line.arrive()
    assert both.spent(budget) == 9
    both.settle()
    assert both.spent(budget) == 0
    assert both.outbox() == []


def test_a_late_question_holds_nothing_for_ever(both: Both) -> None:
    number = both.project_expense(name="Tyres", cost=200)
    expense = both.billed(number, SENT)
    both.invoice_line.cuts = ["late"]
    answer = both.expenses.put(f"/expenses/{number}.json", json={"expense": {"cost": 100}})
    assert answer.status_code == 503
    both.invoices.standing.pop(expense)
    both.invoice_line.arrive()
    assert both.told(number)["held"] is True
    both.settle()
    assert both.told(number)["held"] is False
    assert both.shown(number)["cost"] == "200.00"
