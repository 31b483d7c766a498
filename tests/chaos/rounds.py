"""One round: a fresh product, clients at work while things go wrong; then rest, and the checker."""

import json
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.run import COMMANDS
from tests.chaos import observe
from tests.chaos.checker import Violation, violations
from tests.chaos.clients.approvers import Approver
from tests.chaos.clients.billers import Accountant, Biller
from tests.chaos.clients.projects import Contractor
from tests.chaos.clients.racers import Racer
from tests.chaos.clients.reader import Reader
from tests.chaos.clients.spenders import Budgeteer, Rewriter, Spender
from tests.chaos.desk import Office
from tests.chaos.faults import Faults
from tests.chaos.record import Outcome
from tests.chaos.world import World, world

STAFF = {
    "demo": ("USD", (Budgeteer, Spender, Spender, Rewriter, Racer, Biller, Accountant, Approver, Contractor, Reader)),
    "other": ("EUR", (Budgeteer, Spender, Rewriter, Racer, Contractor, Reader)),
}
"""Workspace -> its currency, and its clients."""


@dataclass
class Result:
    """What came of a round."""

    backend: str
    settings: str
    """What `make chaos` is told to do the same again."""
    operations: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    reads: int = 0
    wrong: list[Violation] = field(default_factory=list)
    kept: Path | None = None


def round_of(backend: str, seed: int, seconds: float, keep: Path) -> Result:
    """A round; when something is wrong, all that is known of it goes into a folder below `keep`."""
    chance, result = random.Random(f"{seed} {backend}"), Result(backend, f"SEED={seed} ROUNDS=1")
    mail = "smtp" if seed % 2 else "file"
    with world(backend, chance, mail=mail) as made:
        offices = [made.office(name, currency) for name, (currency, _) in STAFF.items()]
        faults = Faults(made, chance)
        result.skipped = faults.skipped
        result.reads = _work(offices, seed, seconds, faults)
        result.faults = faults.counted()
        return judged(made, offices, result, keep)


def judged(made: World, offices: Sequence[Office], result: Result, keep: Path) -> Result:
    """The result, with what is wrong once all has come to rest."""
    result.wrong = judge(made, offices)
    for office in offices:
        result.operations += office.ledger.counted()
    if result.wrong:
        result.kept = _keep(made, offices, result, keep)
    return result


def judge(made: World, offices: Sequence[Office]) -> list[Violation]:
    """What is wrong once all has come to rest."""
    made.product.wait_until_ready()
    wrong = [Violation("never at rest", left) for left in observe.come_to_rest(made)]
    observe.sweep(made)
    for office in offices:
        try:
            wrong += violations(office.ledger, observe.everything(made, office))
        except observe.Unreadable as why:
            wrong.append(Violation("unreadable at rest", str(why)))
    if "verify" in {command.__name__ for command, *_ in COMMANDS}:
        verified = made.product.command("verify")
        wrong += [Violation("verify", line) for line in verified.stdout.splitlines() if verified.returncode]
    return list(dict.fromkeys(wrong))


def _work(offices: Sequence[Office], seed: int, seconds: float, faults: Faults) -> int:
    """Let all clients work, and things go wrong, for so many seconds; how many rows were read meanwhile."""
    stop, end = threading.Event(), threading.Event()
    staff = [
        kind(office, f"s{seed}-{place}{number}{kind.name}", stop)
        for place, (office, (_, kinds)) in enumerate(zip(offices, STAFF.values(), strict=True))
        for number, kind in enumerate(kinds)
    ]
    with ThreadPoolExecutor(len(staff) + 1) as pool:
        running = [pool.submit(client.run) for client in staff]
        breaking = pool.submit(faults.run, end)
        time.sleep(seconds)
        end.set()
        breaking.result()
        stop.set()
        for each in running:
            each.result()
    return sum(client.reads for client in staff if isinstance(client, Reader))


def _keep(made: World, offices: Sequence[Office], result: Result, keep: Path) -> Path:
    folder = keep / "-".join([result.backend, *result.settings.split()])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made.product.stop()
    shutil.copytree(made.product.var, folder / "var", dirs_exist_ok=True)
    shutil.copy(made.product.log, folder / "product.log")
    for number, office in enumerate(offices):
        lines = [json.dumps(asdict(each), default=str) for each in office.ledger.operations]
        (folder / f"operations-{number}.jsonl").write_text("\n".join(lines))
    (folder / "violations.txt").write_text("\n".join(map(str, result.wrong)))
    made.product.start()
    return folder
