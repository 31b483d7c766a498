"""How many requests of a workspace, and of a key, are with a service at once, so that the others find room there.

The rest wait here, where that costs next to nothing, and are refused when it takes too long.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from gateway.routes import ROUTES, Route
from shared.caller import Caller
from shared.turns import Turns

PATIENCE = 25.0
"""Seconds that a request waits for the others of its workspace."""

QUEUE = 500
"""How many of a workspace wait at once."""


class Places:
    """The threads of each service, and those of them that may have documents drawn."""

    def __init__(self, threads: int) -> None:
        self._at = {route.service: Turns(threads, patience=PATIENCE, queue=QUEUE) for route in ROUTES}
        most = max(threads * 3 // 4, 1)
        self._drawing = Turns(max(threads // 2, 1), most=most, patience=PATIENCE, queue=QUEUE)

    @contextmanager
    def taken(self, route: Route, caller: Caller) -> Iterator[None]:
        """A place at the route's service, while the block lasts.

        Raises:
            TooManyRequests: the caller has too many for too long.
        """
        with ExitStack() as held:
            for turns in (self._drawing, self._at[route.service]) if route.draws else (self._at[route.service],):
                held.enter_context(turns.taken(caller.workspace_id, caller.key_id))
            yield
