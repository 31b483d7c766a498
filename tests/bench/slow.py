"""`make bench SLOW=1`: what slow clients cost the others. 2,000 of them, from eight addresses, for `SECONDS` (60).

A quarter each begins a request and stops, promises a body and sends none, sends one a byte a second, and asks for a
large page and does not read it. Whoever is hung up on comes back. Meanwhile others ask as before, and for `/healthz`.
"""

import random
import resource
import selectors
import socket
import subprocess
import sys
import time
from itertools import cycle, repeat
from pathlib import Path

from tests.bench import content, product
from tests.bench.load import Measured, Target, Wrong, ask, measure
from tests.bench.product import Place
from tests.bench.report import say

CLIENTS = 2000
SOURCES = tuple(f"127.0.0.{number}" for number in range(2, 10))
OTHERS = 4
"""Clients that ask one thing after the other, as fast as they are answered."""

LARGE = "/docs/swagger-ui-bundle.js"


def run(kind: str, seconds: float) -> None:
    """Start the product, measure it alone and among slow clients, and say how they compare.

    Raises:
        Wrong: somebody was not answered.
    """
    with product.place(kind) as where:
        ours = product.product(where)
        try:
            ours.wait_until_ready(where.ports["gateway"], "/readyz")
            key, _ = content.new_key(where)
            _compare(where, Target("gateway", where.ports["gateway"], {"Authorization": f"Bearer {key}"}), seconds)
            say("Memory with all of them, PSS in MB: " + f"{sum(ours.memory().values()) / 1024:.1f}")
        finally:
            ours.stop()


def _compare(where: Place, gateway: Target, seconds: float) -> None:
    rows = {"alone": _asked(gateway, seconds / 4)}
    command = [sys.executable, "-m", "tests.bench.slow", str(gateway.port), gateway.headers["Authorization"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as slow:
        try:
            assert slow.stdout
            if not slow.stdout.readline():
                raise Wrong("the slow clients did not come in")
            rows[f"{CLIENTS} slow ones come"] = _asked(gateway, seconds / 4)
            rows["they are there"] = _asked(gateway, seconds)
        finally:
            slow.terminate()
    say(f"{'':24}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}   /healthz, longest ms")
    for name, (seen, longest) in rows.items():
        times = f"{seen.percentile(0.5):9.1f}{seen.percentile(0.99):9.1f}"
        say(f"{name:24}{seen.rate:8.0f}{times}{longest * 1000:12.0f}")
    (alone, _), _, (among, _) = rows.values()
    say(f"p99: {among.percentile(0.99) / alone.percentile(0.99):.2f} times, at most 2; /healthz: at most 1000 ms")


def _asked(gateway: Target, seconds: float) -> tuple[Measured, float]:
    """What the others saw in turns of a second, and the longest that `/healthz` took, in seconds."""
    told = Measured()
    longest = 0.0
    while told.seconds < seconds:
        messages = [repeat(gateway.message("GET", f"{content.FINANCE}/budgets?limit=1")) for _ in range(OTHERS)]
        seen = measure(gateway.port, messages, status=200, seconds=1.0)
        told.times += seen.times
        told.seconds += seen.seconds
        began = time.perf_counter()
        ask(gateway.port, gateway.message("GET", "/healthz"), status=200)
        longest = max(longest, time.perf_counter() - began)
    return told, longest


# The slow clients, in a process of their own


class Slow:
    """A client that keeps a connection and gets nowhere."""

    def __init__(self, port: int, source: str, begins: bytes, *, trickles: bool, reads: bool) -> None:
        self._port, self._source, self._begins = port, source, begins
        self.trickles, self.reads = trickles, reads
        self.sock = self._connect()

    def again(self) -> None:
        """Come back."""
        self.sock.close()
        self.sock = self._connect()

    def trickle(self) -> None:
        """One byte more."""
        self.sock.send(b"x")

    def _connect(self) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind((self._source, 0))
        sock.settimeout(20)
        sock.connect(("127.0.0.1", self._port))
        sock.sendall(self._begins)
        sock.setblocking(False)
        return sock


def main(port: int, authorization: str) -> None:
    """Be slow until killed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    promised = (
        f"POST /people.json HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Length: 9999\r\n\r\n"
    )
    kinds = cycle(
        [
            (b"G", False, True),
            (promised.encode(), False, True),
            (promised.encode(), True, True),
            (f"GET {LARGE} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), False, False),
        ]
    )
    everybody: list[Slow] = []
    watch = selectors.DefaultSelector()
    for number in range(CLIENTS):
        begins, trickles, reads = next(kinds)
        client = Slow(port, SOURCES[number // 4 % len(SOURCES)], begins, trickles=trickles, reads=reads)
        everybody.append(client)
        if reads:
            watch.register(client.sock, selectors.EVENT_READ, client)
    say("all are there")
    while True:
        for found, _ in watch.select(0.2):
            _come_back(found.data, watch)
        for client in random.sample([each for each in everybody if each.trickles], CLIENTS // 20):
            try:
                client.trickle()
            except OSError:
                _come_back(client, watch)


def _come_back(client: Slow, watch: selectors.BaseSelector) -> None:
    watch.unregister(client.sock)
    client.again()
    watch.register(client.sock, selectors.EVENT_READ, client)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
