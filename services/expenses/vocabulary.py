"""What the history of the expense service calls things, where the name of a column is not enough."""

from shared.history import Vocabulary, Words

VOCABULARY: Vocabulary = {
    "expense": Words(
        names={
            "spent_on": "date",
            "receipt_type": "receipt.content_type",
            "receipt_digest": "receipt.sha256",
        },
        hidden=frozenset({"receipt_key", "spend_version", "billable_version", "billing_version"}),
    ),
}
