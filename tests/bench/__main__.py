"""`make bench`: starts the product and the floor, measures them in turn, and says how they compare.

DB=postgres or sqlite; SECONDS a measurement; ROUNDS of them; SLOW=1: see `slow`. It fails only on wrong answers, not on
missed targets.
"""

import json
import os
import sys
import time
from collections import Counter
from typing import Any

from shared.caller import HEADER, Caller, sign
from tests.bench import content, product, report, slow
from tests.bench.cases import AMOUNT, BOOKED, CASES, GET, INVOICED, LIST, SPENT, Case, Content
from tests.bench.load import Measured, Target, Wrong, ask, measure
from tests.bench.product import CALLER_SECRET, Place
from tests.bench.report import TARGETS, Results, say

DB = os.environ.get("DB") or "postgres"
SECONDS = float(os.environ.get("SECONDS") or 2)
ROUNDS = int(os.environ.get("ROUNDS") or 3)
CONNECTIONS = (1, 16)
CROWD = 64


class Bench:
    """A running product and floor, and how many requests of each kind were answered."""

    def __init__(self, where: Place, key: str, caller: Caller, found: Content) -> None:
        self._where, self._key, self._caller, self._content = where, key, caller, found
        self.answered: Counter[Case] = Counter()  # by the product

    def target(self, name: str, case: Case) -> Target:
        """The floor, the case's service, or the gateway; callers are believed for a minute, so ask anew each time."""
        if name == "direct":
            token = sign(self._caller, CALLER_SECRET, case.service)
            return Target(name, self._where.ports[case.service], {HEADER: token})
        headers = {"Authorization": f"Bearer {self._key}"} if name == "gateway" else {}
        return Target(name, self._where.ports[name], headers)

    def run(self, case: Case, name: str, connections: int, seconds: float) -> Measured:
        """One measurement."""
        target = self.target(name, case)
        messages = [case.messages(target, self._content, number) for number in range(connections)]
        seen = measure(target.port, messages, status=case.status, seconds=seconds)
        if name != "floor":
            self.answered[case] += len(seen.times)
        return seen

    def check_answers(self) -> None:
        """Raise Wrong unless floor, service and gateway answer alike: the same values, or the same keys when new."""
        for case in CASES:
            answers = [self._answer(case, name) for name in TARGETS]
            told = [answer["data"] for answer in answers] if case in (GET, LIST) else [_shape(each) for each in answers]
            if told.count(told[0]) != len(told):
                raise Wrong(f"{case.name}: the answers differ:\n" + "\n".join(map(str, told)))

    def check_books(self) -> None:
        """Raise Wrong unless everything that was answered is in the databases, and nothing else."""
        expected = {
            "invoices": content.INVOICES + self.answered[INVOICED],
            "items": 2 * (content.INVOICES + self.answered[INVOICED]),
            "expenses": self.answered[SPENT] + self.answered[BOOKED],
            "spent": round(self.answered[BOOKED] * AMOUNT * 100),
        }
        held = content.counted(self._where)
        if held != expected:
            raise Wrong(f"the databases hold {held}, answered was {expected}")

    def _answer(self, case: Case, name: str) -> Any:
        target = self.target(name, case)
        body = ask(target.port, next(case.messages(target, self._content, 0)), status=case.status)
        self.answered[case] += name != "floor"
        return json.loads(body)


def main() -> int:
    """The whole bench; 1 when an answer was wrong."""
    if os.environ.get("SLOW"):
        slow.run(DB, float(os.environ.get("SECONDS") or 60))
        return 0
    began = time.monotonic()
    say(f"{DB}, {SECONDS:g} s a measurement, {ROUNDS} rounds, {os.cpu_count()} cores shared by all")
    with product.place(DB) as where:
        try:
            _bench(where)
        except (Wrong, product.Broken) as why:
            say(f"WRONG: {why}")
            say("\n".join(product.complaints(where)))
            return 1
    say(f"The bench took {time.monotonic() - began:.0f} s.")
    return 0


def _bench(where: Place) -> None:
    found, key, caller = _prepared(where)
    floor = product.floor(where)
    ours = product.product(where)
    try:
        ready_after = ours.wait_until_ready(where.ports["gateway"], "/readyz")
        time.sleep(1)  # let what was put off at the start be done
        idle = ours.memory()
        floor.wait_until_ready(where.ports["floor"], f"{content.FINANCE}/invoices?limit=1")
        bench = Bench(where, key, caller, found)
        bench.check_answers()
        results = _measured(bench)
        _crowded(bench)
        bench.check_books()
        after = ours.memory()
    finally:
        ours.stop()
        floor.stop()
    report.table(results, CONNECTIONS)
    report.ratios(results, CONNECTIONS)
    report.memory(idle, after)
    report.ready(ready_after)
    say(f"{CROWD} connections: no error")


def _prepared(where: Place) -> tuple[Content, str, Caller]:
    """Set the product up, and fill it and the floor."""
    ours = product.product(where)
    try:
        ours.wait_until_ready(where.ports["gateway"], "/readyz")
        key, caller = content.new_key(where)
        gateway = Target("gateway", where.ports["gateway"], {"Authorization": f"Bearer {key}"})
        budgets = content.fill_product(where, gateway)
        return Content(content.fill_floor(where, gateway, budgets), budgets), key, caller
    finally:
        ours.stop()


def _measured(bench: Bench) -> Results:
    """Floor, service and gateway by turns, so that what else the machine does hits all alike."""
    for case in CASES:
        for name in TARGETS:
            bench.run(case, name, max(CONNECTIONS), 0.5)  # warms up, and is not counted
    results: Results = {}
    for number in range(ROUNDS):
        say(f"round {number + 1}")
        for case in CASES:
            for count in CONNECTIONS:
                for name in TARGETS:
                    results.setdefault((case, count, name), []).append(bench.run(case, name, count, SECONDS))
    return results


def _crowded(bench: Bench) -> None:
    for case in CASES:
        for name in TARGETS[1:]:
            bench.run(case, name, CROWD, 1.0)


def _shape(answer: Any) -> Any:
    """The keys of an answer, all the way down."""
    if isinstance(answer, dict):
        return {name: _shape(value) for name, value in answer.items()}
    return [_shape(value) for value in answer] if isinstance(answer, list) else None


if __name__ == "__main__":
    sys.exit(main())
