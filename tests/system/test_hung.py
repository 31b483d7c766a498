"""A service that hangs costs what needs it, and nothing else."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

from tests.product import Product, wait_until


def test_while_the_budget_service_hangs_all_else_is_answered_and_delivered(product: Product) -> None:
    budget = product.made("/budgets", total_amount=100)
    lines = [{"description": "Work", "quantity": 1, "unit_price": 1}]
    path = f"/invoices/{product.made('/invoices', client_email='a@example.com', items=lines)['id']}"
    expense = product.made("/expenses", amount=1, budget_id=budget["id"])
    product.signal("serve budgets", signal.SIGSTOP)
    with ThreadPoolExecutor(30) as pool:
        try:
            waiting = [pool.submit(product.call, "GET", "/budgets") for _ in range(30)]
            time.sleep(0.5)
            assert product.call("DELETE", f"/expenses/{expense['id']}").status_code == 204
            assert product.call("GET", "/invoices").status_code == 200
            assert product.call("GET", "/expenses").status_code == 200
            assert product.call("POST", f"{path}/send").status_code == 200
            wait_until(lambda: product.call("GET", path).json()["data"]["delivery"]["status"] == "delivered")
            refused = product.call("POST", "/expenses", json={"amount": 2, "budget_id": budget["id"]})
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        finally:
            product.signal("serve budgets", signal.SIGCONT)
    assert {each.result().status_code for each in waiting} <= {200, 503, 504}
    wait_until(lambda: product.call("GET", f"/budgets/{budget['id']}").json()["data"]["spent_amount"] == 0)
    assert product.all("/expenses") == []
