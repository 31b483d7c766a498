"""What is printed: a line as each round ends, and the tables at the end."""

import sys
from collections import Counter
from collections.abc import Sequence

from tests.chaos.record import Outcome
from tests.chaos.rounds import Result

SHOWN = 20
"""Violations of one round that are printed; all are in its folder."""


def say(line: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def of_round(result: Result) -> None:
    """One round."""
    count = sum(result.operations.values())
    said = f"{len(result.wrong)} VIOLATIONS, kept in {result.kept}" if result.wrong else "0 violations"
    faults = sum(result.faults.values())
    say(f"{result.backend:11} {result.settings}: {count} operations, {faults} faults, {result.reads} reads: {said}")
    for violation in result.wrong[:SHOWN]:
        say(f"    {str(violation)[:600]}")


def tables(results: Sequence[Result]) -> None:
    """All rounds together."""
    operations = sum((result.operations for result in results), Counter[tuple[str, Outcome]]())
    say(f"\n{'Operations':40}" + "".join(f"{outcome.value:>10}" for outcome in Outcome))
    for kind in sorted({kind for kind, _ in operations}):
        say(f"  {kind:38}" + "".join(f"{operations[kind, outcome]:10}" for outcome in Outcome))
    totals = [sum(count for (_, each), count in operations.items() if each is outcome) for outcome in Outcome]
    say(f"  {'all':38}" + "".join(f"{count:10}" for count in totals))
    say("\nFaults")
    faults = sum((result.faults for result in results), Counter[str]())
    for kind, count in sorted(faults.items()):
        if count:
            say(f"  {kind:60}{count:8}")
    for kind in sorted({each for result in results for each in result.skipped}):
        say(f"  {kind:60} skipped")
    wrong = Counter(violation.kind for result in results for violation in result.wrong)
    say(f"\nViolations: {wrong.total()}")
    for kind, count in sorted(wrong.items()):
        say(f"  {kind:60}{count:8}")
    for result in results:
        if result.wrong:
            say(f"  again: make chaos DB={result.backend} {result.settings}")
