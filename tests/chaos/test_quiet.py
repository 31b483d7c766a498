"""In a product where nothing goes wrong the checker finds nothing; and finds what is then done behind its back."""

import random
import threading

from tests.chaos.checker import violations
from tests.chaos.clients.approvers import Approver
from tests.chaos.clients.billers import Accountant, Biller
from tests.chaos.clients.projects import Contractor
from tests.chaos.clients.spenders import Budgeteer, Spender
from tests.chaos.desk import Office
from tests.chaos.observe import come_to_rest, everything
from tests.chaos.world import World, world

DONE = {
    Budgeteer: ("create", "create", "rename"),
    Spender: ("create", "create", "create", "receipt", "amount", "move"),
    Biller: ("create", "send", "pay", "pay", "pay", "create", "update"),
    Accountant: ("create", "update"),
    Approver: ("create", "approve", "finance"),
    Contractor: ("begin", "invoice", "log_time", "spend", "put_on", "complete"),
}

PLANTS = [
    ("a budget that does not add up", "budgets", "UPDATE budgets SET live_minor = live_minor - 1"),
    ("an overdrawn budget", "budgets", "UPDATE budgets SET live_minor = total_minor + 1"),
    ("not as acknowledged", "expenses", "UPDATE expenses SET amount_minor = amount_minor + 1 WHERE invoice_id IS NULL"),
    ("acknowledged and lost", "expenses", "DELETE FROM expenses WHERE id = (SELECT min(id) FROM expenses)"),
    ("an invoice that does not add up", "invoices", "UPDATE time_entries SET minutes = minutes + 1"),
    ("payments that do not add up", "invoices", "DELETE FROM payments"),
    ("numbers", "invoices", "UPDATE invoices SET number = 'INV-2026-0042' WHERE series"),
    ("from nowhere", "invoices", "UPDATE invoices SET notes = 'nobody' WHERE id = (SELECT min(id) FROM invoices)"),
    ("undelivered at rest", "invoices", "UPDATE invoices SET delivery_state = 'queued' WHERE series"),
]
"""The violation that there is after a statement in a service's database, and was not before."""


def test_what_is_done_behind_its_back_is_found(backend: str) -> None:
    with world(backend, random.Random(1)) as made:
        office = made.office("demo", "USD")
        for kind, acts in DONE.items():
            client = kind(office, kind.name, threading.Event())
            for act in acts:
                getattr(client, act)()
        assert come_to_rest(made) == []
        assert violations(office.ledger, everything(made, office)) == []
        (folder,) = made.product.var.glob("receipts*")
        (folder / office.account_id).mkdir(exist_ok=True)
        (folder / office.account_id / "stray").write_bytes(b"nobody's")
        known = _new("receipt files", made, office, set())
        for violation, service, statement in PLANTS:
            made.write(service, statement)
            known |= _new(violation, made, office, known)


def _new(kind: str, made: World, office: Office, known: set[str]) -> set[str]:
    """The kinds of violations that there are now, which must be one more."""
    found = {violation.kind for violation in violations(office.ledger, everything(made, office))}
    assert kind in found - known
    return found
