"""The routing table: which service answers which path.

A prefix stands for itself and for whole segments below it. One that has an ending stands for what ends so:
`/invoices.json`, and `/invoices/7.json` below it. A `*` in it is any one segment. The first row that fits counts.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Route:
    """One row: what lies at `prefix` and below it belongs to `service`."""

    prefix: str
    service: str
    draws: bool = False
    """Whether a document is drawn for it, which takes much longer than anything else."""


PEOPLE, ADMIN = "people", "admin"
INSIDE = (PEOPLE, ADMIN)
"""What the gateway answers itself, in its own process."""

ROUTES = (
    Route("/v1/dev/finance/invoices.pdf", "invoices", draws=True),
    Route("/v1/dev/finance/invoices", "invoices"),
    Route("/v1/dev/finance/settings/logo", "invoices", draws=True),
    Route("/v1/dev/finance/settings", "invoices"),
    Route("/v1/dev/finance/history", PEOPLE),
    Route("/v1/dev/finance/budgets", "budgets"),
    Route("/v1/dev/finance/expenses", "expenses"),
    Route("/v1/dev/finance/keys", ADMIN),
    Route("/v1/dev/finance/workspaces", ADMIN),
    Route("/api/v1/invoices", "invoices"),
    Route("/api/invoices", "invoices"),
    Route("/invoices.json", "invoices"),
    Route("/projects/*/expenses.json", "expenses"),
    Route("/projects.json", "invoices"),
    Route("/companies.json", "invoices"),
    Route("/time_entries.json", "invoices"),
    Route("/currencycodes.json", "invoices"),
    Route("/expenses.json", "expenses"),
    Route("/people.json", PEOPLE),
    Route("/me.json", PEOPLE),
)

SERVICES = tuple(dict.fromkeys(route.service for route in ROUTES if route.service not in INSIDE))
"""Those that are asked over the network."""

_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)

_AMBIGUOUS = re.compile(
    r"""
      [\x00-\x20\x7f\\#]                    # never part of a path
    | %(?:2f|5c|00)                         # a separator in disguise
    | //                                    # an empty segment
    | /(?:\.|%2e){1,2}(?:/|$)               # a dot segment, plain or in disguise
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What gateway and service might read differently. No path of ours has it, so it is refused, never repaired."""


def target(raw: str) -> str:
    """The request's target as it was sent, without the scheme and host of its absolute form."""
    return raw if raw.startswith("/") else _ORIGIN.sub("", raw, count=1)


def find(target: str) -> Route | None:
    """The row a target belongs to, judged by its path exactly as sent; None when nothing answers there."""
    path = target.partition("?")[0]
    if _AMBIGUOUS.search(path):
        return None
    return next((route for route in ROUTES if _covered(route.prefix)(path)), None)


@cache
def _covered(prefix: str) -> Callable[[str], object]:
    """Whether a path is the prefix, or lies below it."""
    stem, dot, ending = (re.escape(each) for each in prefix.partition("."))
    return re.compile(stem.replace(r"\*", "[^/]+") + "(?:/.*)?" + dot + ending).fullmatch
