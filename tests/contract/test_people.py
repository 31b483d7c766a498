"""What the gateway tells the services of people: one page, signed by all three."""

import json
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

import services.expenses.app
import services.invoices.app
from services.expenses.settings import Settings as ExpenseSettings
from services.invoices.settings import Settings as InvoiceSettings
from shared import people
from tests.client import SECRET, WORKSPACE, Client

PAGE = json.loads((Path(__file__).parent / "person.json").read_text())
REQUESTS, ANSWERS = PAGE["requests"], PAGE["answers"]
ELSEWHERE = "22222222-2222-4222-8222-222222222222"
ADA = 7


@pytest.fixture(params=["invoices", "expenses"])
def receiver(request: pytest.FixtureRequest, fresh_database: Callable[[Path], str], tmp_path: Path) -> Iterator[Client]:
    """Each service that shows names."""
    if request.param == "invoices":
        url = fresh_database(services.invoices.app.HISTORY)
        app = services.invoices.app.create_app(InvoiceSettings(database_url=url, caller_secret=SECRET))
    else:
        url = fresh_database(services.expenses.app.HISTORY)
        told = ExpenseSettings(database_url=url, caller_secret=SECRET, receipts_url=(tmp_path / "receipts").as_uri())
        app = services.expenses.app.create_app(told)
    yield Client(app)
    app.extensions["service"].db.close()


def said(receiver: Client, name: str) -> tuple[int, Any]:
    """What the service answers to that message of the gateway about Ada."""
    request = REQUESTS[name] | {"path": REQUESTS[name]["path"].format(person=ADA)}
    answer = receiver.inside("gateway").open(**request)
    return answer.status_code, answer.json


def known(receiver: Client, workspace_id: str = WORKSPACE) -> list[Any]:
    """Ada's names in the service, and whether she is somebody who can be named in what is new."""
    db = receiver.app.extensions["service"].db
    with db.connection() as connection:
        names = people.named(connection, workspace_id, [ADA, None])
    with db.read() as session:
        active = people.is_known(session, workspace_id, ADA)
    assert names[None] == people.Names("", "")
    return [names[ADA].first, names[ADA].last, active]


def test_a_service_accepts_every_message_on_the_page_and_answers_exactly_so(receiver: Client) -> None:
    assert known(receiver) == ["", "", False]
    for name in REQUESTS:
        wanted = ANSWERS[name]
        assert said(receiver, name) == (wanted["status"], wanted["json"])
        assert known(receiver) == wanted["known"]


def test_a_late_message_changes_nothing(receiver: Client) -> None:
    for name in REQUESTS:
        said(receiver, name)
    late = PAGE["late"]
    assert said(receiver, late["request"]) == (late["answer"]["status"], late["answer"]["json"])
    assert known(receiver) == late["answer"]["known"]


@pytest.mark.parametrize("order", list(permutations(REQUESTS)), ids="-".join)
def test_in_any_order_and_twice_the_newest_wins(receiver: Client, order: tuple[str, ...]) -> None:
    for name in (*order, *order):
        assert said(receiver, name)[0] == 200
    assert known(receiver) == ANSWERS["deleted"]["known"]


def test_the_same_id_is_another_person_in_another_workspace(receiver: Client) -> None:
    said(receiver, "made")
    said(receiver.seen_by(workspace_id=ELSEWHERE), "renamed")
    assert known(receiver) == ANSWERS["made"]["known"]
    assert known(receiver, ELSEWHERE) == ANSWERS["renamed"]["known"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"version": "1"}, "version"),
        ({"first_name": None}, "first_name"),
        ({"last_name": 7}, "last_name"),
        ({"email": None}, "email"),
        ({"deleted": "no"}, "deleted"),
        ({"nick": "A"}, "nick"),
    ],
)
def test_what_is_not_on_the_page_is_refused(receiver: Client, change: dict[str, Any], field: str) -> None:
    body = REQUESTS["made"]["json"] | change
    answer = receiver.inside("gateway").put(f"/internal/people/{ADA}", json=body)
    assert answer.status_code == 400
    assert list(answer.json["errors"]) == [field]
    assert known(receiver) == ["", "", False]


def test_only_another_service_may_tell_of_people(receiver: Client) -> None:
    for scopes in (receiver.caller.scopes, ("admin",)):
        answer = receiver.seen_by(scopes=scopes).put(f"/internal/people/{ADA}", json=REQUESTS["made"]["json"])
        assert (answer.status_code, answer.json) == (403, {"message": "This API key lacks the scope internal"})
    assert known(receiver) == ["", "", False]
