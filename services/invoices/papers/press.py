"""Has documents drawn in a process of its own, which is there only while there is something to draw.

typst keeps what it has laid out for the documents to come: 500 MB after a thousand long lines. It gives that back, and
is as quick as before, only by ending. So the process ends after a long job, and when it has had none for a minute.
What it may take of memory and of time is bounded, so that one document never stands in the way of the others for long.
What was drawn last is kept, for those who ask for the same again.
"""

import json
import struct
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, cast

from shared.errors import Unavailable

PRINTER = Path(__file__).with_name("printer.py")
HEAD = struct.Struct(">?Q")

IDLE = 60.0
"""Seconds without a job after which the process ends."""

DEADLINE = 10.0
"""Seconds for one drawing. A document may take two and the wait before, and a gateway waits a little longer."""

WAIT = 5.0
"""Seconds that one who wants to draw waits for the others."""

KEPT = 8 * 1024 * 1024
"""Bytes of the documents that are kept."""

LONG = 64 * 1024
"""Bytes of a job that leaves so much behind that the process ends."""


class Unprintable(Exception):
    """typst refuses to draw this and says why, or came to an end over it."""


class Press:
    """Draws one document at a time, whoever asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._printer: _Printer | None = None
        self._rest = threading.Timer(IDLE, self.end)
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()  # digest of a job -> its PDF; the latest last

    def pdf(self, job: dict[str, Any]) -> bytes:
        """The PDF of a job: `sources`, `inputs`, `timestamp`, and the `standards` to try, one after the other.

        Raises:
            Unprintable: typst refuses all of them, takes too long, or its process ends over it.
            Unavailable: others take too long.
        """
        line = json.dumps(job).encode() + b"\n"
        asked = blake2b(line, digest_size=32).digest()
        if kept := self._kept.get(asked):
            return kept
        with self._mine():
            if kept := self._kept.get(asked):  # by one that we have waited for
                return kept
            self._rest.cancel()
            done, said = self._answered(line)
            self._rest = threading.Timer(0 if len(line) > LONG else IDLE, self.end)
            self._rest.daemon = True
            self._rest.start()
            if not done:
                raise Unprintable(said.decode())
            self._keep(asked, said)
        return said

    def end(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _keep(self, asked: bytes, drawn: bytes) -> None:
        self._kept[asked] = drawn
        while sum(map(len, self._kept.values())) > KEPT:
            self._kept.popitem(last=False)

    @contextmanager
    def _mine(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=WAIT):
            raise Unavailable("Other documents are being drawn")
        try:
            yield
        finally:
            self._lock.release()

    def _answered(self, line: bytes) -> tuple[bool, bytes]:
        if self._printer is None or not self._printer.alive:
            self._end()
            self._printer = _Printer()
        try:
            return self._printer.answer(line)
        except (OSError, EOFError) as why:
            self._end()
            raise Unprintable("The process that draws it came to an end") from why

    def _end(self) -> None:
        if self._printer:
            self._printer.end()
        self._printer = None


class _Printer:
    """`printer.py`, running. It ends by itself when its standard input does, as it does when we are killed."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", str(PRINTER)]
        self._process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # so that Ctrl-C reaches us alone
        )

    @property
    def alive(self) -> bool:
        """Whether it can be given a job."""
        return self._process.poll() is None

    def answer(self, line: bytes) -> tuple[bool, bytes]:
        """What it makes of a job. Raises OSError or EOFError when it ends before, as it does at the deadline."""
        late = threading.Timer(DEADLINE, self._process.kill)
        late.start()
        try:
            self._input.write(line)
            self._input.flush()
            done, length = HEAD.unpack(self._read(HEAD.size))
            return done, self._read(length)
        finally:
            late.cancel()

    def end(self) -> None:
        """Let it end."""
        self._process.kill()  # it holds nothing that it could lose
        self._process.communicate()

    def _read(self, length: int) -> bytes:
        said = self._output.read(length)
        if len(said) < length:
            raise EOFError
        return said

    @property
    def _input(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdin)

    @property
    def _output(self) -> IO[bytes]:
        return cast(IO[bytes], self._process.stdout)
