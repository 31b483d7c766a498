"""Whether what is there is what was acknowledged: what clients were told, against what is seen at rest.

Pure: nothing is asked here, so that each kind of violation can be planted and must be found (`test_checker.py`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tests.chaos.faces import Faces, found, whole
from tests.chaos.observe import Seen
from tests.chaos.record import Doubt, Effects, Facts, Ledger, Operation, Outcome, Thing
from tests.chaos.sums import SUMS

CONFLICTS = frozenset({401, 409, 429})
"""Refusals that say nothing of the rules: others are at work, or clocks differ. Nothing has changed all the same."""

DIALECTS = {"invoice": {"finance", "accounts", "approvals", "projects"}, "expense": {"finance", "projects"}}


@dataclass(frozen=True)
class Violation:
    """A promise that was not kept."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


There = Mapping[tuple[str, str], list[Faces]]


def violations(ledger: Ledger, seen: Seen) -> list[Violation]:
    """All that is wrong."""
    there = found(seen)
    rules: tuple[Callable[[], Iterator[Violation]], ...] = (
        lambda: _unknown(ledger, there),
        lambda: _dialects(there),
        lambda: _things(ledger, seen, there),
        lambda: _operations(ledger),
        lambda: _history(ledger, seen, there),
    )
    wrong = [violation for rule in rules for violation in rule()]
    wrong += [Violation(kind, what) for kind, rule in SUMS.items() for what in rule(ledger, seen)]
    return wrong + [Violation("seen at a read", what) for what in ledger.seen]


def _unknown(ledger: Ledger, there: There) -> Iterator[Violation]:
    """What nobody has written; what is there twice."""
    for (kind, mark), every in there.items():
        if mark not in ledger.things:
            yield Violation("from nowhere", f"{kind} {mark}: {every}")
        if len(every) > 1:
            yield Violation("doubled", f"{kind} {mark} is there {len(every)} times: {every}")


def _dialects(there: There) -> Iterator[Violation]:
    """Each thing in each dialect, and everywhere the same."""
    for (kind, mark), every in there.items():
        for faces in every:
            if missing := DIALECTS.get(kind, set()) - faces.keys():
                yield Violation("missing in a dialect", f"{kind} {mark} is not in {', '.join(sorted(missing))}")
            for (one, left), (other, right) in combinations(faces.items(), 2):
                if unequal := {
                    name: (left[name], right[name]) for name in left.keys() & right if left[name] != right[name]
                }:
                    yield Violation("unequal in dialects", f"{kind} {mark}, {one} and {other}: {unequal}")


def _things(ledger: Ledger, seen: Seen, there: There) -> Iterator[Violation]:
    """Each thing is as it was acknowledged; after a doubt, as before or as after, all of it."""
    for thing in ledger.things.values():
        if thing.doubt is None:
            is_so = _shown(thing, there)
            if why := _differs(thing.facts, is_so, seen):
                yield Violation(_kind(thing.facts, is_so), f"{thing.kind} {thing.mark}: {why}")
    for doubt in {id(thing.doubt): thing.doubt for thing in ledger.things.values() if thing.doubt}.values():
        if not any(_is(way, seen, there) for way in doubt.ways):
            shown = {thing.mark: _shown(thing, there) for thing, _ in doubt.ways[0]}
            ways = [{thing.mark: facts for thing, facts in way} for way in doubt.ways]
            yield Violation("half done", f"{doubt.request_id}: {shown} is none of {ways}")


def _operations(ledger: Ledger) -> Iterator[Violation]:
    """One answer for each key; and what the rules allow and forbid."""
    for operation in ledger.operations:
        if len(set(operation.answers)) > 1:
            yield Violation("two answers for a key", f"{_named(operation)}: {operation.answers}")
        if operation.outcome is Outcome.REFUSED and operation.allowed and operation.status not in CONFLICTS:
            yield Violation("refused against the rules", f"{_named(operation)}: {operation.status} {operation.said}")
        if operation.outcome is Outcome.ACKED and operation.allowed is False:
            yield Violation("accepted against the rules", f"{_named(operation)}: {operation.status}")


def _history(ledger: Ledger, seen: Seen, there: There) -> Iterator[Violation]:
    """One entry for each change, and none for what was refused; shown as it is kept."""
    doubts = {thing.doubt.request_id: thing.doubt for thing in ledger.things.values() if thing.doubt}
    for operation in ledger.operations:
        entries = seen.changes[operation.request_id, *operation.change]
        if entries not in _expected(operation, doubts.get(operation.request_id), seen, there):
            yield Violation("history", f"{_named(operation)} {operation.outcome}: {entries} entries {operation.change}")
    for invoice in seen.invoices:
        if row := invoice.faces.get("finance"):
            kept, shown = seen.entries_of[row["id"]], len(invoice.history)
            if kept != shown:
                yield Violation("history", f"invoice {row['id']} shows {shown} entries of {kept}")


def _expected(operation: Operation, doubt: Doubt | None, seen: Seen, there: There) -> set[int]:
    """How many entries a request may have left."""
    if operation.outcome is not Outcome.UNKNOWN:
        return {int(operation.outcome is Outcome.ACKED)}
    if doubt is None:
        return {0, 1}
    came, stayed = (_is(way, seen, there) for way in doubt.ways)
    return {entries for entries, so in ((1, came), (0, stayed)) if so} or {0, 1}


def _is(way: Effects, seen: Seen, there: There) -> bool:
    return all(not _differs(facts, _shown(thing, there), seen) for thing, facts in way)


def _shown(thing: Thing, there: There) -> Facts | None:
    every = there.get((thing.kind, thing.mark))
    return whole(every[0]) if every else None


def _differs(expected: Facts | None, shown: Facts | None, seen: Seen) -> str:
    """What is not as expected, in words; nothing where all is."""
    if expected is None or shown is None:
        return "" if expected is shown else f"expected {expected}, found {shown}"
    plain = {name: value for name, value in expected.items() if not name.startswith("_")}
    if plain.get("budget") not in {row["id"] for row in seen.budgets}:
        plain |= {"budget": None} if "budget" in plain else {}  # the budget is gone: its expenses live on
    wrong = {name: (value, shown.get(name)) for name, value in plain.items() if shown.get(name) != value}
    return f"expected and found: {wrong}" if wrong else ""


def _kind(expected: Facts | None, shown: Any) -> str:
    if expected is None:
        return "refused or deleted, and there"
    return "acknowledged and lost" if shown is None else "not as acknowledged"


def _named(operation: Operation) -> str:
    return f"{operation.kind} ({operation.request_id})"
