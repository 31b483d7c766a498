"""As much of HTTP/1.1 as a proxy must know: where a message ends."""

import socket

HEAD, PIECE = b"\r\n\r\n", 65_536


class Broken(OSError):
    """The other side ended in the middle of a message, or before it."""


class Stream:
    """One side of a connection, read message by message."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self._read = connection, b""

    def request(self) -> bytes:
        """The next request, whole. Raises Broken."""
        head = self._until(HEAD)
        return head + self._body(head, length=0)

    def answer(self, request: bytes) -> bytes:
        """The answer to a request, whole. Raises Broken."""
        head = self._until(HEAD)
        status = int(head.split(b" ", 2)[1])
        if status == 100:
            return head + self.answer(request)
        if request.startswith(b"HEAD ") or status in (204, 304):
            return head
        return head + self._body(head, length=None)

    def _body(self, head: bytes, length: int | None) -> bytes:
        told = {line.split(b":", 1)[0].strip().lower(): line.split(b":", 1)[1].strip() for line in _lines(head)}
        if b"chunked" in told.get(b"transfer-encoding", b"").lower():
            return self._chunks()
        if b"content-length" in told:
            length = int(told[b"content-length"])
        return self._all() if length is None else self._exactly(length)

    def _chunks(self) -> bytes:
        whole = b""
        while True:
            line = self._until(b"\r\n")
            size = int(line.split(b";")[0], 16)
            whole += line + self._exactly(size + 2)
            if size == 0:
                return whole

    def _until(self, end: bytes) -> bytes:
        while end not in self._read:
            self._more()
        found, _, self._read = self._read.partition(end)
        return found + end

    def _exactly(self, length: int) -> bytes:
        while len(self._read) < length:
            self._more()
        found, self._read = self._read[:length], self._read[length:]
        return found

    def _all(self) -> bytes:
        try:
            while True:
                self._more()
        except Broken:
            found, self._read = self._read, b""
            return found

    def _more(self) -> None:
        piece = self.connection.recv(PIECE)
        if not piece:
            raise Broken("the connection has ended")
        self._read += piece


def _lines(head: bytes) -> list[bytes]:
    return [line for line in head.split(b"\r\n")[1:] if b":" in line]
