"""Runs the processes of the Procfile, and starts one again that has died.

Small on purpose: it stays in memory for as long as the product runs. A process that dies three times within seconds
of its start is broken, and ends the rest. SIGINT and SIGTERM end them all, in good order.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from shared import output, python

PROCFILE = Path(__file__).with_name("Procfile")
GRACE = 15.0  # seconds to finish what is being done
YOUNG = 5.0  # seconds: to die earlier is to have failed to start
TRIES = 3


@dataclass
class Process:
    """A line of the Procfile, at work."""

    name: str
    command: list[str]
    running: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    early_deaths: int = field(default=0)

    def start(self) -> None:
        """Start it, in a session of its own: a Ctrl-C is for the supervisor, who ends it in good order.

        Nothing is ever written to its input. When that ends, the supervisor is gone, and so must it be.
        """
        self.began = time.monotonic()
        self.running = subprocess.Popen(  # noqa: S603
            self.command, start_new_session=True, stdin=subprocess.PIPE, env={**os.environ, "SUPERVISED": "1"}
        )

    def see_to(self) -> bool:
        """Start it again if it has died; False when there is no use."""
        if self.running is None or self.running.poll() is None:
            return True
        early = time.monotonic() - self.began < YOUNG
        self.early_deaths = self.early_deaths + 1 if early else 0
        sys.stderr.write(f"{self.name} ended with {self.running.returncode}\n")
        if self.early_deaths == TRIES:
            sys.stderr.write(f"{self.name} does not keep running; everything is ended\n")
            return False
        self.start()
        return True


def main() -> int:
    """Run until told to stop; 1 when a process could not be kept running."""
    output.unfailing_errors()
    python.check()
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: asked.append(received))
    processes = [Process(name, command) for name, command in _read(PROCFILE)]
    for process in processes:
        process.start()
    while not asked:
        time.sleep(0.1)
        kept = [process.see_to() for process in processes]
        if not all(kept):
            break
    _end(processes)
    return 0 if asked else 1


def _read(procfile: Path) -> list[tuple[str, list[str]]]:
    lines = [line.partition(":") for line in procfile.read_text().splitlines() if line.strip()]
    return [(name.strip(), _this_python(shlex.split(command))) for name, _, command in lines]


def _this_python(command: list[str]) -> list[str]:
    return [sys.executable, *command[1:]] if command[0] == "python" else command


def _end(processes: list[Process]) -> None:
    running = [process.running for process in processes if process.running]
    for each in running:
        if each.poll() is None:
            each.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    for each in running:
        try:
            each.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(each.pid, signal.SIGKILL)
            each.wait()


if __name__ == "__main__":
    sys.exit(main())
