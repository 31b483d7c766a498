"""What clients have asked, what they were answered, and so what must be there at rest.

A thing (an invoice, an expense, ...) is written by the one client that made it. A request without an answer leaves it
in doubt: it is then either as it was or as it was to be, and nobody writes to it any more.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Facts = dict[str, Any]
"""How a thing is, in the words of `checker`."""

Change = tuple[str, str, str]
"""The entry of the history that a request leaves: the service, the subject and the action."""


class Outcome(StrEnum):
    """What a client knows of its request."""

    ACKED = "acked"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass
class Thing:
    """Something that a client has made, or has tried to make; `mark` is a text that no other has."""

    kind: str
    mark: str
    facts: Facts | None = None  # none: it is not there
    doubt: "Doubt | None" = None
    ids: dict[str, Any] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether it is there, beyond doubt."""
        return self.facts is not None and self.doubt is None

    @property
    def known(self) -> Facts:
        """Its facts, when it is usable."""
        assert self.facts is not None
        return self.facts


Effects = list[tuple[Thing, Facts | None]]
"""What a request changes: each thing, and how it is afterwards."""


@dataclass
class Doubt:
    """What is one of several ways, as a whole. Of a request without an answer: as after it, or as before."""

    request_id: str  # none of a race: what came of each request is not told by how it ends
    ways: list[Effects]


@dataclass
class Operation:
    """A request, all its repeats included."""

    request_id: str
    kind: str
    outcome: Outcome
    status: int | None
    keyed: bool
    change: Change
    answers: list[tuple[int, str]]  # what each repeat of the same key was answered
    allowed: bool | None  # by the rules; none: that depends on what others do
    said: str = ""


@dataclass
class Letters:
    """The mail to one address, which no other thing has."""

    sure: int = 0
    perhaps: int = 0
    message_ids: set[str] = field(default_factory=set)


@dataclass
class Ledger:
    """Everything that was asked in one workspace."""

    things: dict[str, Thing] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    letters: dict[str, Letters] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)  # what readers saw meanwhile that must never be

    def thing(self, kind: str, mark: str) -> Thing:
        """A new thing, which is not there yet."""
        self.things[mark] = Thing(kind, mark)
        return self.things[mark]

    def of(self, kind: str) -> list[Thing]:
        """All things of a kind."""
        return [thing for thing in list(self.things.values()) if thing.kind == kind]

    def settle(self, operation: Operation, effects: Effects, letter_to: str | None = None) -> None:
        """Take note of what became of a request."""
        self.operations.append(operation)
        if operation.outcome is Outcome.ACKED:
            for thing, facts in effects:
                thing.facts = facts
        if operation.outcome is Outcome.UNKNOWN:
            self.doubt(operation.request_id, [effects, [(thing, thing.facts) for thing, _ in effects]])
        if letter_to:
            letters = self.letters.setdefault(letter_to, Letters())
            letters.sure += operation.outcome is Outcome.ACKED
            letters.perhaps += operation.outcome is Outcome.UNKNOWN

    def doubt(self, request_id: str, ways: list[Effects]) -> None:
        """From now on nobody writes to these things any more."""
        doubt = Doubt(request_id, ways)
        for thing, _ in ways[0]:
            thing.doubt = doubt

    def counted(self) -> Counter[tuple[str, Outcome]]:
        """How many requests of each kind ended how."""
        return Counter((operation.kind, operation.outcome) for operation in self.operations)
