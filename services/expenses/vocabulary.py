"""What the history of the expense service calls things, where the name of a column is not enough."""

from dataclasses import replace

from shared.history import Vocabulary, Words

EXPENSE = Words(
    names={
        "spent_on": "date",
        "receipt_type": "receipt.content_type",
        "receipt_digest": "receipt.sha256",
    },
    hidden=frozenset({"receipt_key", "spend_version", "billable_version", "billing_version", "invoice_account_id"}),
)
VOCABULARY: Vocabulary = {"expense": EXPENSE}
OF_SOME_ACCOUNTS: Vocabulary = {"expense": replace(EXPENSE, hidden=EXPENSE.hidden | {"invoice_id"})}
"""As a key for some accounts hears it: the invoice that an expense is, or was, on may be in another."""
