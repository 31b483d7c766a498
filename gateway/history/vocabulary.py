"""What the gateway's own history calls things, where the name of a column is not enough."""

from shared.history import Vocabulary, Words

VOCABULARY: Vocabulary = {"key": Words(names={"prefix": "shown"}, hidden=frozenset({"secret"}))}
