"""`approvals`: invoices that a manager and then the finance department decide on."""

from typing import Any

from tests.chaos.clients.billers import fresh
from tests.chaos.clients.client import Act, Client, changed
from tests.chaos.clients.money import major, number
from tests.chaos.desk import Answer, Ask
from tests.chaos.record import Facts, Thing

PATH = "/api/invoices"


class Approver(Client):
    """Submits invoices, and decides on them."""

    name = "approvals"

    def acts(self) -> list[Act]:
        return [
            self.create,
            self.create,
            self.update,
            self.approve,
            self.approve,
            self.finance,
            self.seldom(self.destroy),
        ]

    def create(self) -> Thing:
        """An invoice, of which a part is asked for."""
        invoice, currency = self.new("invoice"), self.office.currency
        total = major(self.chance.randint(10, 90_000), currency)
        email = f"{invoice.mark}@example.com"
        facts = fresh(total, currency, text=invoice.mark, _email=email)
        body = {
            "description": invoice.mark,
            "total_amount": number(total),
            "amount_requested": number(major(self.chance.randint(1, 10), currency)),
            "user_email": email,
        }
        answer = self._ask("create", "POST", PATH, "created", invoice, facts, json=body, allowed=True)
        if answer:
            made = answer.body["invoice"]
            invoice.ids |= {"id": made["id"], "transaction": made["transaction_id"]}
        return invoice

    def update(self) -> None:
        """Another total asks for approval again."""
        if invoice := self.mine("invoice"):
            total = major(self.chance.randint(10, 90_000), invoice.known["currency"])
            if total != invoice.known["total"]:
                after, body = changed(invoice, total=total, approval="pending"), {"total_amount": number(total)}
                self._ask("update", "PUT", _at(invoice), "updated", invoice, after, json=body, allowed=True)

    def approve(self) -> None:
        """The manager's decision, which the finance approver or the user is sometimes written of."""
        invoice = self.mine("invoice", approval="pending") or self.mine("invoice")
        if invoice is None:
            return
        yes, notify = self.chance.random() < 0.7, self.chance.random() < 0.5
        approver = f"finance-{invoice.mark}@example.com"
        body = {
            "manager_email": "manager@example.com",
            "approvalAction": "approve" if yes else "deny",
            "finance_approver_email": approver,
            "notify": notify,
        }
        after = changed(invoice, approval="in progress" if yes else "denied")
        allowed, action = invoice.known["approval"] == "pending", "approved" if yes else "denied"
        to = (approver if yes else invoice.known["_email"]) if notify else None
        self._decide("approve" if yes else "deny", "approve", action, invoice, after, body, allowed, to)

    def finance(self) -> None:
        """The finance department's decision."""
        invoice = self.mine("invoice", approval="in progress") or self.mine("invoice")
        if invoice is None:
            return
        yes, notify, known = self.chance.random() < 0.7, self.chance.random() < 0.5, invoice.known
        body = {"finance_approved": yes, "comment": "Seen", "notify": notify}
        after = changed(invoice, approval="approved" if yes else "denied")
        allowed = known["approval"] == "in progress" or (known["approval"] == "pending" and not yes)
        action, to = "finance approved" if yes else "finance denied", known["_email"] if notify else None
        self._decide("finance-approve", "finance-approve", action, invoice, after, body, allowed, to)

    def destroy(self) -> None:
        """What its user takes back."""
        if invoice := self.mine("invoice"):
            path, body = f"{_at(invoice)}/destroy", {"user_email": invoice.known["_email"]}
            self._ask("destroy", "DELETE", path, "deleted", invoice, None, json=body, allowed=True)

    def _decide(
        self,
        kind: str,
        verb: str,
        action: str,
        invoice: Thing,
        after: Facts,
        body: dict[str, Any],
        allowed: bool,
        to: str | None,
    ) -> None:
        path = f"{_at(invoice)}/{verb}"
        self._ask(kind, "PUT", path, action, invoice, after, json=body, allowed=allowed, letter_to=to)

    def _ask(
        self, kind: str, method: str, path: str, action: str, invoice: Thing, after: Facts | None, **more: Any
    ) -> Answer | None:
        change = ("invoices", "invoice", action)
        asked = Ask(
            kind=f"approvals: {kind}", method=method, path=path, change=change, effects=[(invoice, after)], **more
        )
        return self.desk.ask(asked)


def _at(invoice: Thing) -> str:
    return f"{PATH}/{invoice.ids['transaction']}"
