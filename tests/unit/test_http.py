"""Calls to another service: what is no answer is never taken for one."""

from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from shared.errors import Conflict, NotFound
from shared.http import NoAnswer, Peer


class Saying(BaseAdapter):
    """A peer that always says the same."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__()
        self._said = status, body

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response._content = self._said
        return response

    def close(self) -> None:
        """Nothing is open."""


def put(status: int, body: bytes) -> dict[str, Any]:
    peer = Peer("expenses", "budgets", "http://budgets", "secret", adapter=Saying(status, body))
    return peer.put("/internal/spends/1", {}, workspace_id="w", deadline=1.0)


@pytest.mark.parametrize("status", [200, 404, 422])
@pytest.mark.parametrize("body", [b"5", b"null", b"[]", b'"no"', b"", b"<html>"])
def test_what_is_no_object_is_no_answer(status: int, body: bytes) -> None:
    with pytest.raises(NoAnswer):
        put(status, body)


@pytest.mark.parametrize("status", [201, 204, 302, 400, 401, 500, 503])
def test_a_status_that_is_not_agreed_on_is_no_answer(status: int) -> None:
    with pytest.raises(NoAnswer):
        put(status, b'{"message": "x"}')


def test_who_is_asked_at_the_wrong_moment_says_so() -> None:
    with pytest.raises(Conflict):
        put(409, b'{"message": "x"}')


def test_an_object_is_the_answer_and_a_refusal_is_raised_in_its_own_words() -> None:
    assert put(200, b'{"version": 7}') == {"version": 7}
    with pytest.raises(NotFound, match="No such budget"):
        put(404, b'{"message": "No such budget"}')
