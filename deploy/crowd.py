"""Who is connected: how many there may be, and who is sent away when there is no room."""

import time
from collections import Counter

import structlog

from deploy.client import Client
from gateway.address import Proxies, home

log = structlog.get_logger()


class Crowd:
    """The clients of one process. Nobody waits here: whoever finds no room is told so."""

    def __init__(self, most: int, most_of_one: int, proxies: Proxies) -> None:
        """`most_of_one`: connections of one address; 0 for no bound. `proxies` speak for many, and have none."""
        self._most, self._most_of_one, self._proxies = most, most_of_one, proxies
        self._of: Counter[str] = Counter()
        self._idle: dict[Client, None] = {}  # those whose request has not come yet; who waits longest is first
        self.size = 0
        self._said_at = 0.0

    def enter(self, client: Client) -> bool:
        """Take a client in, if need be in the place of the one that has been waited for longest; whether there is room.

        So whoever only opens connections drives out his own, and not those who ask for something.
        """
        where = home(client.address)
        if self._most_of_one and self._of[where] >= self._most_of_one and not self._proxies.trusts(client.address):
            return self._no_room(client, self._of[where])
        if self.size >= self._most:
            if not self._idle:
                return self._no_room(client, self.size)
            longest = next(iter(self._idle))
            self.works(longest)
            longest.hang_up()
        self.size += 1
        self._of[where] += 1
        return True

    def leave(self, client: Client) -> None:
        """A client that was taken in has gone."""
        where = home(client.address)
        self.works(client)
        self.size -= 1
        self._of[where] -= 1
        if not self._of[where]:
            del self._of[where]

    def waits(self, client: Client) -> None:
        """Nothing is being done for this client: its request is waited for."""
        self._idle[client] = None

    def works(self, client: Client) -> None:
        """A request of this client has come."""
        self._idle.pop(client, None)

    def dismiss(self) -> None:
        """Send everybody away whose request has not come yet."""
        for client in list(self._idle):
            client.hang_up()

    def _no_room(self, client: Client, there: int) -> bool:
        """False, which is said once a second: whoever wants to fill the log must not be able to."""
        if time.monotonic() - self._said_at > 1.0:
            self._said_at = time.monotonic()
            log.warning("connections.full", address=client.address, connections=there)
        return False
