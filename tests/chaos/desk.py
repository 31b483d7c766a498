"""One client's desk: sends requests, with a key or without, and writes down what it was told."""

import random
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests

from tests.chaos.proxy import LINGERING
from tests.chaos.record import Change, Effects, Ledger, Operation, Outcome

PATIENCE = 12.0
"""Seconds that a client waits for an answer."""

ENDURANCE = 90.0
"""Seconds that a client repeats a keyed request before it leaves it in doubt."""

KEPT = frozenset({200, 201, 204, 404, 422})
"""Statuses of answers that a key keeps (api.md, section 1)."""


@dataclass(frozen=True)
class Office:
    """A workspace as a client knows it."""

    url: str
    key: str
    account_id: str
    company_id: int
    currency: str
    ledger: Ledger


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request: what is sent, what it changes when it is accepted, and whether the rules allow it."""

    kind: str
    method: str
    path: str
    change: Change
    effects: Effects
    json: Any = None
    data: Any = None
    files: Any = None
    version: str | None = None  # the only one that it may change
    allowed: bool | None = None
    letter_to: str | None = None


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Any
    body: Any

    @property
    def data(self) -> Any:
        """The thing in it, as `finance` and `accounts` wrap it."""
        return self.body["data"]


class Desk:
    """Sends the requests of one client, one at a time."""

    def __init__(self, office: Office, chance: random.Random, *, keys: float = 0.5) -> None:
        """`keys`: which part of the requests carries an Idempotency-Key."""
        self.office, self.chance, self.keys = office, chance, keys
        self.next_id: str | None = None  # of the next request, when it is to have a certain one

    def ask(self, ask: Ask) -> Answer | None:
        """Send a request, and its repeats; the answer when it was accepted."""
        operation, answer = self._done(ask)
        self.office.ledger.settle(operation, ask.effects, ask.letter_to)
        return answer if operation.outcome is Outcome.ACKED else None

    def race(self, asks: Sequence[Ask], *, within: float = 0.0) -> list[tuple[Outcome, Answer | None]]:
        """Send several requests at once, or one after the other `within` so many seconds, before the first is answered.

        What services answer to the first lingers on its way then. What they have changed together is for the caller to
        say.
        """
        delays = sorted(self.chance.uniform(0, within) for _ in asks)
        self.next_id = f"{LINGERING}{uuid.uuid4().hex}" if within else None
        with ThreadPoolExecutor(len(asks)) as pool:
            done = list(pool.map(self._later, delays, asks))
        self.office.ledger.operations += [operation for operation, _ in done]
        return [(operation.outcome, answer) for operation, answer in done]

    def get(self, path: str, **params: Any) -> Any:
        """The body of what is there; None when that could not be had."""
        try:
            answer = self._send("GET", path, {}, params=params)
        except requests.RequestException:
            return None
        return answer.body if answer.status == 200 else None

    def _later(self, delay: float, ask: Ask) -> tuple[Operation, Answer | None]:
        time.sleep(delay)
        return self._done(ask)

    def _done(self, ask: Ask) -> tuple[Operation, Answer | None]:
        name, self.next_id = self.next_id or f"c{uuid.uuid4().hex}", None
        keyed = self.chance.random() < self.keys
        headers = {"X-Request-Id": name} | ({"Idempotency-Key": name} if keyed else {})
        headers |= {"If-Match": ask.version} if ask.version else {}
        answer, answers = self._insist(ask, headers) if keyed else (self._once(ask, headers), [])
        outcome = _outcome(answer)
        operation = Operation(
            name,
            ask.kind,
            outcome,
            answer.status if answer else None,
            keyed,
            ask.change,
            answers,
            ask.allowed,
            answer.text[:200] if answer and outcome is Outcome.REFUSED else "",
        )
        return operation, answer

    def _once(self, ask: Ask, headers: dict[str, str]) -> Answer | None:
        try:
            return self._send(ask.method, ask.path, headers, json=ask.json, data=ask.data, files=ask.files)
        except requests.RequestException:
            return None

    def _insist(self, ask: Ask, headers: dict[str, str]) -> tuple[Answer | None, list[tuple[int, str]]]:
        """Repeat until there is an answer that the key keeps, sometimes twice at once, and sometimes once more."""
        answers: list[Answer] = []
        until = time.monotonic() + ENDURANCE
        while not answers and time.monotonic() < until:
            got = [answer for answer in self._copies(ask, headers) if answer and answer.status < 500]
            answers = [answer for answer in got if answer.status not in (401, 409, 429)]
            if not answers:
                time.sleep(0.2)
        if answers and self.chance.random() < 0.3:
            again = self._once(ask, headers)
            answers += [again] if again and again.status in KEPT else []
        return (answers[0] if answers else None), [(a.status, a.text) for a in answers if a.status in KEPT]

    def _copies(self, ask: Ask, headers: dict[str, str]) -> list[Answer | None]:
        if self.chance.random() > 0.2:
            return [self._once(ask, headers)]
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda _: self._once(ask, headers), range(2)))

    def _send(self, method: str, path: str, headers: dict[str, str], **kwargs: Any) -> Answer:
        signed = {"Authorization": f"Bearer {self.office.key}", **headers}
        answer = requests.request(method, self.office.url + path, headers=signed, timeout=PATIENCE, **kwargs)
        answer.encoding = "utf-8"
        try:
            body = answer.json(parse_float=Decimal)
        except ValueError:
            body = None
        return Answer(answer.status_code, answer.text, answer.headers, body)


def _outcome(answer: Answer | None) -> Outcome:
    if answer is None or answer.status >= 500:
        return Outcome.UNKNOWN
    return Outcome.ACKED if answer.status < 300 else Outcome.REFUSED
