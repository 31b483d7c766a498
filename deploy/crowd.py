"""Who is connected: how many there may be, and who is sent away when there is no room."""

from collections import Counter

import structlog

from deploy.client import Client
from gateway.address import Proxies, home
from shared.logs import Seldom

ASKS_NOTHING = 15.0
"""Seconds: half of what an idle connection is kept for."""

log = Seldom(structlog.get_logger())


class Crowd:
    """The clients of one process. Nobody waits here: whoever finds no room is told so."""

    def __init__(self, most: int, most_of_one: int, proxies: Proxies) -> None:
        """`most_of_one`: connections of one address; 0 for no bound. `proxies` speak for many, and have none."""
        self._most, self._most_of_one, self._proxies = most, most_of_one, proxies
        self._of: Counter[str] = Counter()
        self._here: set[Client] = set()

    def enter(self, client: Client) -> bool:
        """Take a client in, if need be in place of one that is waited for, whose time is over first; whether it is in.

        So whoever only opens connections, or does not take what he asked for, drives out his own first.
        """
        where = home(client.address)
        if self._most_of_one and self._of[where] >= self._most_of_one and not self._proxies.trusts(client.address):
            return _no_room(client, self._of[where])
        if len(self._here) >= self._most:
            waited_for = [each for each in self._here if each.waited_for]
            if not waited_for:
                return _no_room(client, len(self._here))
            least = min(waited_for, key=_time_left)
            least.hang_up()
            self.leave(least)
        self._here.add(client)
        self._of[where] += 1
        return True

    def leave(self, client: Client) -> None:
        """A client that was taken in has gone, or had to."""
        if client not in self._here:
            return
        where = home(client.address)
        self._here.remove(client)
        self._of[where] -= 1
        if not self._of[where]:
            del self._of[where]

    def dismiss(self) -> None:
        """Send everybody away whose request has not come yet."""
        for client in self._here:
            if client.asks_nothing:
                client.hang_up()


def _time_left(client: Client) -> float:
    """Until when a client is waited for. One that asks nothing counts as if it were less, as it loses nothing."""
    return client.until - (ASKS_NOTHING if client.asks_nothing else 0.0)


def _no_room(client: Client, there: int) -> bool:
    """False, which is logged."""
    log.warning("connections.full", address=client.address, connections=there)
    return False
