"""Expenses of projects, through real processes: what an invoice shows and what the expense is never part for long."""

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.product import PATIENCE, Product, wait_until


def ask(product: Product, method: str, path: str, **body: Any) -> requests.Response:
    """One request of the `projects` dialect, as its clients show their key."""
    basic = (product.key, "x")
    return requests.request(method, product.url + path, json=body or None, auth=basic, timeout=PATIENCE)


def made(product: Product, path: str, **body: Any) -> int:
    answer = ask(product, "POST", path, **body)
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["id"]
    return number


def billed(product: Product) -> tuple[int, int]:
    """An expense of 25.00 on an invoice of its project."""
    project = made(product, "/projects.json", project={"name": "Tractor"})
    expense = made(product, f"/projects/{project}/expenses.json", expense={"name": "Paint", "cost": "25.00"})
    invoice = made(product, f"/projects/{project}/invoices.json", invoice={})
    put = ask(product, "PUT", f"/invoices/{invoice}/lineitems.json", lineitems={"add": {"expenses": str(expense)}})
    assert put.status_code == 200, put.text
    return expense, invoice


def cost(product: Product, expense: int, invoice: int) -> tuple[str, str]:
    """What the expense costs, and what the invoice comes to."""
    one = ask(product, "GET", f"/expenses/{expense}.json").json()["expense"]["cost"]
    all_of_it = ask(product, "GET", f"/invoices/{invoice}.json").json()["invoice"]["total-cost"]
    return one, all_of_it


def free(product: Product, invoice: int) -> bool:
    """Whether nothing on the invoice is held: then it can be completed."""
    return ask(product, "PUT", f"/invoices/{invoice}/complete.json").status_code == 200


def test_an_invoice_service_that_hangs_costs_a_503_and_leaves_the_expense_as_it_was(product: Product) -> None:
    expense, invoice = billed(product)
    product.signal("serve invoices", signal.SIGSTOP)
    try:
        answer = ask(product, "PUT", f"/expenses/{expense}.json", expense={"cost": 40})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert product.call("POST", "/expenses", json={"amount": 20}).status_code == 201
    finally:
        product.signal("serve invoices", signal.SIGCONT)
    wait_until(lambda: free(product, invoice))
    assert cost(product, expense, invoice) == ("25.00", "25.00")


def test_an_expense_service_killed_at_work_leaves_expense_and_invoice_alike(product: Product) -> None:
    expense, invoice = billed(product)
    asked: list[str] = []

    def raise_it() -> bool:
        """Until one is not acknowledged; whether that is so."""
        for whole in range(30, 1000):
            asked.append(f"{whole}.00")
            try:
                if ask(product, "PUT", f"/expenses/{expense}.json", expense={"cost": whole}).status_code != 200:
                    return True
            except requests.ConnectionError:
                return True
        return False

    with ThreadPoolExecutor(1) as pool:
        raising = pool.submit(raise_it)
        wait_until(lambda: len(asked) > 5)
        product.signal("serve expenses", signal.SIGKILL)
        assert raising.result()
    wait_until(lambda: ask(product, "GET", f"/expenses/{expense}.json").status_code == 200)
    wait_until(lambda: free(product, invoice))
    one, all_of_it = cost(product, expense, invoice)
    assert one == all_of_it
    assert one in asked[-2:]  # the last one acknowledged, or the one whose answer was lost
