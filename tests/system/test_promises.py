"""What the product promises, through real processes: a budget that holds, and nothing lost or left half done."""

import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

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
    wait_until(lambda: _adds_up(product))
    assert product.call("GET", f"/budgets/{budget}").json()["data"]["spent_amount"] == 10


def test_a_service_that_is_down_takes_only_its_own_calls_with_it(product: Product) -> None:
    product.signal("serve budgets", signal.SIGKILL)
    down = product.call("GET", "/budgets")
    assert (down.status_code, down.json()) == (503, {"message": "Service temporarily unavailable"})
    assert int(down.headers["Retry-After"]) >= 1
    assert product.call("GET", "/expenses").status_code == 200
    assert product.call("GET", "/invoices").status_code == 200
    wait_until(lambda: product.call("GET", "/budgets").status_code == 200)


def test_after_ctrl_c_and_a_new_start_all_is_still_there(product: Product) -> None:
    budget = product.made("/budgets", name="Kept", total_amount=100)
    expense = product.call(
        "POST", "/expenses", data={"amount": "12.34", "budget_id": budget["id"]}, files={"receipt": JPEG}
    ).json()["data"]
    invoice = product.made("/invoices", client_email="a@example.com", items=[_line(2, 10.5)])
    assert product.call("POST", f"/invoices/{invoice['id']}/send").status_code == 200
    wait_until(lambda: len(list((product.var / "mail").glob("*.eml"))) == 1)
    key = product.key
    assert product.stop() == 0
    assert "Fatal" not in product.log.read_text()
    product.start()
    assert product.key == key
    assert product.all("/expenses") == [expense]
    assert product.call("GET", f"/expenses/{expense['id']}/receipt").content == JPEG
    assert product.call("GET", f"/budgets/{budget['id']}").json()["data"]["spent_amount"] == 12.34
    sent = product.call("GET", f"/invoices/{invoice['id']}").json()["data"]
    assert (sent["status"], sent["total"], sent["delivery"]["status"]) == ("sent", 21, "delivered")


def test_no_process_outlives_a_supervisor_that_was_killed(product: Product) -> None:
    left = [pid for line in ("serve", "relay") for pid in product.pids(line)]
    assert len(left) == 4 * 2 + 1
    product.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))
    product.start()
    assert product.call("GET", "/budgets").status_code == 200


@dataclass
class Writer:
    """A client that writes at random and remembers what it was told."""

    product: Product
    budgets: list[str]
    seed: int
    there: dict[str, dict[str, Any]] = field(default_factory=dict)  # acknowledged: what it must look like
    gone: set[str] = field(default_factory=set)  # deleted, acknowledged
    refused: set[str] = field(default_factory=set)  # descriptions of what was refused

    def run(self, stop: threading.Event) -> None:
        """Write until told to stop."""
        chance = random.Random(self.seed)
        while not stop.is_set():
            chance.choice((self._create, self._create, self._change, self._delete))(chance)

    def _create(self, chance: random.Random) -> None:
        facts = {
            "description": uuid4().hex,
            "amount": chance.randint(1, 4000) / 100,
            "budget_id": chance.choice([*self.budgets, None]),
        }
        answer = self._until_answered("POST", "/expenses", facts)
        if answer.status_code == 201:
            self.there[answer.json()["data"]["id"]] = facts
        else:
            assert answer.status_code == 422
            self.refused.add(str(facts["description"]))

    def _change(self, chance: random.Random) -> None:
        if not self.there:
            return
        expense = chance.choice(list(self.there))
        facts: dict[str, Any] = chance.choice(
            ({"amount": chance.randint(1, 4000) / 100}, {"budget_id": chance.choice([*self.budgets, None])})
        )
        answer = self._until_answered("PUT", f"/expenses/{expense}", facts)
        if answer.status_code == 200:
            self.there[expense] |= facts
        else:
            assert answer.status_code == 422

    def _delete(self, chance: random.Random) -> None:
        if chance.random() < 0.5 or not self.there:
            return
        expense = chance.choice(list(self.there))
        assert self._until_answered("DELETE", f"/expenses/{expense}", None).status_code == 204
        del self.there[expense]
        self.gone.add(expense)

    def _until_answered(self, method: str, path: str, facts: dict[str, Any] | None) -> requests.Response:
        """Repeat under one key until there is an answer: that is what a key is for."""
        key = {"Idempotency-Key": uuid4().hex}
        while True:
            try:
                answer = self.product.call(method, path, headers=key, json=facts)
            except requests.RequestException:
                answer = None
            if answer is not None and answer.status_code not in (409, 500, 502, 503, 504):
                return answer
            time.sleep(0.1)


@pytest.mark.parametrize("victim", ["serve expenses", "serve budgets", "serve gateway", "relay"])
def test_kill_9_during_writes_loses_nothing_and_leaves_nothing_half_done(product: Product, victim: str) -> None:
    budgets = [product.made("/budgets", total_amount=200)["id"] for _ in range(3)]
    writers = [Writer(product, budgets, seed) for seed in range(4)]
    stop = threading.Event()
    with ThreadPoolExecutor(len(writers)) as pool:
        running = [pool.submit(writer.run, stop) for writer in writers]
        try:
            for _ in range(2):
                time.sleep(1)
                product.signal(victim, signal.SIGKILL)
                product.wait_until_ready()
        finally:
            stop.set()
    for each in running:
        each.result()
    wait_until(lambda: _adds_up(product))
    seen = {expense["id"]: expense for expense in product.all("/expenses")}
    promised = {name: facts for writer in writers for name, facts in writer.there.items()}
    assert seen.keys() == promised.keys()
    for name, facts in promised.items():
        assert {fact: seen[name][fact] for fact in facts} == facts
    refused = set().union(*(writer.refused for writer in writers))
    assert refused.isdisjoint(expense["description"] for expense in seen.values())
    assert all(budget["spent_amount"] <= 200 for budget in product.all("/budgets"))


def test_kill_9_while_invoices_are_sent_leaves_no_gap_and_loses_no_message(product: Product) -> None:
    drafts = [product.made("/invoices", client_email="a@example.com", items=[_line(1, 1)])["id"] for _ in range(40)]
    writer = Writer(product, [], 0)

    def send(turn: int) -> requests.Response:
        if turn == 10:
            product.signal("serve invoices", signal.SIGKILL)
        return writer._until_answered("POST", f"/invoices/{drafts[turn]}/send", None)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(len(drafts))))
    assert {answer.status_code for answer in answers} == {200}
    numbers = sorted(invoice["invoice_number"] for invoice in product.all("/invoices"))
    assert [int(number[-4:]) for number in numbers] == list(range(1, 41))
    wait_until(lambda: len(list((product.var / "mail").glob("*.eml"))) == 40)


def _line(quantity: int, price: float) -> dict[str, Any]:
    return {"description": "Work", "quantity": quantity, "unit_price": price}


def _adds_up(product: Product) -> bool:
    """Whether every budget shows the sum of the expenses on it, to the cent."""
    sums: dict[str, Decimal] = {}
    for expense in product.all("/expenses"):
        if expense["budget_id"]:
            sums[expense["budget_id"]] = sums.get(expense["budget_id"], Decimal(0)) + Decimal(str(expense["amount"]))
    return all(Decimal(str(budget["spent_amount"])) == sums.get(budget["id"], 0) for budget in product.all("/budgets"))
