"""The gateway as it is served: a process of its own, with stand-in services behind it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from gateway.keys import actions
from gateway.routes import SERVICES
from shared.db import Database
from tests.gateway.conftest import CALLER_SECRET
from tests.gateway.office import KEY_SECRET
from tests.gateway.peers import Peer
from tests.product import PATIENCE, ROOT, free_ports, wait_until


@dataclass
class Running:
    """A gateway process."""

    port: int
    process: subprocess.Popen[bytes]
    key: str
    peers: dict[str, Peer] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def expenses(self) -> Peer:
        """The stand-in for the expense service."""
        return self.peers["expenses"]

    def session(self) -> requests.Session:
        """A client with the key."""
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {self.key}"
        return session

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A connection from one of this machine's own addresses."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE, (source, 0))

    def head(self, first: str, *lines: str) -> bytes:
        """The head of a request with the key, as it is sent."""
        return "\r\n".join((first, "Host: x", f"Authorization: Bearer {self.key}", *lines, "", "")).encode()

    def alive(self) -> bool:
        """Whether it says that it is."""
        try:
            with self.connect() as sock:
                sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                return sock.recv(64).startswith(b"HTTP/1.0 200 ")
        except OSError:
            return False

    def most_memory(self) -> int:
        """The most bytes its worker has ever had in memory."""
        pid = self.process.pid
        (worker,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())
        assert found
        return int(found[1]) * 1024


@contextmanager
def process(keys_url: str, **settings: str) -> Iterator[Running]:
    """A gateway process, until the block ends. `settings`: variables of its environment."""
    db = Database(keys_url)
    key = actions.issue(db, KEY_SECRET, "Acme").key
    db.close()
    port = free_ports(1)
    with ExitStack() as stack:
        peers = {name: stack.enter_context(Peer().serving()) for name in SERVICES}
        environment = {
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "DATABASE_URL": keys_url,
            "CALLER_SECRET": CALLER_SECRET,
            "KEY_SECRET": KEY_SECRET,
            **{f"{name.upper()}_URL": peer.url for name, peer in peers.items()},
        }
        command = [sys.executable, "-m", "deploy.run", "serve", "gateway"]
        started = subprocess.Popen(command, cwd=ROOT, env=environment | settings, stdout=subprocess.DEVNULL)
        stack.callback(started.wait, PATIENCE)
        stack.callback(started.send_signal, signal.SIGTERM)
        running = Running(port, started, key, peers)
        wait_until(running.alive)
        yield running


def heard(sock: socket.socket) -> bytes:
    """All that is said until the other side hangs up."""
    said = b""
    sock.settimeout(PATIENCE)
    try:
        while piece := sock.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said
