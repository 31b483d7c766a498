"""What two services say to each other: one page a conversation, signed by both sides."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.wrappers import Response

import services.budgets.app
import services.expenses.app
from services.budgets.settings import Settings as BudgetSettings
from services.expenses.settings import Settings as ExpenseSettings
from shared.json_codec import loads
from tests.client import SECRET, Client
from tests.wire import Wire

HERE = Path(__file__).parent
SPEND = json.loads((HERE / "spend.json").read_text(), parse_float=Decimal)
UNDER_WAY = json.loads((HERE / "under_way.json").read_text())
DELETED = json.loads((HERE / "budget_deleted.json").read_text())

BUDGETS, EXPENSES = "/v1/dev/finance/budgets", "/v1/dev/finance/expenses"


class Recorder(Wire):
    """The wire to a service that writes down what is said, and loses the answers when told to."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.said: list[dict[str, Any]] = []
        self.deaf = False

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        body = request.body if isinstance(request.body, bytes) else b""
        said = {"method": request.method, "path": request.path_url}
        self.said.append(said | ({"json": loads(body)} if body else {}))
        answer = super().send(request, *args, **kwargs)
        if self.deaf:
            raise requests.ReadTimeout("lost")
        return answer


@pytest.fixture
def budgets(fresh_database: Callable[[Path], str]) -> Iterator[Client]:
    """The budget service."""
    url = fresh_database(services.budgets.app.HISTORY)
    app = services.budgets.app.create_app(BudgetSettings(database_url=url, caller_secret=SECRET))
    yield Client(app)
    app.extensions["service"].db.close()


@pytest.fixture
def settings(fresh_database: Callable[[Path], str], tmp_path: Path) -> ExpenseSettings:
    """The settings of the expense service."""
    return ExpenseSettings(
        database_url=fresh_database(services.expenses.app.HISTORY),
        caller_secret=SECRET,
        budgets_url="http://budgets",
        receipts_url=(tmp_path / "receipts").as_uri(),
    )


@pytest.fixture
def wire(budgets: Client) -> Recorder:
    """What the expense service says to the budget service."""
    return Recorder(budgets.app)


@pytest.fixture
def expenses(settings: ExpenseSettings, wire: Recorder) -> Iterator[Client]:
    """The expense service."""
    app = services.expenses.app.create_app(settings, wires={"budgets": wire})
    yield Client(app)
    app.extensions["service"].db.close()


def filled(page: Any, **names: str) -> Any:
    """The page with real ids in the places of `{budget}`, `{other}` and `{expense}`."""
    if isinstance(page, dict):
        return {key: filled(value, **names) for key, value in page.items()}
    return page.format(**names) if isinstance(page, str) else page


def two_budgets(budgets: Client) -> dict[str, str]:
    first, second = (budgets.post(BUDGETS, json=SPEND["budget"]).json["data"]["id"] for _ in range(2))
    return {"budget": first, "other": second}


def spent(budgets: Client, names: dict[str, str]) -> list[Decimal]:
    found = [budgets.get(f"{BUDGETS}/{names[name]}").json["data"]["spent_amount"] for name in ("budget", "other")]
    return [Decimal(str(amount)) for amount in found]


def test_budgets_accepts_every_spend_on_the_page_and_answers_exactly_so(budgets: Client) -> None:
    names = two_budgets(budgets) | {"expense": "eeeeeeee-1111-4111-8111-111111111111"}
    page = filled(SPEND, **names)
    for name, request in page["requests"].items():
        answer = budgets.inside("expenses").open(**request)
        wanted = page["answers"][name]
        assert (answer.status_code, answer.json) == (wanted["status"], wanted["json"])
        assert spent(budgets, names) == wanted["spent"]


def test_budgets_answers_a_late_spend_as_the_page_says(budgets: Client) -> None:
    names = two_budgets(budgets) | {"expense": "eeeeeeee-1111-4111-8111-111111111111"}
    page = filled(SPEND, **names)
    budgets.inside("expenses").open(**page["requests"]["tombstone"])
    late = page["late"]
    answer = budgets.inside("expenses").open(**page["requests"][late["request"]])
    assert (answer.status_code, answer.json) == (late["answer"]["status"], late["answer"]["json"])
    assert spent(budgets, names) == late["answer"]["spent"]


@pytest.mark.parametrize("name", SPEND["refusals"])
def test_budgets_refuses_as_the_page_says(budgets: Client, name: str) -> None:
    names = two_budgets(budgets) | {"expense": "eeeeeeee-1111-4111-8111-111111111111"}
    page = filled(SPEND, **names)
    refusal = page["refusals"][name]
    request = page["requests"]["create"]
    answer = budgets.inside("expenses").open(**request | {"json": request["json"] | refusal["change"]})
    assert (answer.status_code, answer.json) == (refusal["status"], refusal["json"])
    assert spent(budgets, names) == [0, 0]


def test_expenses_sends_every_spend_on_the_page(
    budgets: Client, expenses: Client, wire: Recorder, settings: ExpenseSettings
) -> None:
    names = two_budgets(budgets)
    made = expenses.post(EXPENSES, json=filled(SPEND["expense"], **names))
    assert made.status_code == 201
    expense = made.json["data"]["id"]
    page = filled(SPEND["requests"], **names, expense=expense)
    assert wire.said == [page["create"]]

    wire.deaf, wire.said = True, []
    assert expenses.put(f"{EXPENSES}/{expense}", json={"amount": 80}).status_code == 503
    assert wire.said == [page["raise"]]

    wire.deaf, wire.said = False, []
    relay = services.expenses.app.create_relay(settings, wires={"budgets": wire})
    assert relay.run_once() == 1
    assert wire.said == [page["undo"]]
    relay.db.close()

    wire.said = []
    assert expenses.put(f"{EXPENSES}/{expense}", json={"budget_id": names["other"]}).status_code == 200
    assert wire.said == [page["move"], page["release"]]

    wire.said = []
    assert expenses.delete(f"{EXPENSES}/{expense}").status_code == 204
    assert wire.said == [page["tombstone"]]


def test_budgets_asks_what_is_under_way_as_the_page_says(fresh_database: Callable[[Path], str]) -> None:
    url = fresh_database(services.budgets.app.HISTORY)
    wire = Recorder(lambda environ, start: Response("{}", 503)(environ, start))
    told = BudgetSettings(database_url=url, caller_secret=SECRET, certainty_deadline=0.2)
    app = services.budgets.app.create_app(told, wire=wire)
    names = two_budgets(Client(app)) | {"expense": "eeeeeeee-1111-4111-8111-111111111111"}
    Client(app).inside("expenses").open(**filled(SPEND["requests"]["create"], **names))
    change = {"path": f"{BUDGETS}/{names['budget']}", "json": {"spent_amount": 5}}
    assert Client(app).put(**change).status_code == 503
    for name, status in (("one", 409), ("nothing", 200)):
        said = UNDER_WAY["answers"][name]["json"]["expenses"]
        body = json.dumps({"expenses": [each.format(**names) for each in said]})
        wire.app = Response(body, content_type="application/json")
        assert Client(app).put(**change).status_code == status
    assert [said == UNDER_WAY["request"] for said in wire.said] == [True] * len(wire.said)
    app.extensions["service"].db.close()


def test_expenses_says_what_is_under_way_as_the_page_says(budgets: Client, expenses: Client, wire: Recorder) -> None:
    expense = expenses.post(EXPENSES, json=filled(SPEND["expense"], **two_budgets(budgets))).json["data"]["id"]
    for name in ("nothing", "one"):
        wanted = UNDER_WAY["answers"][name]
        answer = expenses.inside("budgets").open(**UNDER_WAY["request"])
        named = [each.format(expense=expense) for each in wanted["json"]["expenses"]]
        assert (answer.status_code, answer.json) == (wanted["status"], {"expenses": named})
        wire.deaf = True
        assert expenses.delete(f"{EXPENSES}/{expense}").status_code in (204, 404)
    stranger = expenses.inside("budgets").seen_by(workspace_id="99999999-2222-4333-8444-555555555555")
    assert stranger.open(**UNDER_WAY["request"]).json == {"expenses": []}


def test_budgets_tells_of_a_deleted_budget_as_the_page_says(
    fresh_database: Callable[[Path], str], expenses: Client
) -> None:
    url = fresh_database(services.budgets.app.HISTORY)
    told = BudgetSettings(database_url=url, caller_secret=SECRET, expenses_url="http://expenses")
    app = services.budgets.app.create_app(told)
    wire = Recorder(expenses.app)
    relay = services.budgets.app.create_relay(told, wire=wire)
    budget = Client(app).post(BUDGETS, json={}).json["data"]["id"]
    assert Client(app).delete(f"{BUDGETS}/{budget}").status_code == 204
    assert relay.run_once() == 1
    assert wire.said == [filled(DELETED["request"], budget=budget)]
    assert relay.run_once() == 0
    for db in (app.extensions["service"].db, relay.db):
        db.close()


def test_expenses_accepts_the_page_of_a_deleted_budget_and_answers_exactly_so(
    budgets: Client, expenses: Client
) -> None:
    names = two_budgets(budgets)
    expense = expenses.post(EXPENSES, json=filled(SPEND["expense"], **names)).json["data"]["id"]
    for wanted in (DELETED["answer"], DELETED["again"]):
        answer = expenses.inside("budgets").open(**filled(DELETED["request"], **names))
        assert (answer.status_code, answer.json) == (wanted["status"], wanted["json"])
    assert expenses.get(f"{EXPENSES}/{expense}").json["data"]["budget_id"] is None
