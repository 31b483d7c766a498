"""`finance`: budgets in several currencies with hard caps, and expenses on them, with receipts and without."""

import hashlib
from decimal import Decimal
from typing import Any

from tests.chaos.clients.client import Act, Client, changed
from tests.chaos.clients.money import CURRENCIES, major, number
from tests.chaos.desk import Answer, Ask
from tests.chaos.record import Effects, Facts, Ledger, Thing

BUDGETS, EXPENSES = "/v1/dev/finance/budgets", "/v1/dev/finance/expenses"
LARGEST = 9_000
"""In minor units."""
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"

CREATED, UPDATED, DELETED = (("expenses", "expense", action) for action in ("created", "updated", "deleted"))


class Budgeteer(Client):
    """Sets up budgets that everybody spends from, and changes their caps."""

    name = "budgets"

    def acts(self) -> list[Act]:
        return [self.another, self.another, self.cap, self.rename, *[self.rest] * 4, self.seldom(self.delete)]

    def rest(self) -> None:
        """Leave the budgets to those who spend."""
        self.stop.wait(0.5)

    def another(self) -> None:
        """A budget, unless there are many."""
        if len([budget for budget in common(self.ledger) if budget.usable]) < 6:
            self.create()

    def create(self) -> None:
        """A budget, in a currency that is drawn, sometimes with money spent on it before."""
        currency = self.chance.choice(CURRENCIES)
        opening = self.chance.choice((Decimal(0), major(self.chance.randint(1, 900), currency)))
        self.set_up(currency, major(self.chance.randint(1_000, LARGEST), currency), opening)

    def set_up(self, currency: str, cap: Decimal, opening: Decimal = Decimal(0), *, own: bool = False) -> Thing:
        """A budget. `own`: nobody else is to spend from it."""
        budget = self.new("budget")
        body = {"name": budget.mark, "total_amount": number(cap), "currency": currency, "spent_amount": number(opening)}
        facts = {"name": budget.mark, "total": cap, "currency": currency, "_opening": opening, "_own": own}
        answer = self._ask("create a budget", "POST", BUDGETS, "created", budget, facts, json=body, allowed=True)
        if answer:
            budget.ids["uuid"] = answer.data["id"]
        return budget

    def cap(self) -> None:
        """Another cap: a budget is never below what is spent on it."""
        if budget := self.mine("budget"):
            cap = major(self.chance.randint(500, 15_000), budget.known["currency"])
            if cap != budget.known["total"]:
                facts, path = changed(budget, total=cap), f"{BUDGETS}/{budget.ids['uuid']}"
                self._ask("change a cap", "PUT", path, "updated", budget, facts, json={"total_amount": number(cap)})

    def rename(self) -> None:
        """What changes no money."""
        if budget := self.mine("budget"):
            name = f"{budget.mark} {self.turn()}"
            facts, path = changed(budget, name=name), f"{BUDGETS}/{budget.ids['uuid']}"
            self._ask("rename a budget", "PUT", path, "updated", budget, facts, json={"name": name}, allowed=True)

    def write_spent(self, budget: Thing, opening: Decimal, expenses: list[Thing]) -> None:
        """What is spent by now: so much more than what these expenses, all that are on it, make."""
        spent = opening + sum(expense.known["amount"] for expense in expenses)
        after, path = changed(budget, _opening=opening), f"{BUDGETS}/{budget.ids['uuid']}"
        self._ask("write what is spent", "PUT", path, "updated", budget, after, json={"spent_amount": number(spent)})

    def delete(self) -> None:
        """Its expenses live on."""
        if budget := self.mine("budget"):
            path = f"{BUDGETS}/{budget.ids['uuid']}"
            self._ask("delete a budget", "DELETE", path, "deleted", budget, None, allowed=True)

    def _ask(
        self, kind: str, method: str, path: str, action: str, budget: Thing, after: Facts | None, **more: Any
    ) -> Answer | None:
        change = ("budgets", "budget", action)
        asked = Ask(kind=f"finance: {kind}", method=method, path=path, change=change, effects=[(budget, after)], **more)
        return self.desk.ask(asked)


class Spender(Client):
    """Writes expenses, moves them between budgets and currencies, and takes them back."""

    name = "expenses"
    only: Thing | None = None  # the one budget that it spends from
    receipts = 0.3  # which part of the expenses is made with a receipt
    _keeper: Budgeteer

    def acts(self) -> list[Act]:
        return [self.create, self.create, self.create, self.amount, self.move, self.unlink, self.receipt, self.delete]

    def create(self) -> None:
        """An expense on a budget or on none, as JSON or as a form with a receipt."""
        expense, budget = self.new("expense"), self._budget()
        currency = budget.facts["currency"] if budget and budget.facts else self.chance.choice(CURRENCIES)
        facts = fresh(expense, self._amount(currency), currency, budget)
        if self.chance.random() < self.receipts:
            file, facts["receipt"] = self._file()
            form = {name: str(value) for name, value in body_of(facts).items()}
            self.make(expense, facts, data=form, files={"receipt": file})
        else:
            self.make(expense, facts, json=body_of(facts))

    def make(self, expense: Thing, facts: Facts, **sent: Any) -> Answer | None:
        """That expense; the answer when it was accepted."""
        answer = self._ask("create an expense", "POST", EXPENSES, CREATED, expense, facts, **sent)
        if answer:
            expense.ids["uuid"] = answer.data["id"]
        return answer

    def amount(self) -> None:
        """More money, or less."""
        if expense := self.mine("expense"):
            amount = self._amount(expense.known["currency"])
            self.reprice(expense, amount)

    def reprice(self, expense: Thing, amount: Decimal) -> None:
        """That amount."""
        self._put("change an amount", expense, changed(expense, amount=amount), {"amount": number(amount)})

    def move(self) -> None:
        """Onto another budget, which may be in another currency."""
        expense, budget = self.mine("expense"), self._budget()
        if expense and budget and budget.facts:
            currency = budget.facts["currency"]
            amount, uuid = self._amount(currency), budget.ids["uuid"]
            body = {"budget_id": uuid, "currency": currency, "amount": number(amount)}
            self._put("move an expense", expense, changed(expense, amount=amount, currency=currency, budget=uuid), body)

    def unlink(self) -> None:
        """Off its budget."""
        if expense := self.mine("expense"):
            self._put("unlink an expense", expense, changed(expense, budget=None), {"budget_id": None})

    def receipt(self) -> None:
        """Another receipt, or a first one."""
        if expense := self.mine("expense"):
            file, digest = self._file()
            after = changed(expense, receipt=digest)
            path = f"{EXPENSES}/{expense.ids['uuid']}"
            self._ask("put a receipt", "PUT", path, UPDATED, expense, after, files={"receipt": file}, allowed=True)

    def delete(self) -> None:
        """An expense with its receipt."""
        if expense := self.mine("expense"):
            path = f"{EXPENSES}/{expense.ids['uuid']}"
            self._ask("delete an expense", "DELETE", path, DELETED, expense, None, allowed=True)

    def _put(self, kind: str, expense: Thing, after: Facts, body: dict[str, Any]) -> None:
        self._ask(kind, "PUT", f"{EXPENSES}/{expense.ids['uuid']}", UPDATED, expense, after, json=body)

    def _ask(
        self, kind: str, method: str, path: str, change: Any, expense: Thing, after: Facts | None, **more: Any
    ) -> Answer | None:
        effects: Effects = [(expense, after)]
        asked = Ask(kind=f"finance: {kind}", method=method, path=path, change=change, effects=effects, **more)
        return self.desk.ask(asked)

    def _budget(self) -> Thing | None:
        if self.only:
            return self.only
        return self.chance.choice([*common(self.ledger)[-6:], None])

    def _set_up(self, currency: str, cap: Decimal) -> Thing:
        """A budget that nobody else is to spend from."""
        self._keeper = Budgeteer(self.office, f"{self._mark}-{self.turn()}", self.stop, self.desk)
        return self._keeper.set_up(currency, cap, own=True)

    def _amount(self, currency: str) -> Decimal:
        return major(self.chance.choice((self.chance.randint(1, 900), self.chance.randint(1, LARGEST))), currency)

    def _file(self) -> tuple[bytes, str]:
        file = JPEG + self.chance.randbytes(self.chance.choice((200, 20_000)))
        return file, hashlib.sha256(file).hexdigest()


class Rewriter(Spender):
    """Writes what is spent of a budget that it alone spends from: acknowledged, that is so until its next expense.

    Once a request about the budget or its expenses is in doubt, it leaves them alone and sets up another.
    """

    name = "rewrites"
    _doubts = 0

    def acts(self) -> list[Act]:
        return [self.create, self.create, self.amount, self.unlink, self.delete, self.rewrite, self.rewrite]

    def rewrite(self) -> None:
        """So much more than its expenses make."""
        if budget := self._budget():
            opening = major(self.chance.randint(0, LARGEST), budget.known["currency"])
            if opening != budget.known["_opening"]:
                self._keeper.write_spent(budget, opening, self.every("expense", budget=budget.ids["uuid"]))

    def mine(self, kind: str, **facts: Any) -> Thing | None:
        """An expense on the budget."""
        budget = self._budget()
        return super().mine(kind, budget=budget.ids["uuid"], **facts) if budget else None

    def _budget(self) -> Thing | None:
        doubts = sum(thing.doubt is not None for thing in self.own("expense"))
        if self.only is None or not self.only.usable or doubts > self._doubts:
            currency, self._doubts = self.chance.choice(CURRENCIES), doubts
            self.only = self._set_up(currency, major(LARGEST, currency))
        return self.only if self.only.usable else None


def fresh(expense: Thing, amount: Decimal, currency: str, budget: Thing | None) -> Facts:
    """How an expense is once it is made, without a receipt."""
    uuid = budget.ids["uuid"] if budget else None
    return {"text": expense.mark, "amount": amount, "currency": currency, "budget": uuid, "receipt": None}


def body_of(facts: Facts) -> dict[str, Any]:
    """The same as a request says it, as JSON."""
    said = {"description": facts["text"], "currency": facts["currency"], "amount": number(facts["amount"])}
    return said | ({"budget_id": facts["budget"]} if facts["budget"] else {})


def common(ledger: Ledger) -> list[Thing]:
    """The budgets that everybody may spend from."""
    return [budget for budget in ledger.of("budget") if budget.facts and budget.ids and not budget.facts["_own"]]
