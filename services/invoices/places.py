"""The request threads that may be waiting for documents to be drawn; the others are there for all that is quick."""

from flask import current_app

from shared.turns import Turns


def of_threads(threads: int) -> Turns:
    """Three quarters of them at most, and half of all for a workspace that is alone with it.

    Nobody waits for them here, where that holds a thread. The gateway lets fewer through and has the rest wait there,
    so only where there are several gateways may one too many be refused.
    """
    return Turns(threads, most=max(threads * 3 // 4, 1))


def drawing() -> Turns:
    """Those of the app that answers this request."""
    known: Turns = current_app.extensions["drawing"]
    return known
