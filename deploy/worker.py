"""gunicorn's worker, which gives each connection a greenlet: a client that is slow or silent costs a socket, no thread.

It differs from gunicorn's own in what it does about such clients: deadlines for all that is waited for, bounds on who
is connected, refusals in the words of the product, and an end that does not wait for idle connections.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from typing import Any
from uuid import uuid4

import structlog
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.http import get_parser, wsgi
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import InvalidHeader, ParseException, UnsupportedTransferCoding
from gunicorn.workers.ggevent import GeventWorker

from deploy import refusals
from deploy.client import PIECE, Client
from deploy.crowd import Crowd
from shared import errors

REST = 64 * 1024
"""Bytes of a body nobody wanted that are thrown away to keep the connection, if they are here already."""

SPARE = 16 * 1024
"""Bytes that a body in chunks may take besides what is in them and a quarter of that. Each chunk is read on its own: a
body of chunks of a byte would cost a hundred times what it is."""

FULL = errors.Unavailable("Too many connections")

log = structlog.get_logger()


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves the app of `deploy.server.Server`, whose settings say what a client is allowed."""

    def init_process(self) -> None:
        """Be ready to be told to stop before anything else: the app takes a while to load."""
        self._end = Event()
        super().init_process()

    def run(self) -> None:
        """Answer until told to stop; then finish what is being answered."""
        settings = self.app.settings
        self._deadline = settings.deadline
        self._crowd = Crowd(self.app.connections, settings.connections_per_address, self.app.proxies)
        pool = Pool()
        servers = [StreamServer(each, handle=self._taker(each), spawn=pool) for each in self.sockets]
        for server in servers:
            server.start()
        while self.alive:
            self.notify()
            self._end.wait(1.0)
        for server in servers:
            server.close()
        self._crowd.dismiss()
        pool.join(self.cfg.graceful_timeout)
        pool.kill(timeout=1.0)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: end in good order, at once where nothing is being done."""
        super().handle_exit(sig, frame)
        self._end.set()

    def _taker(self, listener: Any) -> Any:
        name = listener.getsockname()

        def take(sock: Any, address: Any) -> None:
            with closing(Client(sock, address[0])) as client:
                if self._crowd.enter(client):
                    self._serve(client, name, address)
                else:
                    self._say(client, refusals.worded(b"", FULL, uuid4().hex))

        return take

    def _serve(self, client: Client, listener: Any, address: Any) -> None:
        try:
            parser = get_parser(self.cfg, client, address)
            while self.alive:
                client.await_head(self.cfg.keepalive, self._deadline)
                request = next(parser)
                _check(request)
                client.allow(self._deadline)
                if not self._answered(request, client, listener, address):
                    return
        except ParseException as fault:
            self._say(client, refusals.misread(client.head, client.address, fault))
            client.linger()
        except (OSError, StopIteration):
            pass  # it has gone, or its time is over
        finally:
            self._crowd.leave(client)

    def _answered(self, request: Any, client: Client, listener: Any, address: Any) -> bool:
        """Answer a request; whether another may follow on the same connection."""
        body = Body(request, client)
        answer, environ = wsgi.create(
            request, client, address, listener, self.cfg, response_class=Answer, response_args=(self._deadline,)
        )
        environ |= {"wsgi.multithread": True, "wsgi.input": body, "wsgi.file_wrapper": _in_pieces}
        if not self.alive:
            answer.force_close()
        try:
            _pass_on(self.wsgi(environ, answer.start_response), answer)
        except OSError:
            raise
        except Exception as fault:  # what the app could not answer for; it cuts the answer off
            log.error("answer.failed", exc_info=fault)
            if not answer.headers_sent:
                self._say(client, refusals.misread(client.head, client.address, fault))
            return False
        if answer.unread:
            client.linger()
        return not answer.should_close()

    def _say(self, client: Client, words: bytes) -> None:
        client.allow(self._deadline)
        with suppress(OSError):
            client.sendall(words)


def _check(request: Any) -> None:
    """What the parser lets through, and nobody here can read; or ought to. Raises ParseException."""
    codings = [value for name, value in request.headers if name == "TRANSFER-ENCODING"]
    if any(coding.strip().lower() != "chunked" for coding in codings):
        raise UnsupportedTransferCoding(", ".join(codings))
    if request.version >= (1, 1) and not any(name == "HOST" for name, _ in request.headers):  # RFC 9112, section 3.2
        raise InvalidHeader("HOST")


def _in_pieces(file: Any, _size: int = 0) -> wsgi.FileWrapper:
    """A file as it is sent; werkzeug asks for pieces of 8 KiB, which take eight times as long."""
    return wsgi.FileWrapper(file, PIECE)


def _pass_on(said: Iterable[bytes], answer: "Answer") -> None:
    try:
        for piece in said:
            answer.write(piece)
        answer.close()
    finally:
        if close := getattr(said, "close", None):
            close()


class Answer(wsgi.Response):  # type: ignore[misc]
    """An answer. Where the request's body was not read, and is not all here, it is the connection's last."""

    def __init__(self, request: Any, client: Client, cfg: Any, deadline: float) -> None:
        super().__init__(request, client, cfg)
        self.unread = False
        self._deadline = deadline

    def default_headers(self) -> list[str]:
        """Decides whether the connection goes on: from here it is said."""
        if not _taken(self.req.body, self.sock):
            self.unread = True
            self.force_close()
        self.sock.allow(self._deadline)
        headers: list[str] = super().default_headers()
        return headers


def _taken(body: Any, client: Client) -> bool:
    """Whether the rest of a body could be thrown away without waiting for it.

    One that broke off never can: where the next request would begin is not known. Nor can one in chunks that has not
    ended: each chunk is read on its own, and may be one byte.
    """
    client.allow(0.0, earns=False)
    left = 1 if isinstance(body.reader, ChunkedReader) else REST
    try:
        while left > 0 and (piece := body.read(min(left, 8192))):
            left -= len(piece)
    except (OSError, ParseException, errors.Invalid):
        return False
    return left > 0 and not body.failed


def _worth_their_frames(pieces: Iterable[bytes], client: Client) -> Iterator[bytes]:
    """The pieces of a body in chunks. Raises Invalid: it is hardly more than what is around them."""
    before, size = client.came, 0
    for piece in pieces:
        size += len(piece)
        if client.came - before > size + size // 4 + SPARE:
            raise errors.Invalid("The chunks of the body are too small")
        yield piece
        client.take_turns()


class Body:
    """A request's body, as the app reads it: what is wrong with it is an OSError, which werkzeug knows, or Invalid."""

    def __init__(self, request: Any, client: Client) -> None:
        self._body, self._client, reader = request.body, client, request.body.reader
        self._left = reader.length if isinstance(reader, LengthReader) else 0  # which gunicorn does not look at
        if isinstance(reader, ChunkedReader):
            reader.parser = _worth_their_frames(reader.parser, client)
        self._asked_for = request._expected_100_continue
        request._expected_100_continue = False

    def read(self, size: int | None = None) -> bytes:
        """At most `size` bytes."""
        return self._had(self._body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        """At most `size` bytes of a line."""
        return self._had(self._body.readline, size)

    def _had(self, read: Any, size: int | None) -> bytes:
        if self._asked_for:  # the client waits for leave to send, which whoever is refused does not get
            self._asked_for = False
            self._client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            had: bytes = read(size)
        except ParseException as fault:
            raise OSError(str(fault)) from fault
        self._left -= len(had)
        if not had and size != 0 and self._left > 0:
            raise OSError("less came than was promised")
        return had
