"""Stand-in services on real sockets: `Peer` speaks HTTP and remembers what it was asked, `Rude` breaks the rules."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.serving import WSGIRequestHandler, make_server


@dataclass
class Seen:
    """A request as the service saw it."""

    method: str
    target: str
    headers: Message
    body: bytes = b""
    size: int = 0
    digest: str = ""


Respond = Callable[[BaseHTTPRequestHandler, Seen], None]


def plain(handler: BaseHTTPRequestHandler, _seen: Seen) -> None:
    """Answer 200 with a small JSON body."""
    respond(handler, 200, b'{"data":1}', {"Content-Type": "application/json"})


def respond(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    """Answer with a body of known length."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


@dataclass
class Peer:
    """A service: what it was asked, and how it answers."""

    respond: Respond = plain
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    reads_body: bool = True
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator["Peer"]:
        """On a port of its own, until the block ends."""
        server = _Server(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # the default, 5, makes callers wait for a second when many come at once


def _handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def setup(self) -> None:
            super().setup()
            peer.connections += 1

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def answer(self) -> None:
            seen = Seen(self.command, self.path, self.headers)
            peer.requests.append(seen)
            if peer.reads_body:
                read(self, seen)
            peer.respond(self, seen)
            self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def read(handler: BaseHTTPRequestHandler, seen: Seen) -> None:
    """Read the body, however it is framed; keep its size and digest, and itself when it is small."""
    digest = blake2b()
    for piece in _pieces(handler):
        seen.size += len(piece)
        digest.update(piece)
        if seen.size <= 65536:
            seen.body += piece
    seen.digest = digest.hexdigest()


def _pieces(handler: BaseHTTPRequestHandler) -> Iterator[bytes]:
    if handler.headers.get("Transfer-Encoding") == "chunked":
        while size := int(handler.rfile.readline() or b"0", 16):
            yield handler.rfile.read(size)
            handler.rfile.readline()
        handler.rfile.readline()
        return
    left = int(handler.headers.get("Content-Length") or 0)
    while left and (piece := handler.rfile.read(min(left, 65536))):
        left -= len(piece)
        yield piece


class Rude:
    """A listener that does with each connection what it is told, by turns; the last turn is repeated."""

    def __init__(self, *turns: Callable[[socket.socket], None]) -> None:
        self._turns = turns
        self.accepted = 0
        self.heard: list[bytes] = []
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator["Rude"]:
        """On a port of its own, until the block ends."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=self._serve, args=(listener,))
        thread.start()
        try:
            yield self
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            listener.close()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            turn = self._turns[min(self.accepted, len(self._turns) - 1)]
            self.accepted += 1
            with sock:
                turn(sock)

    def hear(self, sock: socket.socket) -> None:
        """Take a request's head, and a small body."""
        self.heard.append(sock.recv(65536))


@contextmanager
def served(app: WSGIApplication) -> Iterator[int]:
    """A WSGI app on a real socket; its port."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    """As the real server does, it lets a client finish whose body was not read."""

    protocol_version = "HTTP/1.1"
    timeout = 1

    def finish(self) -> None:
        super().finish()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(65536):
                pass

    def log_request(self, *_: Any) -> None:
        pass
