"""Book a payment."""

from services.invoices import rules
from services.invoices.actions import writing
from services.invoices.actions.writing import Facts
from services.invoices.models import Payment
from services.invoices.queries import InvoiceId, owned, today
from shared.amounts import exact
from shared.caller import Caller
from shared.db import Database
from shared.errors import Invalid
from shared.versions import IfMatch


def pay(db: Database, caller: Caller, invoice_id: InvoiceId, facts: Facts, expected: IfMatch) -> Payment:
    """Book what a client has paid; the payment that completes the total makes the invoice paid.

    Raises:
        NotFound, PreconditionFailed.
        Invalid: the amount is too precise for the currency.
        Refused: the invoice is a draft, paid, cancelled or completed, less is due, or it is not approved where the
            policy wants that.
    """
    with db.write() as session:
        invoice = owned(session, caller, invoice_id, lock=True)
        expected.check(invoice.etag(today(caller)))
        amount = exact(facts["amount"], invoice.currency, "amount")
        if amount.minor <= 0:
            raise Invalid(errors={"amount": ["Must be greater than 0."]})
        rules.check_open(completed=invoice.completed)
        rules.check_payable(invoice.lifecycle, amount, invoice.due)
        rules.check_released(denied=invoice.denied)
        writing.check_approved(session, caller, invoice)
        payment, told = writing.book(caller, invoice, amount, facts)
        writing.insert_payment(session, invoice, payment)
        if not invoice.due.minor:
            invoice.lifecycle = rules.move(invoice.lifecycle, rules.PAID)
        writing.record(session, caller, "payment booked", invoice, told)
        return payment
