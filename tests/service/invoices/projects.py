"""What the tests of the `projects` dialect do again and again, and an expense service to be heard by."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from flask import Flask, Response, request

from shared.json_codec import dumps, loads
from tests.client import Client

Facts = dict[str, Any]

DANIEL = {"version": 1, "first_name": "Daniel", "last_name": "Mackey", "email": "daniel@example.com", "deleted": False}


class ExpenseService:
    """What the invoice service tells the expense service: `heard`, or nothing while it is `away`.

    `known`: a version that it knows of each expense, whatever it was told.
    """

    def __init__(self) -> None:
        self.app = Flask("expenses")
        self.heard: list[tuple[str, Facts]] = []
        self.away = False
        self.known = 0
        self.app.add_url_rule("/internal/billings/<uuid>", view_func=self._hear, methods=["PUT"])

    def _hear(self, uuid: str) -> Response:
        if self.away:
            return Response(status=503)
        body = loads(request.get_data())
        if fresh := body["version"] > self.known:
            self.heard.append((uuid, body))
        said = {"version": max(body["version"], self.known), "fresh": fresh}
        return Response(dumps(said), content_type="application/json")


class Books:
    """A project, and how time and expenses come into it."""

    def __init__(self, client: Client, *, rate: str = "50.00") -> None:
        self.client = client
        self.project = self.made("/projects.json", project={"name": "API Private Items", "newCompany": "Apple"})
        assert self.put(f"/projects/{self.project}/rates.json", rates={"project-default": rate}) == 200
        self._uuids = iter(f"eeeeeeee-0000-4000-8000-{number:012d}" for number in range(1, 10_000))

    def made(self, path: str, **body: Facts) -> int:
        """The id of a new thing."""
        answer = self.client.post(path, json=body)
        assert answer.status_code == 201, answer.data
        number: int = answer.json["id"]
        return number

    def put(self, path: str, **body: Facts) -> int:
        """The status of a change."""
        return self.client.put(path, json=body or None).status_code

    def invoice(self, **facts: Any) -> int:
        """A new invoice of the project."""
        return self.made(f"/projects/{self.project}/invoices.json", invoice=facts)

    def time(self, minutes: int, **facts: Any) -> int:
        """A new time entry."""
        entry = {"date": "20150617", "time": "12:25", "minutes": minutes, "description": "Painting", **facts}
        return self.made(f"/projects/{self.project}/time_entries.json", **{"time-entry": entry})

    def expense(self, number: int, cost: str = "25.00", *, version: int = 1, **facts: Any) -> str:
        """The UUID of an expense that the expense service has told of."""
        uuid = next(self._uuids)
        assert self.tell(uuid, number, cost, version=version, **facts) == {"version": version, "fresh": True}
        return uuid

    def tell(self, uuid: str, number: int | None, cost: str = "25.00", *, version: int, **facts: Any) -> Facts:
        """What the invoice service answers to the state of an expense."""
        answer = self.say(uuid, number, cost, version=version, **facts)
        assert answer.status_code == 200, answer.data
        said: Facts = answer.json
        return said

    def say(self, uuid: str, number: int | None, cost: str = "25.00", *, version: int, **facts: Any) -> Any:
        """The same, whatever it is."""
        body = {
            "version": version,
            "held": False,
            "shown": False,
            "id": number,
            "project_id": self.project,
            "name": "Paint",
            "description": None,
            "date": "2015-06-17",
            "currency": "USD",
            "created_by": 7,
            "amount": Decimal(cost),
            **facts,
        }
        inside = self.client.inside("expenses")
        return inside.put(f"/internal/expenses/{uuid}", data=dumps(body), content_type="application/json")

    def bill(self, invoice: int, *, add: Facts | None = None, remove: Facts | None = None) -> Any:
        """The answer to a change of what is on an invoice."""
        return self.client.put(
            f"/invoices/{invoice}/lineitems.json", json={"lineitems": {"add": add or {}, "remove": remove or {}}}
        )

    def read(self, invoice: int) -> Facts:
        """An invoice with what is on it."""
        answer = self.client.get(f"/invoices/{invoice}.json")
        assert answer.status_code == 200, answer.data
        said: Facts = answer.json["invoice"]
        return said


def pages(client: Client, path: str, name: str) -> Iterator[Facts]:
    """Everything in a list, page after page."""
    page = 1
    while True:
        answer = client.get(path, query_string={"page": page, "pageSize": 2})
        yield from answer.json[name]
        if page >= int(answer.headers["x-pages"]):
            return
        page += 1
