"""What a letter and a document say alike of an invoice: its dates and its figures, as people read them."""

from decimal import Decimal

from services.invoices.models import Invoice
from shared.money import Money

Row = tuple[str, str]


def one_line(text: str | None) -> str:
    """The text without line breaks."""
    return " ".join((text or "").split())


def about(invoice: Invoice) -> list[Row]:
    """Which invoice it is, and until when it is to be paid, as far as that is known."""
    facts = (("Number", invoice.number), ("Date", invoice.issue_on), ("Due date", invoice.due_on))
    return [(name, str(value)) for name, value in facts if value]


def sums(invoice: Invoice) -> list[tuple[str, Money]]:
    """The figures at its foot."""
    return [
        ("Subtotal", invoice.subtotal),
        ("Tax", invoice.tax),
        ("Total", invoice.total),
        ("Paid", invoice.paid),
        ("Amount due", invoice.due),
    ]


def figure(number: Decimal) -> str:
    """A number with all its decimals, and its thousands apart: `1,234.50`."""
    return f"{number:,f}"


def amount(money: Money) -> str:
    """The same with its currency: `1,234.50 USD`."""
    return f"{figure(money.amount)} {money.currency}"
