"""What the bench works on: 10,000 invoices of two lines, as the API makes them, in the product and in the floor.

One is made through the API; the others are copies of its rows, the history included, with ids of their own.
"""

import json
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, insert, select, update

from gateway.keys import actions, queries
from gateway.keys.scopes import SCOPES
from services.budgets.models import Budget
from services.expenses.models import Expense
from services.invoices.models import Invoice, Item
from shared.audit import Audit
from shared.caller import Caller
from shared.db import LastId
from tests.bench.floor import FINANCE, Store, put_invoice
from tests.bench.load import Target, ask
from tests.bench.product import KEY_SECRET, Place

INVOICES = 10_000
BUDGETS = 64

INVOICE = {
    "client_name": "Acme Corp",
    "client_email": "billing@acme.com",
    "client_address": "123 Main St",
    "due_date": "2099-04-01",
    "items": [
        {"description": "Service A", "quantity": 1, "unit_price": 100.00},
        {"description": "Service B", "quantity": 2, "unit_price": 50.00},
    ],
    "subtotal": 200.00,
    "tax": 20.00,
    "total": 220.00,
    "notes": "Payment due within 30 days",
}

Row = dict[str, Any]


def new_key(where: Place) -> tuple[str, Caller]:
    """A fresh API key, and the caller that the gateway makes of it."""
    db = where.database("gateway")
    key = actions.issue(db, KEY_SECRET, "Bench", scopes=SCOPES).key
    found = queries.find(db, KEY_SECRET, key)
    db.close()
    assert found
    return key, found.caller


def fill_product(where: Place, gateway: Target) -> list[str]:
    """Put invoices and budgets there; the ids of the budgets."""
    body = json.dumps(INVOICE).encode()
    ask(gateway.port, gateway.message("POST", f"{FINANCE}/invoices", body), status=201)
    _copy_invoice(where)
    budget = json.dumps({"name": "Q1", "total_amount": 99999999}).encode()
    answers = [
        ask(gateway.port, gateway.message("POST", f"{FINANCE}/budgets", budget), status=201) for _ in range(BUDGETS)
    ]
    return [json.loads(answer)["data"]["id"] for answer in answers]


def fill_floor(where: Place, gateway: Target, budgets: list[str]) -> list[str]:
    """Give the floor what the API answers; the ids of the invoices, newest first."""
    store = Store(where.urls["floor"])
    store.set_up()
    invoices = _all_invoices(gateway)
    with store.transaction():
        for invoice in reversed(invoices):
            put_invoice(store, invoice)
        for budget in budgets:
            store.run("INSERT INTO budgets VALUES (%s, 0)", budget)
    if store.postgresql:
        store.run("ANALYZE")
    store.close()
    return [invoice["id"] for invoice in invoices]


def counted(where: Place) -> dict[str, Decimal]:
    """What the product's databases hold now: rows, and what its budgets say is spent."""
    asked = {
        "invoices": ("invoices", select(func.count()).select_from(Invoice)),
        "items": ("invoices", select(func.count()).select_from(Item)),
        "expenses": ("expenses", select(func.count()).select_from(Expense)),
        "spent": ("budgets", select(func.sum(Budget.live_minor))),
    }
    found = {}
    for name, (part, query) in asked.items():
        db = where.database(part)
        with db.read() as session:
            found[name] = Decimal(session.scalar(query) or 0)
        db.close()
    return found


def _copy_invoice(where: Place) -> None:
    db = where.database("invoices")
    with db.write() as session:
        model = dict(session.execute(select(Invoice.__table__)).one()._mapping)
        items = [dict(row._mapping) for row in session.execute(select(Item.__table__).order_by(Item.position))]
        entry = dict(session.execute(select(Audit.__table__)).one()._mapping)
        del entry["id"]
        copies = [_with_own_ids(model, number) for number in range(1, INVOICES)]
        session.execute(insert(Invoice), copies)
        session.execute(update(LastId).where(LastId.kind == Invoice.__tablename__).values(last=copies[-1]["id"]))
        of_each = [{**item, "id": _id(), "invoice_id": copy["id"]} for copy in copies for item in items]
        session.execute(insert(Item), of_each)
        session.execute(insert(Audit), [{**entry, "subject_id": copy["uuid"]} for copy in copies])
    with db.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    db.close()


def _with_own_ids(model: Row, number: int) -> Row:
    at = model["created_at"] + timedelta(milliseconds=number)
    own = {"id": model["id"] + number, "uuid": _id(), "transaction_id": f"H360-{number:06d}"}
    return {**model, **own, "created_at": at, "updated_at": at}


def _id() -> str:
    return str(uuid.uuid4())


def _all_invoices(gateway: Target) -> list[Row]:
    found: list[Row] = []
    more = ""
    while True:
        path = f"{FINANCE}/invoices?limit=1000{more}"
        page = json.loads(ask(gateway.port, gateway.message("GET", path), status=200))
        found += page["data"]
        if not page["has_more"]:
            return found
        more = f"&cursor={page['next_cursor']}"
