"""`finance` and `accounts`: invoices with items, sent, paid, cancelled and deleted."""

from decimal import Decimal
from typing import Any

from tests.chaos.clients.client import Act, Client, changed
from tests.chaos.clients.money import CURRENCIES, major, number
from tests.chaos.desk import Answer, Ask
from tests.chaos.record import Facts, Thing

FINANCE, ACCOUNTS = "/v1/dev/finance/invoices", "/api/v1/invoices"


def fresh(total: Decimal, currency: str, **told: Any) -> Facts:
    """A new invoice."""
    return {
        "total": total,
        "currency": currency,
        "status": "draft",
        "paid": Decimal(0),
        "payments": 0,
        "completed": False,
        "approval": "pending",
        "numbered": False,
        "_denied": False,
        **told,
    }


def left_draft(invoice: Thing, status: str) -> Facts:
    """An invoice that has left draft, and so has a number."""
    return changed(invoice, status=status, numbered=True)


class Biller(Client):
    """Does all that `finance` can do with invoices."""

    name = "invoices"

    def acts(self) -> list[Act]:
        return [
            *(self.create, self.create, self.update, self.lines, self.send, self.send),
            *(self.pay, self.pay, self.status, self.delete),
        ]

    def create(self) -> Thing:
        """A draft with items."""
        invoice, currency = self.new("invoice"), self.chance.choice(CURRENCIES)
        items, total = self._items(currency)
        email = f"{invoice.mark}@example.com"
        body = {"notes": invoice.mark, "client_email": email, "currency": currency, "items": items}
        facts = fresh(total, currency, text=invoice.mark, _email=email)
        answer = self._ask("create an invoice", "POST", FINANCE, "created", invoice, facts, json=body, allowed=True)
        if answer:
            invoice.ids["uuid"] = answer.data["id"]
        return invoice

    def update(self) -> None:
        """Its notes."""
        if invoice := self._any():
            notes = f"{invoice.mark} {self.turn()}"
            after = changed(invoice, text=notes)
            self._put("change the notes", invoice, after, {"notes": notes}, allowed=not invoice.known["completed"])

    def lines(self) -> None:
        """Other items: of a draft alone."""
        if invoice := self._any():
            items, total = self._items(invoice.known["currency"])
            if total == invoice.known["total"]:
                return
            allowed = invoice.known["status"] == "draft"
            self._put("change the items", invoice, changed(invoice, total=total), {"items": items}, allowed=allowed)

    def send(self) -> None:
        """To the client, or once more."""
        if invoice := self._any():
            known = invoice.known
            allowed = known["status"] != "cancelled"
            after = left_draft(invoice, "sent") if known["status"] == "draft" else known
            path = f"{FINANCE}/{invoice.ids['uuid']}/send"
            answer = self._ask(
                "send an invoice", "POST", path, "sent", invoice, after, allowed=allowed, letter_to=known["_email"]
            )
            if answer:
                self.ledger.letters[known["_email"]].message_ids.add(answer.data["delivery"]["message_id"])

    def pay(self) -> None:
        """A part, the rest, or more than that."""
        invoice = self.mine("invoice", status="sent") if self.chance.random() < 0.8 else self._any()
        if invoice is None or "uuid" not in invoice.ids:
            return
        known = invoice.known
        due = known["total"] - known["paid"]
        amount = self.chance.choice((due, due, due + 1, _part(due, known["currency"], self.chance.random())))
        if amount <= 0:
            return
        allowed = known["status"] == "sent" and amount <= due
        paid = known["paid"] + amount
        status = "paid" if paid == known["total"] else known["status"]
        after = changed(invoice, paid=paid, payments=known["payments"] + 1, status=status)
        path, body = f"{FINANCE}/{invoice.ids['uuid']}/payments", {"amount": number(amount)}
        self._ask("book a payment", "POST", path, "payment booked", invoice, after, json=body, allowed=allowed)

    def status(self) -> None:
        """By hand: `sent` mails nothing, `paid` books the rest, `cancelled` ends it."""
        invoice, status = self._any(), self.chance.choice(("sent", "paid", "cancelled"))
        if invoice is None or invoice.known["status"] == status:
            return
        known = invoice.known
        allowed = known["status"] == "draft" or (known["status"] == "sent" and status != "sent")
        after = left_draft(invoice, status)
        if status == "paid" and known["paid"] < known["total"]:
            after |= {"paid": known["total"], "payments": known["payments"] + 1}
        self._put(f"mark as {status}", invoice, after, {"status": status}, allowed=allowed)

    def delete(self) -> None:
        """A draft; what has a number stays."""
        if invoice := self._any():
            path = f"{FINANCE}/{invoice.ids['uuid']}"
            allowed = not invoice.known["numbered"]
            self._ask("delete an invoice", "DELETE", path, "deleted", invoice, None, allowed=allowed)

    def _any(self) -> Thing | None:
        return self.mine("invoice")

    def _put(self, kind: str, invoice: Thing, after: Facts, body: dict[str, Any], *, allowed: bool | None) -> None:
        path = f"{FINANCE}/{invoice.ids['uuid']}"
        self._ask(kind, "PUT", path, "updated", invoice, after, json=body, allowed=allowed)

    def _ask(
        self, kind: str, method: str, path: str, action: str, invoice: Thing, after: Facts | None, **more: Any
    ) -> Answer | None:
        change = ("invoices", "invoice", action)
        asked = Ask(
            kind=f"finance: {kind}", method=method, path=path, change=change, effects=[(invoice, after)], **more
        )
        return self.desk.ask(asked)

    def _items(self, currency: str) -> tuple[list[dict[str, Any]], Decimal]:
        items, total = [], Decimal(0)
        for line in range(self.chance.randint(1, 3)):
            quantity, price = self.chance.randint(1, 5), major(self.chance.randint(1, 50_000), currency)
            items.append({"description": f"Line {line}", "quantity": quantity, "unit_price": number(price)})
            total += quantity * price
        return items, total


class Accountant(Client):
    """Writes invoices in `accounts`, by their integer ids."""

    name = "accounts"

    def acts(self) -> list[Act]:
        return [self.create, self.update, self.update, self.status, self.delete]

    def create(self) -> Thing:
        """A draft, with or without items."""
        invoice, currency = self.new("invoice"), self.chance.choice(CURRENCIES)
        total = major(self.chance.randint(1, 90_000), currency)
        body: dict[str, Any] = {"accountId": self.office.account_id, "notes": invoice.mark, "currency": currency}
        if self.chance.random() < 0.5:
            body["total"] = number(total)
        else:
            body["items"] = [{"description": "All", "quantity": 1, "unit_price": number(total)}]
        facts = fresh(total, currency, text=invoice.mark)
        answer = self._ask("create", "POST", ACCOUNTS, "created", invoice, facts, json=body, allowed=True)
        if answer:
            invoice.ids["id"] = answer.data["id"]
        return invoice

    def update(self) -> None:
        """Its notes."""
        if invoice := self.mine("invoice"):
            notes = f"{invoice.mark} {self.turn()}"
            self._put("change the notes", invoice, changed(invoice, text=notes), {"notes": notes}, allowed=True)

    def status(self) -> None:
        """By hand."""
        invoice, status = self.mine("invoice", status="draft"), self.chance.choice(("sent", "cancelled"))
        if invoice:
            self._put(f"mark as {status}", invoice, left_draft(invoice, status), {"status": status}, allowed=True)

    def delete(self) -> None:
        """A draft; what has a number stays."""
        if invoice := self.mine("invoice"):
            path = f"{ACCOUNTS}/{invoice.ids['id']}?accountId={self.office.account_id}"
            self._ask("delete", "DELETE", path, "deleted", invoice, None, allowed=not invoice.known["numbered"])

    def _put(self, kind: str, invoice: Thing, after: Facts, body: dict[str, Any], *, allowed: bool) -> None:
        path, whole = f"{ACCOUNTS}/{invoice.ids['id']}", {"accountId": self.office.account_id, **body}
        self._ask(kind, "PUT", path, "updated", invoice, after, json=whole, allowed=allowed)

    def _ask(
        self, kind: str, method: str, path: str, action: str, invoice: Thing, after: Facts | None, **more: Any
    ) -> Answer | None:
        change = ("invoices", "invoice", action)
        asked = Ask(
            kind=f"accounts: {kind}", method=method, path=path, change=change, effects=[(invoice, after)], **more
        )
        return self.desk.ask(asked)


def _part(due: Decimal, currency: str, share: float) -> Decimal:
    return (due * Decimal(str(round(share, 3)))).quantize(major(1, currency))
