"""What the history of the budget service calls things, where the name of a column is not enough."""

from shared.history import Vocabulary, Words

VOCABULARY: Vocabulary = {
    "budget": Words(
        names={"total_minor": "total_amount", "opening_minor": "opening_amount"},  # the rest of `spent_amount` is live
        hidden=frozenset({"live_minor"}),
    ),
}
