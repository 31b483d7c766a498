"""A stand-in for the invoice service, which tests can look into: it keeps to `tests/contract/project_expense.json`."""

import threading
from collections.abc import Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

from shared.json_codec import dumps, loads

Told = dict[str, Any]

FIRST, SECOND = 1149, 1150
"""The projects there are."""

DRAFT, SENT, COMPLETED = "draft", "sent", "completed"


class Invoices:
    """What it was told of each expense, and how the invoice stands that an expense is on."""

    def __init__(self) -> None:
        self.said: list[Told] = []
        """All that was said to it, in order."""
        self.known: dict[str, Told] = {}
        self.standing: dict[str, str] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        expense, told = request.path.removeprefix("/internal/expenses/"), loads(request.get_data())
        with self._lock:
            self.said.append(told)
            status, answer = self._answer(expense, told)
        return Response(dumps(answer), status, content_type="application/json")(environ, start_response)

    def _answer(self, expense: str, told: Told) -> tuple[int, dict[str, Any]]:
        known = self.known.get(expense, {"version": 0, "project_id": None})
        if known["version"] >= told["version"]:
            return 200, {"version": known["version"], "fresh": False}
        if told["held"] and (refusal := self._refusal(expense, known, told)):
            return refusal
        self.known[expense] = told
        return 200, {"version": told["version"], "fresh": True}

    def _refusal(self, expense: str, known: Told, told: Told) -> tuple[int, dict[str, Any]] | None:
        standing = self.standing.get(expense)
        if told["project_id"] not in (None, FIRST, SECOND):
            return 404, {"message": f"There is no project {told['project_id']}"}
        if standing == COMPLETED:
            return 422, {"message": "The invoice is completed"}
        if standing == SENT and told["shown"]:
            return 422, {"message": "Items and amounts are fixed once the invoice is sent"}
        if standing and told["project_id"] != known["project_id"]:
            return 422, {"message": "The expense is on an invoice of its project; take it off first"}
        return None
