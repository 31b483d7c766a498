"""What the expense and the invoice service say to each other of a project's expenses: one page, signed by both."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import services.expenses.app
import services.invoices.app
from services.expenses.models import Expense
from services.expenses.settings import Settings as ExpenseSettings
from services.invoices.settings import Settings as InvoiceSettings
from shared.db import Database
from shared.json_codec import dumps
from shared.relay import Relay
from tests.client import SECRET, Client

from .test_contracts import Recorder

PAGE = json.loads((Path(__file__).parent / "project_expense.json").read_text(), parse_float=Decimal)
ANOTHER = "99999999-9999-4999-8999-999999999999"
"""An account that has no invoice here."""
UUID = "eeeeeeee-1111-4111-8111-111111111111"

Said = dict[str, Any]


@dataclass
class Pair:
    """Both services, what each says to the other, two projects, and what the page calls them."""

    expenses: Client
    invoices: Client
    to_invoices: Recorder
    to_expenses: Recorder
    relay: Relay
    names: dict[str, Any]

    def made(self, path: str, **body: Any) -> int:
        """A new thing of the `projects` dialect; its id."""
        client = self.expenses if path.endswith("/expenses.json") else self.invoices
        answer = client.post(path, json=body)
        assert answer.status_code == 201, answer.data
        number: int = answer.json["id"]
        return number

    def expense(self) -> int:
        """The expense of the page."""
        number = self.made(f"/projects/{self.names['project']}/expenses.json", expense=PAGE["expense"])
        db: Database = self.expenses.app.extensions["service"].db
        with db.read() as session:
            self.names |= {"number": number, "expense": session.scalars(select(Expense.uuid)).one()}
        return number

    def change(self, **facts: Any) -> int:
        """The answer to a change of the expense."""
        return self.expenses.put(f"/expenses/{self.names['number']}.json", json={"expense": facts}).status_code

    def bill(self, invoice: int, **lines: Any) -> int:
        """The answer to putting expenses on an invoice, or taking them off."""
        return self.invoices.put(f"/invoices/{invoice}/lineitems.json", json={"lineitems": lines}).status_code

    def invoice(self) -> int:
        """A new invoice of the project, with the expense on it."""
        invoice = self.made(f"/projects/{self.names['project']}/invoices.json", invoice={})
        assert self.bill(invoice, add={"expenses": str(self.names["number"])}) == 200
        self.names["invoice"] = invoice
        return invoice

    def page(self, part: str) -> dict[str, Said]:
        """A part of the page with real ids in it."""
        filled: dict[str, Said] = _filled(PAGE[part], self.names)
        return filled

    def heard(self) -> list[Said]:
        """What was said to the invoice service since the last time."""
        said, self.to_invoices.said = self.to_invoices.said, []
        return said

    def tell(self, request: Said) -> Any:
        """What the invoice service answers to a request."""
        path, body = request["path"], dumps(request["json"])
        return self.invoices.inside("expenses").put(path, data=body, content_type="application/json")


def _filled(page: Any, names: dict[str, Any]) -> Any:
    if isinstance(page, dict):
        return {key: _filled(value, names) for key, value in page.items()}
    if not isinstance(page, str):
        return page
    name = page[1:-1]
    return names[name] if page == f"{{{name}}}" else page.replace("{expense}", names["expense"])


@pytest.fixture
def pair(fresh_database: Callable[[Path], str], tmp_path: Path) -> Iterator[Pair]:
    to_expenses, to_invoices = Recorder(None), Recorder(None)
    told = InvoiceSettings(
        database_url=fresh_database(services.invoices.app.HISTORY),
        caller_secret=SECRET,
        mail_folder=str(tmp_path / "mail"),
        expenses_url="http://expenses",
    )
    settings = ExpenseSettings(
        database_url=fresh_database(services.expenses.app.HISTORY),
        caller_secret=SECRET,
        invoices_url="http://invoices",
        receipts_url=(tmp_path / "receipts").as_uri(),
    )
    wires = {"invoices": to_invoices}
    to_invoices.app = services.invoices.app.create_app(told, wire=to_expenses)
    to_expenses.app = services.expenses.app.create_app(settings, wires=wires)
    relay = services.expenses.app.create_relay(settings, wires=wires)
    pair = Pair(Client(to_expenses.app), Client(to_invoices.app), to_invoices, to_expenses, relay, {"expense": UUID})
    pair.names |= {name: pair.made("/projects.json", project={"name": name}) for name in ("project", "other")}
    pair.names |= {"number": 14, "account": pair.invoices.caller.account_id}
    yield pair
    for db in (*(app.extensions["service"].db for app in (to_expenses.app, to_invoices.app)), relay.db):
        db.close()


def test_expenses_sends_every_request_on_the_page(pair: Pair) -> None:
    pair.expense()
    page = pair.page("requests")
    assert pair.heard() == [page["may it be made"], page["made"]]

    pair.to_invoices.deaf = True
    assert pair.change(cost="30.00") == 503
    pair.to_invoices.deaf = False
    assert pair.relay.run_once() == 1
    assert pair.heard() == [page["may it cost 30"], page["undone"]]

    assert pair.change(name="Red paint") == 200
    assert pair.heard() == [page["may it be renamed"], page["renamed"]]
    assert pair.change(**{"project-id": pair.names["other"]}) == 200
    assert pair.heard() == [page["may it move"], page["moved"]]
    assert pair.change(**{"project-id": ""}) == 200
    assert pair.heard() == [page["may it leave"], page["left"]]
    assert pair.change(**{"project-id": pair.names["project"]}) == 200
    assert pair.heard() == [page["may it return"], page["returned"]]
    assert pair.expenses.delete(f"/expenses/{pair.names['number']}.json").status_code == 200
    assert pair.heard() == [page["may it be deleted"], page["deleted"]]


def test_invoices_accepts_every_request_on_the_page_and_answers_exactly_so(pair: Pair) -> None:
    for request in pair.page("requests").values():
        answer = pair.tell(request)
        assert (answer.status_code, answer.json) == (200, {"version": request["json"]["version"], "fresh": True})
    late = PAGE["late"]
    answer = pair.tell(pair.page("requests")[late["request"]])
    assert (answer.status_code, answer.json) == (200, late["answer"])


def test_both_say_alike_who_else_has_written_the_amount(pair: Pair) -> None:
    pair.expense()
    other = pair.expenses.seen_by(member_id=8)
    assert other.put(f"/expenses/{pair.names['number']}.json", json={"expense": {"cost": "30.00"}}).status_code == 200
    told = pair.page("by another")["costs 30"]
    assert pair.heard()[-1] == told
    assert pair.tell(told | {"json": told["json"] | {"version": 5}}).json == {"version": 5, "fresh": True}


@pytest.mark.parametrize("name", PAGE["refusals"])
def test_invoices_refuses_as_the_page_says_and_changes_nothing(pair: Pair, name: str) -> None:
    number = pair.expense()
    if name != "no project":
        invoice = pair.invoice()
    if name == "completed":
        assert pair.invoices.put(f"/invoices/{invoice}/complete.json").status_code == 200
    if name == "sent":
        (shown,) = pair.invoices.get("/v1/dev/finance/invoices").json["data"]
        sent = pair.invoices.put(f"/v1/dev/finance/invoices/{shown['id']}", json={"status": "sent"})
        assert sent.status_code == 200
    refusal = PAGE["refusals"][name]
    request = pair.page("requests")[refusal["request"]]
    request["json"] |= {name: refusal[name] for name in ("project_id", "account_ids") if name in refusal}
    answer = pair.tell(request)
    assert (answer.status_code, answer.json) == (refusal["status"], refusal["json"])
    told = request["json"] | {"held": False, "project_id": pair.names["project"]}
    assert pair.tell(request | {"json": told}).json == {"version": told["version"], "fresh": True}
    assert pair.expenses.get(f"/expenses/{number}.json").json["expense"]["name"] == "Paint"


def test_invoices_lets_nobody_at_an_expense_that_is_held(pair: Pair) -> None:
    number, page = pair.expense(), pair.page("requests")
    invoice = pair.invoice()
    assert pair.tell(page["may it cost 30"]).status_code == 200
    assert pair.bill(invoice, remove={"expenses": str(number)}) == 409
    assert pair.invoices.put(f"/invoices/{invoice}/complete.json").status_code == 409
    assert pair.invoices.delete(f"/invoices/{invoice}.json").status_code == 409
    assert pair.tell(page["undone"]).status_code == 200
    assert pair.bill(invoice, remove={"expenses": str(number)}) == 200


def test_invoices_tells_of_billing_as_the_page_says(pair: Pair) -> None:
    number = pair.expense()
    invoice = pair.invoice()
    assert pair.expenses.get(f"/expenses/{number}.json").json["expense"]["invoice-id"] == str(invoice)
    assert pair.bill(invoice, remove={"expenses": str(number)}) == 200
    assert pair.to_expenses.said == list(pair.page("billings").values())
    assert pair.expenses.get(f"/expenses/{number}.json").json["expense"]["invoice-id"] == ""


def test_expenses_accepts_every_billing_on_the_page_and_answers_exactly_so(pair: Pair) -> None:
    pair.expense()
    pair.names["invoice"] = 50
    page = pair.page("billings")
    telling = pair.expenses.inside("invoices")
    for name, known, fresh in (("on", 1, True), ("off", 2, True), ("on", 2, False)):
        answer = telling.open(**page[name])
        assert (answer.status_code, answer.json) == (200, {"version": known, "fresh": fresh})


def test_an_invoice_follows_what_an_expense_on_it_costs_and_locks_it_when_completed(pair: Pair) -> None:
    pair.expense()
    invoice = pair.invoice()
    assert pair.change(cost=40, name="Tar") == 200
    shown = pair.invoices.get(f"/invoices/{invoice}.json").json["invoice"]
    assert (shown["total-cost"], [(row["name"], row["cost"]) for row in shown["expenses"]]) == (
        "40.00",
        [("Tar", "40.00")],
    )
    assert pair.invoices.put(f"/invoices/{invoice}/complete.json").status_code == 200
    native = f"/v1/dev/finance/expenses/{pair.names['expense']}"
    refused = pair.expenses.put(native, json={"category": "rent"})
    assert (refused.status_code, refused.json) == (422, {"message": "The invoice is completed"})
    assert pair.expenses.delete(native).status_code == 422
    assert pair.invoices.put(f"/invoices/{invoice}/uncomplete.json").status_code == 200
    assert pair.expenses.delete(native).status_code == 204
    assert pair.invoices.get(f"/invoices/{invoice}.json").json["invoice"]["total-cost"] == "0.00"


def _everything(pair: Pair) -> list[Any]:
    """What both services have of expenses and invoices, as a client for all accounts reads it."""
    number, native = pair.names["number"], f"/v1/dev/finance/expenses/{pair.names['expense']}"
    reads = [pair.expenses.get(path).data for path in (native, f"/expenses/{number}.json")]
    return [*reads, pair.invoices.get(f"/invoices/{pair.names['invoice']}.json").data]


@pytest.mark.parametrize("keyed", [{}, {"Idempotency-Key": "k"}], ids=["once", "keyed"])
def test_a_key_for_another_account_changes_no_expense_on_an_invoice(pair: Pair, keyed: dict[str, str]) -> None:
    number = pair.expense()
    pair.invoice()
    before = _everything(pair)
    native, in_projects = f"/v1/dev/finance/expenses/{pair.names['expense']}", f"/expenses/{number}.json"
    limited = pair.expenses.seen_by(account_ids=(ANOTHER,), accounts=(ANOTHER,), account_id=ANOTHER)
    writes: list[tuple[str, str, Said]] = [
        ("PUT", native, {"json": {"amount": 30}}),
        ("PUT", native, {"json": {"category": "rent"}}),
        ("PUT", native, {"data": {"receipt": (BytesIO(b"%PDF-1.4 x"), "x.pdf")}}),
        ("DELETE", native, {}),
        ("PUT", in_projects, {"json": {"expense": {"name": "Tar"}}}),
        ("PUT", in_projects, {"json": {"expense": {"project-id": pair.names["other"]}}}),
        ("DELETE", in_projects, {}),
    ]
    for place, (method, path, body) in enumerate(writes):
        headers = {name: f"{value}{place}" for name, value in keyed.items()}
        answer = limited.open(method, path, headers=headers, **body)
        assert answer.status_code == 403, (method, path, body, answer.data)
        assert _everything(pair) == before, (method, path, body)
        assert pair.relay.run_once() == 0  # nothing is to be taken back
        again = limited.open(method, path, headers=headers, **body) if keyed and "data" not in body else answer
        assert (again.status_code, again.data) == (403, answer.data)
        assert ("Idempotency-Replayed" in again.headers) is (again is not answer)
    shown = limited.get(in_projects).json["expense"]
    assert (shown["name"], shown["invoice-id"]) == ("Paint", "")
    assert [each["invoice-id"] for each in limited.get("/expenses.json").json["expenses"]] == [""]
    told = [each.get(f"{native}/history").json["data"] for each in (pair.expenses, limited)]
    assert ["invoice_id" in str(entries) for entries in told] == [True, False]
    assert len(told[0]) == len(told[1])


def test_a_key_for_the_account_of_an_invoice_sees_and_changes_the_expenses_on_it(pair: Pair) -> None:
    number = pair.expense()
    invoice = pair.invoice()
    account = pair.names["account"]
    ours = pair.expenses.seen_by(account_ids=(ANOTHER, account), accounts=(ANOTHER, account))
    assert ours.get(f"/expenses/{number}.json").json["expense"]["invoice-id"] == str(invoice)
    assert ours.put(f"/expenses/{number}.json", json={"expense": {"cost": "30.00"}}).status_code == 200
    assert pair.invoices.get(f"/invoices/{invoice}.json").json["invoice"]["total-cost"] == "30.00"


def test_a_key_for_some_accounts_changes_what_is_on_no_invoice(pair: Pair) -> None:
    number = pair.expense()
    limited = pair.expenses.seen_by(account_ids=(ANOTHER,), accounts=(ANOTHER,), account_id=ANOTHER)
    assert limited.put(f"/expenses/{number}.json", json={"expense": {"cost": "30.00"}}).status_code == 200
    assert limited.delete(f"/expenses/{number}.json").status_code == 200


def test_word_of_an_invoice_from_an_older_service_shows_it_to_keys_for_all_accounts_alone(pair: Pair) -> None:
    number = pair.expense()
    path = f"/internal/billings/{pair.names['expense']}"
    said = pair.expenses.inside("invoices").put(path, json={"version": 1, "invoice_id": 50})
    assert (said.status_code, said.json) == (200, {"version": 1, "fresh": True})
    account = pair.names["account"]
    ours = pair.expenses.seen_by(account_ids=(account,), accounts=(account,))
    shown = [each.get(f"/expenses/{number}.json").json["expense"]["invoice-id"] for each in (pair.expenses, ours)]
    assert shown == ["50", ""]
