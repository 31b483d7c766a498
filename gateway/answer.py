"""A service's answer as it is read from its connection: http.client's, with a quicker way to read the head.

http.client gives the head to the parser for e-mail, which takes a fifth of all the gateway's time.
"""

import socket
from http.client import HTTPException, HTTPResponse
from typing import BinaryIO, Final

LINE: Final = 65536
LINES: Final = 100
"""The longest line, and the most of them, that a head may have."""


class Malformed(HTTPException):
    """This is not HTTP."""


class Answer(HTTPResponse):
    """`pairs` are its headers, in order and as often as they came; the body is read as http.client reads it."""

    def __init__(self, sock: socket.socket, method: str) -> None:
        super().__init__(sock, method=method)
        self._asked = method
        self.pairs: list[tuple[str, str]] = []

    def begin(self) -> None:
        """Read the head, past any interim ones.

        Raises:
            OSError, HTTPException: it does not come, or is none.
        """
        self.status = 100
        while 100 <= self.status < 200:
            version, self.status, self.reason = self._read_status()  # type: ignore[attr-defined]
            self.pairs = _pairs(self.fp)
        said = {name.lower(): value for name, value in self.pairs}
        self.code = self.status
        self.version = 11 if version == "HTTP/1.1" else 10
        self.chunked = said.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = self._length(said)
        self.will_close = (
            self.version == 10
            or "close" in said.get("connection", "").lower()
            or (self.length is None and not self.chunked)
        )

    def _length(self, said: dict[str, str]) -> int | None:
        """The body's length; None when it ends with its last chunk, or with the connection."""
        if self._asked == "HEAD" or self.status in (204, 304):
            return 0
        if self.chunked or "content-length" not in said:
            return None
        lengths = {value for name, value in self.pairs if name.lower() == "content-length"}
        if len(lengths) > 1 or not said["content-length"].isdecimal():
            raise Malformed("content-length")
        return int(said["content-length"])


def _pairs(file: BinaryIO) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    while (line := file.readline(LINE + 1)) not in (b"\r\n", b"\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not line.endswith(b"\n") or len(pairs) == LINES or name != name.strip():
            raise Malformed("a header")
        pairs.append((name, value.strip()))
    return pairs
