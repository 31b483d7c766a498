"""What the product promises, through real processes. `make chaos` tells it of many faults at random."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.product import Product, wait_until

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 400


def test_two_hundred_parallel_expenses_fill_a_budget_of_a_hundred_exactly(product: Product) -> None:
    budget = product.made("/budgets", total_amount=100.00)["id"]
    with ThreadPoolExecutor(32) as pool:
        answers = list(
            pool.map(
                lambda _: product.call("POST", "/expenses", json={"amount": 1.00, "budget_id": budget}), range(200)
            )
        )
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(422)) == (100, 100)
    assert {answer.text for answer in answers if answer.status_code == 422} == {'{"message":"Insufficient funds"}'}
    assert len(product.all("/expenses")) == 100
    assert b'"spent_amount":100.00,"remaining_amount":0.00' in product.call("GET", f"/budgets/{budget}").content


def test_a_budget_service_that_hangs_costs_a_503_and_leaves_nothing(product: Product) -> None:
    budget = product.made("/budgets", total_amount=100)["id"]
    kept = product.made("/expenses", amount=30, budget_id=budget)
    product.signal("serve budgets", signal.SIGSTOP)
    try:
        answer = product.call("POST", "/expenses", json={"amount": 20, "budget_id": budget})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert product.all("/expenses") == [kept]
        assert product.call("PUT", f"/expenses/{kept['id']}", json={"amount": 10}).status_code == 200
        assert product.call("POST", "/expenses", json={"amount": 20}).status_code == 201
    finally:
        product.signal("serve budgets", signal.SIGCONT)
    wait_until(lambda: product.call("GET", f"/budgets/{budget}").json()["data"]["spent_amount"] == 10)


def test_a_service_that_is_down_takes_only_its_own_calls_with_it(product: Product) -> None:
    product.signal("serve budgets", signal.SIGKILL)
    down = product.call("GET", "/budgets")
    assert (down.status_code, down.json()) == (503, {"message": "Service temporarily unavailable"})
    assert int(down.headers["Retry-After"]) >= 1
    assert product.call("GET", "/expenses").status_code == 200
    assert product.call("GET", "/invoices").status_code == 200
    wait_until(lambda: product.call("GET", "/budgets").status_code == 200)


def test_after_ctrl_c_and_a_new_start_all_is_still_there(fresh_product: Product) -> None:
    budget = fresh_product.made("/budgets", name="Kept", total_amount=100)
    expense = fresh_product.call(
        "POST", "/expenses", data={"amount": "12.34", "budget_id": budget["id"]}, files={"receipt": JPEG}
    ).json()["data"]
    invoice = fresh_product.made(
        "/invoices", client_email="a@example.com", items=[{"description": "Work", "quantity": 2, "unit_price": 10.5}]
    )
    assert fresh_product.call("POST", f"/invoices/{invoice['id']}/send").status_code == 200
    wait_until(lambda: len(list((fresh_product.var / "mail").glob("*.eml"))) == 1)
    key = fresh_product.key
    assert fresh_product.stop() == 0
    assert "Fatal" not in fresh_product.log.read_text()
    fresh_product.start()
    assert fresh_product.key == key
    assert fresh_product.all("/expenses") == [expense]
    assert fresh_product.call("GET", f"/expenses/{expense['id']}/receipt").content == JPEG
    assert fresh_product.call("GET", f"/budgets/{budget['id']}").json()["data"]["spent_amount"] == 12.34
    sent = fresh_product.call("GET", f"/invoices/{invoice['id']}").json()["data"]
    assert (sent["status"], sent["total"], sent["delivery"]["status"]) == ("sent", 21, "delivered")


def test_no_process_outlives_a_supervisor_that_was_killed(fresh_product: Product) -> None:
    left = [pid for line in ("serve", "relay") for pid in fresh_product.pids(line)]
    assert len(left) == 4 * 2 + 1
    fresh_product.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))
    fresh_product.start()
    assert fresh_product.call("GET", "/budgets").status_code == 200
