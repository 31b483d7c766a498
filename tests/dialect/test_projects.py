"""Every call of the `projects` document, sent to the running product, with the document's own words."""

from typing import Any

import pytest
import requests

from tests.product import PATIENCE, Product, wait_until

CREATE = {
    "description": "New machinery as Clark dropped the last tractor",
    "fixed-cost": "",
    "number": "INV00001",
    "po-number": "PO00002",
    "display-date": "20150617",
    "currency-code": "USD",
}
OK = {"STATUS": "OK"}
LISTED = {
    "project-id": "1",
    "exported-by-user-id": "",
    "created-by-user-firstname": "Daniel",
    **CREATE,
    "status": "active",
    "exported-by-user-lastname": "",
    "company-id": "1",
    "exported-by-user-firstname": "",
    "project-name": "API Private Items",
    "exported-date": "",
    "created-by-user-lastname": "Mackey",
    "company-name": "Kent Farms",
    "edited-by-user-lastname": "Mackey",
    "edited-by-user-firstname": "Daniel",
    "total-cost": "0.00",
    "time-cost": "0.00",
    "expenses-cost": "0.00",
    "due-date": "",
    "pricing": "time-and-expenses",
}


class Desk:
    """A workspace of its own, as a client of the document sees it: HTTP Basic, the key as user name."""

    def __init__(self, product: Product, workspace: str) -> None:
        made = product.new_key(workspace, "--member", "Daniel Mackey <daniel@example.com>")
        self._url, self.key = product.url, made["key"]
        self.project = self.made("/projects.json", project={"name": "API Private Items", "newCompany": "Kent Farms"})
        self.me: str = self.ask("GET", "/me.json").json()["person"]["id"]
        assert self.ask("PUT", f"/projects/{self.project}/rates.json", rates={"project-default": "50"}).json() == OK
        for thing, one in (("invoice", "/invoices"), ("expense", "/expenses")):
            self._wait_until_named(thing, one)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, /, **body: Any) -> requests.Response:
        """One request."""
        basic = (self.key, "anything")
        url = self._url + path
        return requests.request(method, url, headers=headers, json=body or None, auth=basic, timeout=PATIENCE)

    def made(self, path: str, **body: Any) -> int:
        """The id of a new thing."""
        answer = self.ask("POST", path, **body)
        number: int = answer.json()["id"]
        assert (answer.status_code, answer.json()) == (201, OK | {"id": number})
        assert answer.headers["id"] == str(number)
        return number

    def _wait_until_named(self, thing: str, path: str) -> None:
        """Wait until the service behind the path has heard what we are called: the relay tells it, a moment later."""
        made = f"{path}/{self.made(f'{path}.json', **{thing: {}})}.json"
        wait_until(lambda: self.ask("GET", made).json()[thing]["created-by-user-firstname"] == "Daniel")
        assert self.ask("DELETE", made).json() == OK

    def read(self, invoice: int) -> dict[str, Any]:
        """An invoice."""
        answer = self.ask("GET", f"/invoices/{invoice}.json")
        assert (answer.status_code, list(answer.json())) == (200, ["invoice"])
        said: dict[str, Any] = answer.json()["invoice"]
        return said

    def shown(self, invoice: int, **facts: str) -> dict[str, str]:
        """How a list shows an invoice that was created as the document creates it."""
        own = {"id": str(invoice), "project-id": str(self.project)}
        by = dict.fromkeys(("created-by-user-id", "update-by-user-id"), self.me)
        return LISTED | by | own | facts


@pytest.fixture(scope="module")
def desk(product: Product) -> Desk:
    return Desk(product, "projects")


def without_dates(invoice: dict[str, Any]) -> dict[str, Any]:
    """An invoice without the two instants at which it was written."""
    assert invoice.keys() >= {"date-created", "date-updated"}
    return {
        name: value for name, value in invoice.items() if name not in ("date-created", "date-updated", "company-id")
    }


def test_invoices_are_listed_across_projects_and_on_one(product: Product) -> None:
    desk = Desk(product, "projects listed")
    first = desk.made("/invoices.json", invoice=CREATE | {"project-id": str(desk.project)})
    second = desk.made(f"/projects/{desk.project}/invoices.json", invoice={"number": 100})
    for path in ("/invoices.json", f"/projects/{desk.project}/invoices.json"):
        answer = desk.ask("GET", path)
        assert (answer.status_code, list(answer.json())) == (200, ["invoices"])
        one, other = (without_dates(each) for each in answer.json()["invoices"])
        assert one == {name: value for name, value in desk.shown(first).items() if name != "company-id"}
        assert (other["id"], other["number"], other["po-number"]) == (str(second), "100", "")
        assert [answer.headers[f"x-{name}"] for name in ("page", "pages", "records")] == ["1", "1", "2"]
    beyond = desk.ask("GET", "/invoices.json?page=2&pageSize=1&type=nonsense")
    assert [each["id"] for each in beyond.json()["invoices"]] == [str(second)]
    assert [beyond.headers[f"x-{name}"] for name in ("page", "pages", "records")] == ["2", "2", "2"]


def test_rates_are_changed_as_they_were_read(product: Product) -> None:
    desk = Desk(product, "projects rated")
    path = f"/projects/{desk.project}/rates.json"
    read = desk.ask("GET", path).headers["ETag"]
    for rates, status in (({"users": {desk.me: {"rate": "65.00"}}}, 200), ({"project-default": "40"}, 412)):
        assert desk.ask("PUT", path, {"If-Match": read}, rates=rates).status_code == status
    now = desk.ask("GET", path)
    assert now.headers["ETag"] == desk.ask("GET", f"/projects/{desk.project}.json").headers["ETag"] != read
    own = {"rate": "65.00", "first-name": "Daniel", "last-name": "Mackey"}
    assert now.json() == {"rates": {"project-default": "50.00", "users": {desk.me: own}}}


def test_a_single_invoice_shows_the_document_s_arithmetic(desk: Desk) -> None:
    invoice = desk.made("/invoices.json", invoice={"project-id": desk.project, "number": "INV0001"})
    entries = [
        desk.made(f"/projects/{desk.project}/time_entries.json", **{"time-entry": entry})
        for entry in (
            {"description": "Painting decal on engine housing", "date": "20150617", "time": "12:25", "minutes": "140"},
            {"description": "Work on putting new tyres on", "date": "20150617", "time": "14:25", "minutes": "20"},
        )
    ]
    tyres = desk.made(
        f"/projects/{desk.project}/expenses.json", expense={"name": "4 New Tyres", "date": "20150617", "cost": "200.00"}
    )
    paint = desk.made("/expenses.json", expense={"project-id": desk.project, "name": "Paint", "cost": 25})
    add = {"timelogs": ",".join(map(str, entries)), "expenses": f"{tyres},{paint}"}
    assert desk.ask("PUT", f"/invoices/{invoice}/lineitems.json", lineitems={"add": add}).json() == OK
    shown = desk.read(invoice)
    assert [(each["id"], each["cost"], each["decimal-hours"]) for each in shown["line-items"]] == [
        (str(entries[0]), "116.67", "2.33"),
        (str(entries[1]), "16.67", "0.33"),
    ]
    assert [(each["id"], each["cost"], each["invoice-id"]) for each in shown["expenses"]] == [
        (str(tyres), "200.00", str(invoice)),
        (str(paint), "25.00", str(invoice)),
    ]
    assert [shown[name] for name in ("total-time", "total-time-decimal", "total-cost")] == ["160", "2.66", "358.34"]
    assert shown["line-items"][0]["user-firstname"] == shown["expenses"][0]["created-by-user-firstname"] == "Daniel"
    assert desk.ask("GET", f"/expenses/{tyres}.json").json()["expense"]["invoice-id"] == str(invoice)


def test_an_expense_on_an_invoice_changes_with_it_and_is_locked_with_it(desk: Desk) -> None:
    invoice = desk.made("/invoices.json", invoice={"project-id": desk.project})
    expense = desk.made("/expenses.json", expense={"project-id": desk.project, "name": "Paint", "cost": "25.00"})
    desk.ask("PUT", f"/invoices/{invoice}/lineitems.json", lineitems={"add": {"expenses": str(expense)}})
    assert desk.ask("PUT", f"/expenses/{expense}.json", expense={"cost": "30.50"}).json() == OK
    assert desk.read(invoice)["total-cost"] == "30.50"
    assert desk.ask("PUT", f"/invoices/{invoice}/complete.json").json() == OK
    for method in ("PUT", "DELETE"):
        answer = desk.ask(
            method, f"/expenses/{expense}.json", **({"expense": {"cost": "1"}} if method == "PUT" else {})
        )
        assert (answer.status_code, answer.json()) == (
            422,
            {"STATUS": "Error", "MESSAGE": "The invoice is completed"},
        )
    assert desk.read(invoice)["total-cost"] == "30.50"
    assert desk.ask("PUT", f"/invoices/{invoice}/uncomplete.json").json() == OK
    assert desk.ask("DELETE", f"/expenses/{expense}.json").json() == OK
    assert (desk.read(invoice)["total-cost"], desk.read(invoice)["expenses"]) == ("0.00", [])


def test_an_invoice_is_updated_completed_reopened_and_deleted(desk: Desk) -> None:
    invoice = desk.made(f"/projects/{desk.project}/invoices.json", invoice={})
    answer = desk.ask("PUT", f"/invoices/{invoice}.json", invoice=CREATE | {"number": "INV00009"})
    assert (answer.status_code, answer.json()) == (200, OK)
    assert desk.read(invoice).items() >= (CREATE | {"number": "INV00009"}).items()
    for verb, status in (("complete", "completed"), ("uncomplete", "active")):
        answer = desk.ask("PUT", f"/invoices/{invoice}/{verb}.json")
        assert (answer.status_code, answer.json(), desk.read(invoice)["status"]) == (200, OK, status)
    answer = desk.ask("DELETE", f"/invoices/{invoice}.json")
    assert (answer.status_code, answer.json()) == (200, OK)
    assert desk.ask("GET", f"/invoices/{invoice}.json").status_code == 404


def test_currency_codes_are_listed(desk: Desk) -> None:
    answer = desk.ask("GET", "/currencycodes.json")
    assert (answer.status_code, list(answer.json())) == (200, ["currency-codes"])
    assert answer.json()["currency-codes"][:2] == [
        {"name": "Afghani", "code": "AFN"},
        {"name": "Algerian dinar", "code": "DZD"},
    ]


def test_a_bearer_key_does_as_well(product: Product, desk: Desk) -> None:
    answer = requests.get(
        f"{product.url}/currencycodes.json", headers={"Authorization": f"Bearer {desk.key}"}, timeout=PATIENCE
    )
    assert answer.status_code == 200


def test_what_one_document_writes_the_others_show(product: Product, desk: Desk) -> None:
    invoice = desk.made("/invoices.json", invoice={"project-id": desk.project, "fixed-cost": "99.90", "number": "X-1"})
    bearer = {"Authorization": f"Bearer {desk.key}"}
    (native,) = requests.get(
        f"{product.url}/v1/dev/finance/invoices", params={"invoice_number": "X-1"}, headers=bearer, timeout=PATIENCE
    ).json()["data"]
    assert (native["total"], native["client_name"]) == (99.9, "Kent Farms")
    approved = requests.get(f"{product.url}/api/invoices", headers=bearer, timeout=PATIENCE).json()["invoices"]
    assert {each["id"]: each["total_amount"] for each in approved}[invoice] == "99.90"
    changed = requests.put(
        f"{product.url}/v1/dev/finance/invoices/{native['id']}", json={"total": 120}, headers=bearer, timeout=PATIENCE
    )
    assert changed.status_code == 200
    assert (desk.read(invoice)["total-cost"], desk.read(invoice)["fixed-cost"]) == ("120.00", "120.00")


@pytest.mark.parametrize("path", ["/invoices.json", "/expenses.json", "/people.json", "/nowhere/at/all.json"])
def test_a_stranger_is_refused_in_the_document_s_words(product: Product, path: str) -> None:
    answer = requests.get(product.url + path, auth=("nobody", "x"), timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (401, {"STATUS": "Error", "MESSAGE": "Invalid or missing API key"})
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="countinghouse", Basic realm="countinghouse"'
