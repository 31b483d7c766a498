"""Every operation of every dialect, with a body that it takes, and the names of what it is about."""

import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import inspect, select

from services.invoices.models import Invoice
from shared.db import Base
from tests.client import Client
from tests.service.invoices.approvals import APPROVAL, BODY
from tests.service.invoices.approvals import PATH as APPROVALS
from tests.service.invoices.pictures import png
from tests.service.invoices.steps import INVOICES, ITEMS, SETTINGS, Facts

ACCOUNTS = "/api/v1/invoices"

Operation = tuple[str, str]
"""A method, and a path as the routes have it."""

NO_BODY: Facts = {}

OPERATIONS: dict[Operation, Facts | bytes] = {
    ("GET", INVOICES): NO_BODY,
    ("POST", INVOICES): {"client_name": "Acme Corp", "items": ITEMS},
    ("GET", f"{INVOICES}/<uuid:invoice_id>"): NO_BODY,
    ("GET", f"{INVOICES}/<uuid:invoice_id>.pdf"): NO_BODY,
    ("PUT", f"{INVOICES}/<uuid:invoice_id>"): {"notes": "changed"},
    ("DELETE", f"{INVOICES}/<uuid:invoice_id>"): NO_BODY,
    ("POST", f"{INVOICES}/<uuid:invoice_id>/send"): NO_BODY,
    ("GET", f"{INVOICES}/<uuid:invoice_id>/history"): NO_BODY,
    ("GET", f"{INVOICES}/<uuid:invoice_id>/payments"): NO_BODY,
    ("POST", f"{INVOICES}/<uuid:invoice_id>/payments"): {"amount": 1},
    ("GET", f"{INVOICES}/<uuid:invoice_id>/payments/<uuid:payment_id>"): NO_BODY,
    ("GET", SETTINGS): NO_BODY,
    ("PUT", SETTINGS): {"seller_name": "Example Ltd"},
    ("GET", f"{SETTINGS}/logo"): NO_BODY,
    ("PUT", f"{SETTINGS}/logo"): png(),
    ("DELETE", f"{SETTINGS}/logo"): NO_BODY,
    ("GET", ACCOUNTS): {"accountId": "{account}"},
    ("POST", ACCOUNTS): {"accountId": "{account}", "notes": "made"},
    ("GET", f"{ACCOUNTS}/<id:invoice_id>"): {"accountId": "{account}"},
    ("PUT", f"{ACCOUNTS}/<id:invoice_id>"): {"accountId": "{account}", "notes": "changed"},
    ("DELETE", f"{ACCOUNTS}/<id:invoice_id>"): {"accountId": "{account}"},
    ("GET", f"{ACCOUNTS}/<id:invoice_id>/items"): NO_BODY,
    ("GET", APPROVALS): {"company_id": "{company_id}"},
    ("POST", APPROVALS): BODY | {"company_id": "{company_id}"},
    ("GET", f"{APPROVALS}/<transaction_id>"): NO_BODY,
    ("PUT", f"{APPROVALS}/<transaction_id>"): {"description": "changed"},
    ("PUT", f"{APPROVALS}/<transaction_id>/approve"): APPROVAL,
    ("PUT", f"{APPROVALS}/<transaction_id>/finance-approve"): {"finance_approved": True},
    ("DELETE", f"{APPROVALS}/<transaction_id>/destroy"): {"user_email": BODY["user_email"]},
    ("GET", "/invoices.json"): {"type": "all", "projectStatus": "all"},
    ("POST", "/invoices.json"): {"invoice": {"project-id": "{project}", "description": "made"}},
    ("GET", "/invoices/<id:invoice_id>.json"): NO_BODY,
    ("PUT", "/invoices/<id:invoice_id>.json"): {"invoice": {"description": "changed"}},
    ("DELETE", "/invoices/<id:invoice_id>.json"): NO_BODY,
    ("PUT", "/invoices/<id:invoice_id>/complete.json"): NO_BODY,
    ("PUT", "/invoices/<id:invoice_id>/uncomplete.json"): NO_BODY,
    ("PUT", "/invoices/<id:invoice_id>/lineitems.json"): {
        "lineitems": {"remove": {"timelogs": "{entry}", "expenses": "{expense}"}}
    },
    ("GET", "/currencycodes.json"): NO_BODY,
    ("GET", "/projects.json"): {"status": "all"},
    ("POST", "/projects.json"): {"project": {"name": "Another", "companyId": "{company}"}},
    ("GET", "/projects/<id:project_id>.json"): NO_BODY,
    ("PUT", "/projects/<id:project_id>.json"): {"project": {"name": "Changed"}},
    ("DELETE", "/projects/<id:project_id>.json"): NO_BODY,
    ("GET", "/projects/<id:project_id>/invoices.json"): {"type": "all"},
    ("POST", "/projects/<id:project_id>/invoices.json"): {"invoice": {"description": "made"}},
    ("GET", "/projects/<id:project_id>/rates.json"): NO_BODY,
    ("POST", "/projects/<id:project_id>/rates.json"): {"rates": {"project-default": "60.00"}},
    ("PUT", "/projects/<id:project_id>/rates.json"): {"rates": {"users": {"{person}": {"rate": "60.00"}}}},
    ("GET", "/projects/<id:project_id>/time_entries.json"): NO_BODY,
    ("POST", "/projects/<id:project_id>/time_entries.json"): {"time-entry": {"minutes": 5, "person-id": "{person}"}},
    ("GET", "/time_entries.json"): NO_BODY,
    ("GET", "/time_entries/<id:entry_id>.json"): NO_BODY,
    ("PUT", "/time_entries/<id:entry_id>.json"): {"time-entry": {"description": "changed"}},
    ("DELETE", "/time_entries/<id:entry_id>.json"): NO_BODY,
    ("GET", "/companies.json"): NO_BODY,
    ("POST", "/companies.json"): {"company": {"name": "Another"}},
    ("GET", "/companies/<id:company_id>.json"): NO_BODY,
    ("PUT", "/companies/<id:company_id>.json"): {"company": {"name": "Changed"}},
    ("DELETE", "/companies/<id:company_id>.json"): NO_BODY,
}
"""Each operation of each dialect with a body that it takes, or a query; `{account}` and its like are `Things`."""


@dataclass(frozen=True, kw_only=True)
class Things:
    """The names of an invoice, and of what there is around it."""

    id: int
    uuid: str
    transaction_id: str
    account: str
    company_id: int
    project: int = 0
    company: int = 0
    entry: int = 0
    expense: int = 0
    person: int = 0
    payment: str = ""

    def path(self, rule: str) -> str:
        """A route's path with these names in it."""
        names = {
            "uuid:invoice_id": self.uuid,
            "id:invoice_id": self.id,
            "transaction_id": self.transaction_id,
            "uuid:payment_id": self.payment,
            "id:project_id": self.project,
            "id:company_id": self.company,
            "id:entry_id": self.entry,
        }
        return re.sub("<(.+?)>", lambda place: str(names[place[1]]), rule)

    def told(self, value: Any) -> Any:
        """A body, or a part of it, with these names in it."""
        if isinstance(value, dict):
            return {self.told(name): self.told(each) for name, each in value.items()}
        if isinstance(value, str) and value.startswith("{"):
            named = vars(self)[value.strip("{}")]
            return named if value == "{company_id}" else str(named)
        return value

    def ask(self, client: Client, operation: Operation, *, names: "Things | None" = None, **more: Any) -> Any:
        """The answer to an operation on this invoice; `names`: whose are used beside the path's."""
        method, rule = operation
        body = (names or self).told(OPERATIONS[operation])
        if isinstance(body, bytes):
            return client.open(method, self.path(rule), data=body)
        body |= more
        reads = method == "GET" or (method == "DELETE" and body)
        told: Facts = {"query_string": body} if reads else {"json": body} if body else {}
        return client.open(method, self.path(rule), **told)


def operations(app: Flask) -> set[Operation]:
    """What clients can ask of the service."""
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("/internal/") and rule.endpoint not in ("healthz", "readyz")
    }


def things(client: Client, **which: Any) -> Things:
    """The names of the newest of the caller's invoices, or of the one of that id."""
    query = select(Invoice.id, Invoice.uuid, Invoice.transaction_id, Invoice.account_id).order_by(Invoice.id.desc())
    known = {name: which.pop(name) for name in ("id",) if name in which}
    with client.app.extensions["service"].db.read() as session:
        row = session.execute(query.filter_by(workspace_id=client.caller.workspace_id, **known)).first()
    assert row is not None
    return Things(
        id=row[0], uuid=row[1], transaction_id=row[2], account=row[3], company_id=client.caller.company_id, **which
    )


def rows_of(client: Client) -> dict[str, list[Any]]:
    """All that the database has of the caller's workspace, table by table."""
    with client.app.extensions["service"].db.engine.connect() as connection:
        there = set(inspect(connection).get_table_names())  # models of the other services may be known here, too
        return {
            table.name: sorted(
                connection.execute(table.select().where(table.c.workspace_id == client.caller.workspace_id)).all(),
                key=repr,
            )
            for table in Base.metadata.sorted_tables
            if "workspace_id" in table.c and table.name in there
        }
