"""One invoice as all four dialects show it, and what must be the same in each."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from tests.client import Client
from tests.service.invoices.approvals import PATH as APPROVALS
from tests.service.invoices.operations import ACCOUNTS, Things
from tests.service.invoices.steps import INVOICES, Facts


@dataclass(frozen=True)
class Faces:
    """One invoice in the words of each dialect."""

    finance: Facts
    accounts: Facts
    approvals: Facts
    projects: Facts


SINGLES_ONLY = ("line-items", "expenses", "total-time", "total-time-decimal")
"""What `projects` shows of a single invoice, and not in lists."""

ALIKE = (
    *("invoice_number", "client_name", "client_email", "issue_date", "due_date", "status", "currency", "items"),
    *("subtotal", "tax", "total", "amount_paid", "amount_due", "notes", "created_at", "updated_at"),
)
"""What `finance` and `accounts` say in the same words."""

SINGLES: dict[str, tuple[str, str]] = {
    "finance": (f"{INVOICES}/<uuid:invoice_id>", "data"),
    "accounts": (f"{ACCOUNTS}/<id:invoice_id>", "data"),
    "approvals": (f"{APPROVALS}/<transaction_id>", "invoice"),
    "projects": ("/invoices/<id:invoice_id>.json", "invoice"),
}
"""Where each dialect shows an invoice, and what it wraps it in."""


def faces(client: Client, invoice: Things) -> Faces:
    """An invoice as each dialect shows it alone."""
    shown = {}
    for dialect, (rule, wrapper) in SINGLES.items():
        answer = invoice.ask(client, ("GET", rule))
        assert answer.status_code == 200, (dialect, answer.data)
        shown[dialect] = answer.json[wrapper]
    return Faces(**shown)


def listed(client: Client) -> dict[int, Faces]:
    """All invoices as each dialect lists them, by their integer ids."""
    caller = client.caller
    answers = (
        client.get(INVOICES, query_string={"limit": 1000, "sort": "created_at"}),
        client.get(ACCOUNTS, query_string={"accountId": caller.account_id, "limit": 100, "sortBy": "created_at"}),
        client.get(APPROVALS, query_string={"per_page": 100, "sort": "created_at", "order": "asc"}),
        client.get("/invoices.json", query_string={"type": "all", "projectStatus": "all", "pageSize": 500}),
    )
    assert {answer.status_code for answer in answers} == {200}
    finance, accounts, approvals, projects = (answer.json for answer in answers)
    rows = (finance["data"], accounts["data"], approvals["invoices"], projects["invoices"])
    counts = (len(rows[0]), accounts["count"], int(answers[2].headers["X-Total"]), int(answers[3].headers["x-records"]))
    assert len({*counts, *map(len, rows)}) == 1, counts
    return {row[1]["id"]: Faces(*row) for row in zip(*rows, strict=True)}


def in_lists(seen: Faces) -> Faces:
    """What lists show of an invoice that is shown alone."""
    projects = {name: value for name, value in seen.projects.items() if name not in SINGLES_ONLY}
    return Faces(seen.finance, seen.accounts, seen.approvals, projects)


def agree(seen: Faces) -> None:
    """Assert that the four say the same, and that what each shows adds up."""
    finance, accounts, approvals, projects = seen.finance, seen.accounts, seen.approvals, seen.projects
    assert {name: accounts[name] for name in ALIKE} == {name: finance[name] for name in ALIKE}
    assert str(finance["total"]) == approvals["total_amount"] == projects["total-cost"]
    assert Decimal(approvals["balance"]) == finance["total"] - Decimal(approvals["amount_requested"]) >= 0
    assert projects["number"] == (finance["invoice_number"] or "")
    assert projects["description"] == (approvals["description"] or "")
    assert projects["currency-code"] == finance["currency"]
    assert accounts["id"] == approvals["id"] == int(projects["id"])
    for ours, theirs in (("due_date", "due-date"), ("issue_date", "display-date")):
        assert projects[theirs] == (finance[ours] or "").replace("-", "")
    assert finance["is_overdue"] is (finance["status"] == "overdue")
    assert finance["amount_due"] == finance["total"] - finance["amount_paid"] >= 0
    assert approvals["status"] == _payment(finance)
    _adds_up(finance)
    _bills(projects)


def _payment(finance: Facts) -> str:
    if finance["status"] == "paid":
        return "paid"
    if not finance["amount_paid"]:
        return "unpaid"
    return "paid" if finance["amount_paid"] >= finance["total"] else "partially paid"


def _adds_up(finance: Facts) -> None:
    assert finance["subtotal"] + finance["tax"] == finance["total"]
    for item in finance["items"]:
        exact = Decimal(item["quantity"] * item["unit_price"])
        assert item["amount"] == exact.quantize(Decimal(finance["total"]), ROUND_HALF_UP)
    if finance["items"]:
        assert sum(item["amount"] for item in finance["items"]) == finance["subtotal"]


def _bills(projects: Facts) -> None:
    lines, total = projects["line-items"], Decimal(projects["total-cost"])
    for line in lines:
        assert Fraction(line["cost"]) == cost(int(line["minutes"]), line["rate"], total)
        assert Decimal(line["decimal-hours"]) == (Decimal(line["minutes"]) / 60).quantize(
            Decimal("0.01"), ROUND_HALF_UP
        )
    time = sum(Decimal(line["cost"]) for line in lines if line["billable"] == "1")
    expenses = sum(Decimal(expense["cost"]) for expense in projects["expenses"])
    assert (Decimal(projects["time-cost"]), Decimal(projects["expenses-cost"])) == (time, expenses)
    assert int(projects["total-time"]) == sum(int(line["minutes"]) for line in lines)
    assert Decimal(projects["total-time-decimal"]) == sum(Decimal(line["decimal-hours"]) for line in lines)
    if projects["fixed-cost"]:
        assert (projects["fixed-cost"], projects["pricing"]) == (projects["total-cost"], "fixed")
    else:
        assert (time + expenses, projects["pricing"]) == (total, "time-and-expenses")


def cost(minutes: int, rate: str | Decimal, like: Decimal) -> Fraction:
    """What so much time costs at a rate an hour, rounded half up to the decimals of `like`; computed in fractions."""
    scale = 10 ** -int(like.as_tuple().exponent)
    return Fraction((Fraction(minutes, 60) * Fraction(rate) * scale + Fraction(1, 2)).__floor__(), scale)
