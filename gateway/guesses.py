"""How many unknown keys an address may show: each costs a look into the database, and might be a guess. And how many
requests it may send without a valid key.

Counted in this process, so that it costs nothing and holds whatever else is away. Each of several gateways has a
count of its own.
"""

import math
import threading
import time
from collections import OrderedDict

from gateway.address import home
from shared.errors import TooManyRequests

ADDRESSES = 10_000
"""How many are remembered; the ones that were quiet for longest are forgotten."""

MINUTE = 60


class Guesses:
    """So many at once, and as many again in a minute, of which one comes back after the other; 0 is no bound."""

    def __init__(self, a_minute: int, *, addresses: int = ADDRESSES) -> None:
        self._most, self._rate, self._addresses = a_minute, a_minute / MINUTE, addresses
        self._made: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> how many, as of when
        self._lock = threading.Lock()

    def take(self, address: str) -> None:
        """One look for a key that is not known yet; or one request without a valid one.

        Raises:
            TooManyRequests: there have been too many of them.
        """
        if not self._most:
            return
        with self._lock:
            made = self._counted(home(address))
            if made + 1 > self._most:
                wait = math.ceil((made + 1 - self._most) / self._rate)
                raise TooManyRequests(headers={"Retry-After": str(wait)})
            self._keep(home(address), made + 1)

    def give_back(self, address: str) -> None:
        """The key was a valid one: it was no guess."""
        if not self._most:
            return
        with self._lock:
            self._keep(home(address), max(self._counted(home(address)) - 1, 0.0))

    def _counted(self, address: str) -> float:
        made, at = self._made.get(address, (0.0, 0.0))
        return max(made - (time.monotonic() - at) * self._rate, 0.0)

    def _keep(self, address: str, made: float) -> None:
        self._made[address] = made, time.monotonic()
        self._made.move_to_end(address)
        if len(self._made) > self._addresses:
            self._made.popitem(last=False)
