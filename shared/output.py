"""Where lines are written that nobody may have to wait for: standard output, whatever it is and whoever reads it.

A full disk, a reader that has gone and one that has stopped reading cost the lines that they would have got, and
nothing else. Each line is with the operating system when `write` returns, so that none is lost with the process.
"""

import io
import os
import select
import stat
import sys
from threading import Lock

from shared.apart import original

PIECE = 4096
"""Bytes that a pipe takes without waiting whenever it says that it takes anything (pipe(7), PIPE_BUF)."""


class Output(io.RawIOBase):
    """A file descriptor that is written to as far as it takes something. Writing never waits and never raises."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._to = _own(descriptor)
        self._ready: select.poll = original("select", "poll")()
        self._ready.register(self._to, select.POLLOUT)
        self._lock = Lock()
        self._rest = b""
        self.lost = 0
        """How many lines nobody will ever see."""

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, said: bytes) -> int:  # type: ignore[override]
        """Write a whole line, or count it as lost. What there was no room for of a begun one goes before the next."""
        with self._lock:
            if self._rest:
                self._rest = self._taken(self._rest)
            if self._rest:
                self.lost += 1
            else:
                left = self._taken(bytes(said))
                begun = len(left) < len(said)
                self.lost += bool(left) and not begun
                self._rest = left if begun else b""
        return len(said)

    def _taken(self, said: bytes) -> bytes:
        """What is left of it once nothing more is taken."""
        try:
            while said and self._ready.poll(0):
                said = said[os.write(self._to, said[:PIECE]) :]
        except OSError:  # nobody reads, the disk is full, another was quicker
            return said
        return said


def unfailing_errors() -> None:
    """Write to standard error like this too, whoever writes there in this process."""
    sys.stderr = io.TextIOWrapper(Output(2), errors="backslashreplace", write_through=True)


def _own(descriptor: int) -> int:
    """The same pipe or terminal, opened anew where that can be, as others who write to it may want to wait."""
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):  # two openings of a file would write over one another
            return descriptor
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # it is a socket, or somebody else's, or closed
        return descriptor
