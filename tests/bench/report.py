"""What the bench prints: the table, the memory, and how the ratios stand to their targets."""

import sys
from collections.abc import Callable
from statistics import median

from tests.bench.cases import BOOKED, CASES, SPENT, Case
from tests.bench.load import Measured

TARGETS = ("floor", "direct", "gateway")

Results = dict[tuple[Case, int, str], list[Measured]]
"""Case, connections, target -> what each round measured."""

DIRECT_TO_FLOOR = 0.5
GATEWAY_TO_DIRECT = 0.4
BUDGET_TO_NONE = 3.0
IDLE_MB = 450
READY_SECONDS = 5.0


def say(line: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def table(results: Results, connections: tuple[int, ...]) -> None:
    """Requests a second, and the times in which half and 99 of 100 were answered: medians of the rounds."""
    say()
    say(f"{'':20}{'':9}" + "".join(f"{f'{count} connection' + 's' * (count > 1):>28}" for count in connections))
    say(f"{'':20}{'':9}" + f"{'req/s':>12}{'p50 ms':>8}{'p99 ms':>8}" * len(connections))
    for case in CASES:
        for target in TARGETS:
            cells = "".join(_cells(results[case, count, target]) for count in connections)
            say(f"{case.name if target == TARGETS[0] else '':20}{target:9}{cells}")


def ratios(results: Results, connections: tuple[int, ...]) -> None:
    """Each ratio is the median of the rounds' own ratios."""
    say()
    say("Ratios of requests/s" + "".join(f"{f'at {count}':>10}{'':8}" for count in connections) + "   target")
    for case in CASES:
        _ratio(f"  {case.name}", results, connections, (case, "direct"), (case, "floor"), DIRECT_TO_FLOOR)
    for case in CASES:
        _ratio(f"  {case.name}", results, connections, (case, "gateway"), (case, "direct"), GATEWAY_TO_DIRECT)
    for target in TARGETS[1:]:
        _times(f"  budget: none ({target})", results, connections, target)


def memory(idle: dict[str, int], after: dict[str, int]) -> None:
    """The memory of every process, idle after the start and after the load."""
    say()
    say(f"{'Memory, PSS in MB':32}{'idle':>8}{'after the load':>18}")
    for name in idle:
        say(f"  {name:30}{idle[name] / 1024:8.1f}{after.get(name, 0) / 1024:18.1f}")
    total = sum(idle.values()) / 1024
    say(f"  {'all':30}{total:8.1f}{sum(after.values()) / 1024:18.1f}{_verdict(total <= IDLE_MB)}, idle <= {IDLE_MB}")


def ready(seconds: float) -> None:
    """How long the product took from its start to ready."""
    say()
    say(f"Ready after {seconds:.2f} s{_verdict(seconds <= READY_SECONDS)}, <= {READY_SECONDS:.0f} s")


def _cells(rounds: list[Measured]) -> str:
    def middle(fact: Callable[[Measured], float]) -> float:
        return median(fact(each) for each in rounds)

    return (
        f"{middle(lambda each: each.rate):12.0f}"
        f"{middle(lambda each: each.percentile(0.5)):8.2f}{middle(lambda each: each.percentile(0.99)):8.2f}"
    )


def _ratio(
    name: str,
    results: Results,
    connections: tuple[int, ...],
    one: tuple[Case, str],
    other: tuple[Case, str],
    least: float,
) -> None:
    cells = ""
    for count in connections:
        pairs = zip(results[one[0], count, one[1]], results[other[0], count, other[1]], strict=True)
        value = median(a.rate / b.rate for a, b in pairs)
        cells += f"{value:10.2f}{_verdict(value >= least):8}"
    say(f"{name:22}{one[1]} / {other[1]}".ljust(40) + f"{cells}   >= {least}")


def _times(name: str, results: Results, connections: tuple[int, ...], target: str) -> None:
    cells = ""
    for count in connections:
        pairs = zip(results[BOOKED, count, target], results[SPENT, count, target], strict=True)
        value = median(b.rate / a.rate for a, b in pairs)
        cells += f"{value:10.2f}{_verdict(value <= BUDGET_TO_NONE):8}"
    say(f"{name}".ljust(40) + f"{cells}   <= {BUDGET_TO_NONE:.0f}")


def _verdict(met: bool) -> str:
    return "  met" if met else "  MISSED"
