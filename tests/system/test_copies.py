"""A copy of the product at work, and the product at work on what was put back from it."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

from tests.product import Product, running, wait_until

PDF = b"%PDF-1.4 a receipt"
Acked = dict[str, dict[str, Any]]
"""What the product has said that it has, by path."""


def test_what_was_acknowledged_before_a_copy_is_in_it_and_all_is_well_there(
    fresh_product: Product, backend: str, tmp_path: Path, postgres_url: str
) -> None:
    folder, acked, stop = tmp_path / "copy", Acked(), threading.Event()
    budget = fresh_product.made("/budgets", total_amount=1_000_000)["id"]

    def write(number: int) -> None:
        while not stop.wait(0.5):
            with suppress(Busy):
                work(fresh_product, budget, number, acked)

    with ThreadPoolExecutor(4) as clients:
        writing = [clients.submit(write, number) for number in range(4)]
        try:
            wait_until(lambda: len(acked) > 20)
            before = dict(acked)
            made = fresh_product.command("backup", str(folder))
            all_is_well(fresh_product)
        finally:
            stop.set()
        for each in writing:
            each.result()
    assert (made.returncode, made.stderr) == (0, "")
    assert {stat.S_IMODE(each.stat().st_mode) & 0o077 for each in folder.rglob("*")} == {0}

    def put_back(later: Product) -> None:
        restored = later.command("restore", str(folder))
        assert (restored.returncode, restored.stderr) == (0, "")
        (later.var / "demo-key").write_text(fresh_product.key)

    with running(backend, tmp_path / "later", postgres_url, put_back) as later:
        wait_until(lambda: "0 messages on their way" in all_is_well(later))
        for path, said in before.items():
            there = later.call("GET", path).json()["data"]
            assert {name: there[name] for name in said} == said
        assert later.made("/expenses", amount=1, budget_id=budget)["amount"] == 1


def all_is_well(product: Product) -> str:
    """What `verify` finds, and there is nothing wrong."""
    looked = product.command("verify")
    assert (looked.returncode, looked.stdout[:11]) == (0, "All is well"), looked.stdout
    return looked.stdout


class Busy(Exception):
    """The product asks to come again later."""


def data(answer: requests.Response) -> dict[str, Any]:
    """What was done."""
    if answer.status_code == 503:
        raise Busy
    assert answer.status_code in (200, 201), answer.text
    said: dict[str, Any] = answer.json()["data"]
    return said


def work(product: Product, budget: str, number: int, acked: Acked) -> None:
    """One client's day: an expense with a receipt, raised and perhaps deleted, and an invoice that is sent and paid."""
    fields, receipt = {"amount": f"{number + 1}.25", "budget_id": budget}, {"receipt": ("r.pdf", PDF)}
    expense = data(product.call("POST", "/expenses", data=fields, files=receipt))
    path = f"/expenses/{expense['id']}"
    raised = data(product.call("PUT", path, json={"amount": number + 2}))
    if number == 0:
        assert product.call("DELETE", path).status_code in (204, 503)
    else:
        acked[path] = {name: raised[name] for name in ("amount", "budget_id")}
    line = {"description": "Paint", "quantity": 1, "unit_price": 3}
    invoice = data(product.call("POST", "/invoices", json={"client_email": "a@example.com", "items": [line]}))
    path = f"/invoices/{invoice['id']}"
    sent = data(product.call("POST", f"{path}/send"))
    data(product.call("POST", f"{path}/payments", json={"amount": 3}))
    acked[path] = {"invoice_number": sent["invoice_number"], "status": "paid", "total": 3}
