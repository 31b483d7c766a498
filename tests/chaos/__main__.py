"""`make chaos`: the product's promises, while everything goes wrong. See README.md.

MINUTES (4): for how long things go wrong, all rounds together. SEED: of the first round; each next one has the next.
DB (both): `sqlite` or `postgresql`. ROUNDS: instead of as many as fit. KEEP: where what is known of a violation goes.
POINTS: instead of rounds, a kill at each statement boundary of each operation (1), or at each n-th.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.chaos import report
from tests.chaos.points import points_of
from tests.chaos.rounds import Result, round_of

BACKENDS = ("sqlite", "postgresql")
LONGEST = 60.0
"""Seconds of a round, at most: a violation is then easy to look into."""


def main() -> int:
    """Exit code 1 when a promise was not kept."""
    seconds = float(os.environ.get("MINUTES") or 4) * 60
    chosen = os.environ.get("DB")
    backends = (chosen,) if chosen else BACKENDS
    keep = Path(os.environ.get("KEEP") or "var/chaos").resolve()
    results: list[Result] = []
    if every := int(os.environ.get("POINTS") or 0):
        for backend in backends:
            results.append(points_of(backend, every, keep))
            report.of_round(results[-1])
        return _ended(results)
    seed = int(os.environ.get("SEED") or int.from_bytes(os.urandom(3), "big"))
    rounds = int(os.environ.get("ROUNDS") or max(1, round(seconds / len(backends) / LONGEST)))
    each = min(LONGEST, seconds / len(backends) / rounds)
    report.say(f"chaos: seeds {seed} to {seed + rounds - 1} on {', '.join(backends)}, {each:.0f} seconds each")
    for number in range(rounds):
        for backend in backends:
            results.append(round_of(backend, seed + number, each, keep))
            report.of_round(results[-1])
    return _ended(results)


def _ended(results: Sequence[Result]) -> int:
    report.tables(results)
    return 1 if any(result.wrong for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
