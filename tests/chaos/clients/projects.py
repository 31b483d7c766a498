"""`projects`: time and expenses, put on invoices, which are completed, opened again and deleted.

An hour costs 60.00, so that a minute is 1.00.
"""

from decimal import Decimal
from typing import Any

from tests.chaos.clients.billers import fresh
from tests.chaos.clients.client import Act, Client, changed
from tests.chaos.clients.money import major
from tests.chaos.desk import Answer, Ask
from tests.chaos.record import Change, Effects, Facts, Thing

INVOICE, EXPENSE, ENTRY = ("invoices", "invoice"), ("expenses", "expense"), ("invoices", "time entry")


class Contractor(Client):
    """Works on one project, and bills it."""

    name = "projects"

    def acts(self) -> list[Act]:
        return [
            *(self.invoice, self.log_time, self.log_time, self.spend, self.spend, self.put_on, self.put_on),
            *(self.take_off, self.minutes, self.cost, self.seldom(self.drop_time), self.seldom(self.drop_expense)),
            *(self.complete, self.complete, self.uncomplete, self.seldom(self.delete), self.describe),
        ]

    def run(self) -> None:
        """The project first."""
        while not self.stop.is_set() and not self.mine("project"):
            self.begin()
        super().run()

    def begin(self) -> Thing:
        """A project, where an hour costs 60.00."""
        project = self.new("project")
        body = {"project": {"name": project.mark}}
        change = ("invoices", "project", "created")
        answer = self._ask(
            "create a project", "POST", "/projects.json", change, [(project, {"name": project.mark})], body
        )
        if answer:
            project.ids["id"] = answer.body["id"]
            path, rates = f"/projects/{project.ids['id']}/rates.json", {"rates": {"project-default": "60.00"}}
            priced = changed(project, _rate="60.00")
            self._ask("set the rates", "POST", path, ("invoices", "project", "updated"), [(project, priced)], rates)
        return project

    def invoice(self) -> Thing | None:
        """An empty one, for what will be on it."""
        project = self.mine("project", _rate="60.00")
        if project is None:
            return None
        invoice = self.new("invoice")
        facts = fresh(Decimal(0), self.office.currency, text=invoice.mark)
        path, body = f"/projects/{project.ids['id']}/invoices.json", {"invoice": {"description": invoice.mark}}
        self._make("create an invoice", path, INVOICE, invoice, facts, body)
        return invoice

    def log_time(self) -> Thing | None:
        """Some minutes on the project."""
        project = self.mine("project", _rate="60.00")
        if project is None:
            return None
        entry, minutes = self.new("entry"), self.chance.randint(1, 200)
        facts = {"text": entry.mark, "cost": Decimal(minutes), "invoice": None}
        body = {"time-entry": {"description": entry.mark, "hours": 0, "minutes": minutes}}
        path = f"/projects/{project.ids['id']}/time_entries.json"
        self._make("log time", path, ENTRY, entry, facts, body)
        return entry

    def spend(self) -> Thing | None:
        """An expense in the project."""
        project = self.mine("project", _rate="60.00")
        if project is None:
            return None
        expense, cost = self.new("expense"), major(self.chance.randint(1, 9_000), self.office.currency)
        facts = {
            "text": expense.mark,
            "amount": cost,
            "currency": self.office.currency,
            "budget": None,
            "receipt": None,
        }
        body = {"expense": {"name": expense.mark, "cost": str(cost)}}
        path = f"/projects/{project.ids['id']}/expenses.json"
        self._make("create an expense", path, EXPENSE, expense, facts | {"invoice": None}, body)
        return expense

    def put_on(self) -> None:
        """A time entry, an expense or both on an invoice."""
        invoice, entry, expense = self._invoice(), self.mine("entry", invoice=None), self._expense(invoice=None)
        if invoice is None or not (entry or expense):
            return
        effects: Effects = [(line, changed(line, invoice=invoice.ids["id"])) for line in (entry, expense) if line]
        self._bill("put on an invoice", "add", invoice, effects)

    def take_off(self) -> None:
        """A line off its invoice."""
        if (line := self._line()) and (invoice := self._carrier(line)):
            self._bill("take off an invoice", "remove", invoice, [(line, changed(line, invoice=None))])

    def minutes(self) -> None:
        """Other minutes, on an invoice or not."""
        entry, minutes = self.mine("entry"), self.chance.randint(1, 200)
        if entry and entry.known["cost"] != minutes and self._free(entry):
            after, body = changed(entry, cost=Decimal(minutes)), {"time-entry": {"hours": 0, "minutes": minutes}}
            path = f"/time_entries/{entry.ids['id']}.json"
            self._rewrite("change time", "PUT", path, (*ENTRY, "updated"), entry, after, body)

    def cost(self) -> None:
        """Another cost, on an invoice or not."""
        expense, cost = self._expense(), major(self.chance.randint(1, 9_000), self.office.currency)
        if expense and expense.known["amount"] != cost and self._free(expense):
            path, body = f"/expenses/{expense.ids['id']}.json", {"expense": {"cost": str(cost)}}
            change = (*EXPENSE, "updated")
            self._rewrite("change an expense", "PUT", path, change, expense, changed(expense, amount=cost), body)

    def drop_time(self) -> None:
        """A time entry, on an invoice or not."""
        if (entry := self.mine("entry")) and self._free(entry):
            path = f"/time_entries/{entry.ids['id']}.json"
            self._rewrite("delete time", "DELETE", path, (*ENTRY, "deleted"), entry, None)

    def drop_expense(self) -> None:
        """An expense, on an invoice or not."""
        if (expense := self._expense()) and self._free(expense):
            path = f"/expenses/{expense.ids['id']}.json"
            self._rewrite("delete an expense", "DELETE", path, (*EXPENSE, "deleted"), expense, None)

    def complete(self) -> None:
        """Lock an invoice."""
        if invoice := self._invoice(completed=False):
            self._turn("complete", invoice, completed=True)

    def uncomplete(self) -> None:
        """Unlock it."""
        if invoice := self._invoice(completed=True):
            self._turn("uncomplete", invoice, completed=False)

    def describe(self) -> None:
        """Another description."""
        if invoice := self._invoice():
            text = f"{invoice.mark} {self.turn()}"
            path, body = f"/invoices/{invoice.ids['id']}.json", {"invoice": {"description": text}}
            effects: Effects = [(invoice, changed(invoice, text=text))]
            allowed = not invoice.known["completed"]
            self._ask("update an invoice", "PUT", path, (*INVOICE, "updated"), effects, body, allowed=allowed)

    def delete(self) -> None:
        """An invoice; what is on it can be billed again."""
        if invoice := self._invoice():
            lines = self._lines(invoice)
            if all(line.usable for line in lines):
                effects: Effects = [(invoice, None), *((line, changed(line, invoice=None)) for line in lines)]
                path = f"/invoices/{invoice.ids['id']}.json"
                self._ask("delete an invoice", "DELETE", path, (*INVOICE, "deleted"), effects)

    def _turn(self, verb: str, invoice: Thing, *, completed: bool) -> None:
        path = f"/invoices/{invoice.ids['id']}/{verb}.json"
        effects: Effects = [(invoice, changed(invoice, completed=completed))]
        self._ask(verb, "PUT", path, (*INVOICE, f"{verb}d"), effects)

    def _bill(self, kind: str, way: str, invoice: Thing, effects: Effects) -> None:
        told: dict[str, str] = {}
        total = invoice.known["total"]
        for line, _ in effects:
            told["timelogs" if line.kind == "entry" else "expenses"] = str(line.ids["id"])
            total += _cost(line.known) if way == "add" else -_cost(line.known)
        path, body = f"/invoices/{invoice.ids['id']}/lineitems.json", {"lineitems": {way: told}}
        whole: Effects = [*effects, (invoice, changed(invoice, total=total))]
        self._ask(kind, "PUT", path, (*INVOICE, "updated"), whole, body)

    def _rewrite(
        self, kind: str, method: str, path: str, change: Change, line: Thing, after: Facts | None, body: Any = None
    ) -> None:
        """Change a line, and with it the invoice it is on."""
        effects: Effects = [(line, after)]
        if invoice := self._carrier(line):
            total = invoice.known["total"] - _cost(line.known) + (_cost(after) if after else 0)
            effects.append((invoice, changed(invoice, total=total)))
        self._ask(kind, method, path, change, effects, body)

    def _make(
        self, kind: str, path: str, what: tuple[str, str], thing: Thing, facts: Facts, body: dict[str, Any]
    ) -> None:
        answer = self._ask(kind, "POST", path, (*what, "created"), [(thing, facts)], body)
        if answer:
            thing.ids["id"] = answer.body["id"]

    def _ask(
        self,
        kind: str,
        method: str,
        path: str,
        change: Change,
        effects: Effects,
        body: Any = None,
        *,
        allowed: bool | None = None,
    ) -> Answer | None:
        asked = Ask(
            kind=f"projects: {kind}",
            method=method,
            path=path,
            change=change,
            effects=effects,
            json=body,
            allowed=allowed,
        )
        return self.desk.ask(asked)

    def _invoice(self, **facts: Any) -> Thing | None:
        return self.mine("invoice", **facts)

    def _expense(self, **facts: Any) -> Thing | None:
        return self.mine("expense", **facts)

    def _line(self) -> Thing | None:
        lines = [line for kind in ("entry", "expense") if (line := self.mine(kind)) and line.known["invoice"]]
        return self.chance.choice(lines) if lines else None

    def _lines(self, invoice: Thing) -> list[Thing]:
        """What is on an invoice, or may be."""
        mine = [*self.ledger.of("entry"), *self.ledger.of("expense")]
        return [line for line in mine if invoice.ids["id"] in _invoices(line)]

    def _carrier(self, line: Thing) -> Thing | None:
        """The invoice that a line is on, when it is usable."""
        invoices = [each for each in self.ledger.of("invoice") if each.usable and "id" in each.ids]
        return next((each for each in invoices if each.ids["id"] == line.known["invoice"]), None)

    def _free(self, line: Thing) -> bool:
        """Whether it is clear what changes with the line."""
        return line.known["invoice"] is None or self._carrier(line) is not None


def _cost(facts: Facts) -> Decimal:
    cost: Decimal = facts["cost"] if "cost" in facts else facts["amount"]
    return cost


def _invoices(line: Thing) -> set[Any]:
    """Where a line may be."""
    ways = [facts for way in line.doubt.ways for thing, facts in way if thing is line] if line.doubt else []
    return {facts["invoice"] for facts in (line.facts, *ways) if facts and facts.get("invoice")}
