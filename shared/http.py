"""Calls to other services: a deadline, the request's id, a signed caller, and pooled connections.

A call is made of requests' parts below its session, which looks for cookies, redirects, proxies and hooks that are not
there, and takes as long as all the rest. What carries the calls may be another `wire`: one that needs no socket.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.structures import CaseInsensitiveDict

from shared import caller as callers
from shared import errors
from shared.breaker import Breaker, Open
from shared.bulkhead import Bulkhead, Full
from shared.caller import INTERNAL, Caller
from shared.json_codec import dumps, loads
from shared.logs import request_id

CONNECTIONS = 32
"""How many connections to a peer there are, all of which are kept."""

PATIENCE = 1.0
"""Seconds to wait for one of them while no other call ends."""

FAILURES = 5
"""How many calls in a row may have no answer before the next ones are not made."""

REFUSALS: Mapping[tuple[int, str], type[errors.ApiError]] = {
    (422, errors.InsufficientFunds.message): errors.InsufficientFunds,
}
"""Refusals that are told apart by their words as well as their status."""


class NoAnswer(Exception):
    """The peer cannot be reached, did not answer in time, or answered nonsense: nobody knows what it did."""


class Rejected(NoAnswer):
    """The peer took the question for a wrong one, which it will be the next time: 4xx, and none that is agreed on."""


class NotAsked(NoAnswer):
    """Nothing was sent: the peer has not answered the last ones, or too many wait for its answer. It did nothing."""


class Peer:
    """Another service, as `name` (ours) sees it."""

    def __init__(self, name: str, audience: str, url: str, secret: str, *, adapter: BaseAdapter | None = None) -> None:
        self._name, self._audience, self._secret = name, audience, secret
        self._url = url.rstrip("/")
        self._adapter = adapter or HTTPAdapter(pool_maxsize=CONNECTIONS)
        self._breaker, self._bulkhead = Breaker(FAILURES), Bulkhead(CONNECTIONS, PATIENCE)

    def put(self, path: str, body: dict[str, Any], *, workspace_id: str, deadline: float) -> dict[str, Any]:
        """PUT `body` on behalf of a workspace; the answer's body.

        Raises:
            Forbidden, NotFound, Refused: the peer said no; it changed nothing.
            Conflict: something else was at work there; it changed nothing, and may be asked again.
            NoAnswer: no usable answer within `deadline` seconds. Rejected: it would be the same another time.
            NotAsked: nothing was sent.
        """
        headers = {
            "Content-Type": "application/json",
            "X-Request-Id": request_id.get(),
            callers.HEADER: callers.sign(Caller.service(self._name, workspace_id), self._secret, self._audience),
        }
        asked = requests.PreparedRequest()
        asked.method, asked.url, asked.body = "PUT", self._url + path, dumps(body)
        asked.headers = CaseInsensitiveDict({**headers, "Content-Length": str(len(asked.body))})
        answer, said = self._heard(asked, deadline)
        if not isinstance(said, dict):
            raise NoAnswer(f"{self._audience}: {answer.status_code} with no object")
        if answer.status_code == 200:
            return said
        if answer.status_code in (403, 404, 422) and "message" in said:
            kind = REFUSALS.get((answer.status_code, said["message"]), errors.BY_STATUS[answer.status_code])
            raise kind(said["message"], errors=said.get("errors"))
        if answer.status_code == 409:
            raise errors.Conflict
        kind_of_silence = Rejected if 400 <= answer.status_code < 500 else NoAnswer
        raise kind_of_silence(f"{self._audience}: {answer.status_code}")

    def get(self, path: str, query: Mapping[str, Any], *, caller: Caller, deadline: float) -> dict[str, Any]:
        """GET on behalf of whoever calls us, in a service's name; the answer's body.

        Raises:
            NoAnswer: no usable answer within `deadline` seconds.
        """
        us = replace(caller, key_id=f"service:{self._name}", scopes=(INTERNAL,))
        asked = requests.PreparedRequest()
        asked.method, asked.url = "GET", f"{self._url}{path}?{urlencode(query)}"
        asked.headers = CaseInsensitiveDict(
            {"X-Request-Id": request_id.get(), callers.HEADER: callers.sign(us, self._secret, self._audience)}
        )
        answer, said = self._heard(asked, deadline)
        if answer.status_code != 200 or not isinstance(said, dict):
            raise NoAnswer(f"{self._audience}: {answer.status_code}")
        return said

    def _heard(self, asked: requests.PreparedRequest, deadline: float) -> tuple[requests.Response, Any]:
        """Send a request, never a second time: a copy may be refused where the first one is late, and is taken then.

        A pooled connection that has ended meanwhile is noticed by urllib3 before anything is sent on it.
        """
        try:
            with self._bulkhead.place():
                answer, body = self._breaker.call(partial(self._send, asked, deadline))
            return answer, loads(body)
        except (Full, Open) as why:
            raise NotAsked(f"{self._audience}: {why}") from None
        except (requests.RequestException, errors.Invalid) as fault:
            raise NoAnswer(f"{self._audience}: {fault}") from fault

    def _send(self, asked: requests.PreparedRequest, deadline: float) -> tuple[requests.Response, bytes]:
        """One try, with the body of the answer: who stalls in the middle of it has not answered."""
        answer = self._adapter.send(asked, timeout=(min(1.0, deadline), deadline))
        return answer, answer.content
