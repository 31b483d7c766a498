"""A change of a budget, as every dialect answers it: `spent_amount` waits until what is booked is certain."""

import time
from collections.abc import Callable
from functools import partial

from flask import Response, current_app

from services.budgets import certainty
from services.budgets.certainty import Certainty, Uncertain
from services.budgets.peers import Peers
from shared import idempotency
from shared.errors import NotFound
from shared.idempotency import IdempotencyKey
from shared.web import caller, db, run_idempotent

PAUSE = 0.05
"""Seconds between two looks at what is under way."""


def when_certain(budget_id: str, key: IdempotencyKey | None, work: Callable[[Certainty | None], Response]) -> Response:
    """Do the work with what is certain; again, for a while, where that has changed.

    Raises:
        Uncertain, Unavailable, and what the work raises.
    """
    peers: Peers = current_app.extensions["peers"]
    give_up = time.monotonic() + peers.certainty_deadline
    if key:
        with db().read() as session:
            idempotency.check(session, key)  # first: a repeat needs nobody
    while True:
        try:
            return run_idempotent(key, partial(work, _known(budget_id, peers)))
        except Uncertain:
            if time.monotonic() > give_up:
                raise
        time.sleep(PAUSE)


def _known(budget_id: str, peers: Peers) -> Certainty | None:
    try:
        return certainty.look(db(), caller(), budget_id, peers)
    except NotFound:  # which the work will say, and a key keeps
        return None
