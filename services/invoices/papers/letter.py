"""What mail says of an invoice: plain text, and the same as HTML. Made when it is sent, never again."""

from html import escape
from typing import Any

from services.invoices import rules
from services.invoices.models import Invoice, Profile
from services.invoices.papers.wording import Row, about, amount, figure, one_line, sums
from shared.money import Money


def written(invoice: Invoice, profile: Profile) -> dict[str, Any]:
    """The subject and both bodies, and the name that the sender goes by."""
    seller, number = one_line(profile.seller_name), one_line(invoice.number)
    subject = f"Invoice {number}" + (f" from {seller}" if seller else "")
    return {
        "subject": subject,
        "from_name": seller,
        "to_name": one_line(invoice.client_name),
        "text": _text(invoice, profile),
        "html": _html(invoice, profile, subject),
    }


def of_approval(invoice: Invoice, profile: Profile, *, awaited: bool) -> dict[str, Any]:
    """The same of a letter about an approval. `awaited`: the reader is the one who decides next."""
    subject = f"Invoice {one_line(invoice.transaction_id)} {_news(invoice, awaited=awaited)}"
    facts = _approval_facts(invoice)
    return {
        "subject": subject,
        "from_name": one_line(profile.seller_name),
        "to_name": "",
        "text": f"{subject}.\n\n" + "".join(f"{name}: {value}\n" for name, value in facts),
        "html": (
            f"<!doctype html><html><head><meta charset='utf-8'><title>{escape(subject)}</title></head><body>"
            f"<p>{escape(subject)}.</p><table>{''.join(_row(*fact) for fact in facts)}</table></body></html>\n"
        ),
    }


def _request(invoice: Invoice, profile: Profile) -> str:
    """What is wanted, before all details: who asks for how much, until when, and how it is paid."""
    seller, number = one_line(profile.seller_name), one_line(invoice.number)
    opening = f"{seller} sends you invoice {number}" if seller else f"This is invoice {number}"
    said = [f"{opening} over {amount(invoice.total)}."]
    if invoice.due.minor:
        rest = "the remaining " if invoice.paid.minor else ""
        until = f" by {invoice.due_on.isoformat()}" if invoice.due_on else ""
        said.append(f"Please pay {rest}{amount(invoice.due)}{until}.")
        said += ["You find the bank details below."] if profile.bank_details else []
    else:
        said.append("It is paid already, thank you." if invoice.paid.minor else "There is nothing to pay.")
    return " ".join(said)


def _news(invoice: Invoice, *, awaited: bool) -> str:
    if awaited:
        return "awaits your approval"
    return "was approved by the manager" if invoice.approval == rules.IN_PROGRESS else f"was {invoice.approval}"


def _approval_facts(invoice: Invoice) -> list[Row]:
    """What the decision is about, as far as it is known."""
    facts = {
        "Description": invoice.description,
        "Provider": invoice.provider_name,
        "Service date": invoice.service_on and invoice.service_on.isoformat(),
        "Total": amount(invoice.total),
        "Requested": amount(invoice.requested),
        "Submitted by": invoice.user_email,
        "Manager": invoice.approved_by_manager_email,
        "Comment": invoice.comment,
    }
    return [(name, value) for name, value in facts.items() if value]


def _sums(invoice: Invoice) -> list[Row]:
    return [(name, amount(money)) for name, money in sums(invoice)]


def _parts(invoice: Invoice, profile: Profile) -> list[Row]:
    """Titles and texts of the paragraphs, those that there are."""
    tax_id = f"Tax id: {profile.seller_tax_id}" if profile.seller_tax_id else None
    seller = "\n".join(filter(None, (profile.seller_name, profile.seller_address, tax_id)))
    client = "\n".join(filter(None, (invoice.client_name, invoice.client_address)))
    return [(title, text) for title, text in (("From", seller), ("To", client)) if text]


def _closing(invoice: Invoice, profile: Profile) -> list[Row]:
    return [(title, text) for title, text in (("Bank details", profile.bank_details), ("Notes", invoice.notes)) if text]


def _text(invoice: Invoice, profile: Profile) -> str:
    blocks = [_request(invoice, profile), "\n".join(f"{name}: {value}" for name, value in about(invoice))]
    blocks += [f"{title}:\n{text}" for title, text in _parts(invoice, profile)]
    blocks += [
        f"{item.quantity} x {item.description}\n    at {figure(item.unit_price(invoice.currency))}: "
        + amount(Money(item.amount_minor, invoice.currency))
        for item in invoice.items
    ]
    blocks.append("\n".join(f"{name}: {value}" for name, value in _sums(invoice)))
    blocks += [f"{title}:\n{text}" for title, text in _closing(invoice, profile)]
    return "\n\n".join(blocks) + "\n"


def _html(invoice: Invoice, profile: Profile, subject: str) -> str:
    lines = "".join(
        _row(
            item.description,
            str(item.quantity),
            figure(item.unit_price(invoice.currency)),
            amount(Money(item.amount_minor, invoice.currency)),
        )
        for item in invoice.items
    )
    head = "<tr><th>Description</th><th>Quantity</th><th>Unit price</th><th>Amount</th></tr>"
    return (
        f"<!doctype html><html><head><meta charset='utf-8'><title>{escape(subject)}</title></head><body>"
        f"<h1>{escape(subject)}</h1>"
        f"<p>{escape(_request(invoice, profile))}</p>"
        f"<table>{''.join(_row(*fact) for fact in about(invoice))}</table>"
        f"{_paragraphs(_parts(invoice, profile))}"
        f"{f'<table>{head}{lines}</table>' if lines else ''}"
        f"<table>{''.join(_row(*figure) for figure in _sums(invoice))}</table>"
        f"{_paragraphs(_closing(invoice, profile))}"
        "</body></html>\n"
    )


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{_escaped(cell)}</td>" for cell in cells) + "</tr>"


def _paragraphs(parts: list[Row]) -> str:
    return "".join(f"<p><b>{escape(title)}</b><br>{_escaped(text)}</p>" for title, text in parts)


def _escaped(text: str) -> str:
    return escape(text).replace("\n", "<br>")
