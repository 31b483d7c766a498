"""What each dialect shows, in one set of words, so that it can be compared: with another dialect, and with what was
acknowledged.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from tests.chaos.observe import Invoice, Row, Seen
from tests.chaos.record import Facts

Faces = dict[str, Facts]
"""A thing as each dialect shows it."""


def found(seen: Seen) -> dict[tuple[str, str], list[Faces]]:
    """Everything that is there: kind and mark -> each thing of that mark, which must be one."""
    there: dict[tuple[str, str], list[Faces]] = defaultdict(list)
    for invoice in seen.invoices:
        faces = of_invoice(invoice)
        there["invoice", _mark(faces)].append(faces)
    for faces in of_expenses(seen):
        there["expense", _mark(faces)].append(faces)
    for row in seen.budgets:
        faces = {"finance": {"name": row["name"], "total": row["total_amount"], "currency": row["currency"]}}
        there["budget", row["name"].split()[0]].append(faces)
    for row in seen.entries:
        there["entry", row["description"]].append({"projects": _entry(row)})
    for row in seen.projects:
        there["project", row["name"]].append({"projects": {"name": row["name"]}})
    return there


def of_invoice(invoice: Invoice) -> Faces:
    """An invoice, in each dialect."""
    faces: Faces = {}
    if row := invoice.faces.get("finance"):
        faces["finance"] = _native(row) | {"approval": row["approval"], "payments": len(invoice.payments)}
    if row := invoice.faces.get("accounts"):
        faces["accounts"] = _native(row)
    if row := invoice.faces.get("approvals"):
        faces["approvals"] = _said("text", row["description"]) | {
            "total": Decimal(row["total_amount"]),
            "approval": row["approval_status"],
            "payment status": row["status"],
        }
    if row := invoice.faces.get("projects"):
        faces["projects"] = _said("text", row["description"]) | {
            "total": Decimal(row["total-cost"]),
            "currency": row["currency-code"],
            "numbered": row["number"] != "",
            "completed": row["status"] == "completed",
        }
    return faces


def of_expenses(seen: Seen) -> list[Faces]:
    """Each expense, in both dialects: they share the text, and it is of one expense alone."""
    native: dict[str, list[Row]] = defaultdict(list)
    for row in seen.expenses:
        native[row["description"]].append(row)
    compact: dict[str, list[Row]] = defaultdict(list)
    for row in seen.project_expenses:
        compact[row["name"]].append(row)
    every: list[Faces] = []
    for text in native.keys() | compact.keys():
        for place in range(max(len(native[text]), len(compact[text]))):
            faces: Faces = {}
            if place < len(native[text]):
                faces["finance"] = _expense(native[text][place], seen)
            if place < len(compact[text]):
                faces["projects"] = _compact_expense(compact[text][place])
            every.append(faces)
    return every


def whole(faces: Faces) -> Facts:
    """What all dialects together show."""
    together: Facts = {}
    for face in faces.values():
        together |= face
    return together


def _native(row: Row) -> Facts:
    return _said("text", row["notes"]) | {
        "total": row["total"],
        "currency": row["currency"],
        "status": row["status"],
        "paid": row["amount_paid"],
        "numbered": row["invoice_number"] is not None,
        "number": row["invoice_number"],
        "payment status": _payment_status(row),
    }


def _payment_status(row: Row) -> str:
    """As `approvals` says it."""
    if row["status"] == "paid" or (row["total"] and row["amount_paid"] >= row["total"]):
        return "paid"
    return "partially paid" if row["amount_paid"] else "unpaid"


def _expense(row: Row, seen: Seen) -> Facts:
    return {
        "text": row["description"],
        "amount": row["amount"],
        "currency": row["currency"],
        "budget": row["budget_id"],
        "receipt": seen.receipts.get(row["id"]),
    }


def _compact_expense(row: Row) -> Facts:
    return {
        "text": row["name"],
        "amount": Decimal(row["cost"]),
        "currency": row["currency-code"],
        "invoice": int(row["invoice-id"]) if row["invoice-id"] else None,
    }


def _entry(row: Row) -> Facts:
    minutes = int(row["hours"]) * 60 + int(row["minutes"])
    invoice = int(row["invoice-id"]) if row["invoice-id"] else None
    return {"text": row["description"], "cost": Decimal(minutes), "invoice": invoice}


def _said(name: str, value: Any) -> Facts:
    """What a dialect shows only where something was written in it."""
    return {name: value} if value else {}


def _mark(faces: Faces) -> str:
    text: str = whole(faces).get("text") or "(without a mark)"
    return text.split()[0]
