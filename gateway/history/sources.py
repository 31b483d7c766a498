"""Whose history makes up a workspace's: the services', which are asked, and the gateway's own.

Entries are in one order, the newest first: by instant, then by service, then by id. A cursor names the last one shown.
When a service is away there is no list, never a shorter one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.caller import Caller
from shared.chain import Head
from shared.errors import Invalid, Unavailable
from shared.http import NoAnswer, Peer
from shared.lengths import LARGEST_ID
from shared.page import Page, fitting, opened, sealed, size

OWN = "gateway"
"""Whose own history is in the database here."""

SEAL = "history"

Told = dict[str, Any]
"""An entry as clients see it."""

Place = tuple[datetime, str, int]
"""Where an entry stands among all."""

Asked = Mapping[str, Any]
"""Filters as text, by the names that they have in a query."""


@dataclass(frozen=True)
class Sources:
    """The services that are asked, within `deadline` seconds each; and the key that signs heads, if there is one."""

    peers: Mapping[str, Peer] = field(default_factory=dict)
    deadline: float = 5.0
    key: str = ""

    def newest(
        self, caller: Caller, asked: Asked, own: Callable[[dict[str, Any]], Told], *, limit: int, cursor: str | None
    ) -> Page[Told]:
        """A page of the workspace's history. `own`: what the gateway's database answers, as a service would.

        Raises:
            Invalid: a cursor of another list.
            Unavailable: a service did not answer.
        """
        after = _place(cursor) if cursor is not None else None
        found, horizon = [], None
        for name in sorted((*self.peers, OWN)):
            query = {**asked, "limit": limit, **_behind(after, name)}
            said = own(query) if name == OWN else self._ask(name, caller, "/internal/history", query)
            entries = sorted(((_stands(entry), entry) for entry in said["data"]), key=_first, reverse=True)
            found += entries
            if said["has_more"]:  # what it has not told may stand before what others have
                last = entries[-1][0]
                horizon = last if horizon is None else max(horizon, last)
        return _cut(found, horizon, limit)

    def heads(self, caller: Caller, own: Head) -> dict[str, Head]:
        """Where the chains of the workspace end, by service. Raises Unavailable when a service did not answer."""
        said = {name: self._ask(name, caller, "/internal/history/head", {}) for name in self.peers}
        heads = {name: Head(head["position"], head["hash"], _instant(head["at"])) for name, head in said.items()}
        return heads | {OWN: own}

    def _ask(self, name: str, caller: Caller, path: str, query: Asked) -> dict[str, Any]:
        try:
            return self.peers[name].get(path, query, caller=caller, deadline=self.deadline)
        except NoAnswer as why:
            raise Unavailable(f"The {name} service did not answer") from why


def _behind(after: Place | None, name: str) -> dict[str, Any]:
    """Where a service's entries go on behind that place among all."""
    if after is None:
        return {}
    at, last, number = after
    shown_of_then = 0 if name > last else LARGEST_ID  # of the same instant: all are shown already, or none yet
    return {"before_at": at.isoformat(), "before_id": number if name == last else shown_of_then}


def _cut(found: list[tuple[Place, Told]], horizon: Place | None, limit: int) -> Page[Told]:
    known = sorted((each for each in found if horizon is None or each[0] >= horizon), key=_first, reverse=True)
    shown = known[: min(limit, fitting(size(tuple(entry.values())) for _, entry in known))]
    if len(shown) == len(found) and horizon is None:
        return Page([entry for _, entry in shown], None)
    at, name, number = shown[-1][0]
    return Page([entry for _, entry in shown], sealed(SEAL, f"{at.isoformat()} {name}", number))


def _first(pair: tuple[Place, Told]) -> Place:
    return pair[0]


def _stands(entry: Told) -> Place:
    return _instant(entry["at"]) or datetime.min.replace(tzinfo=UTC), entry["service"], entry["id"]


def _instant(written: str | datetime | None) -> datetime | None:
    return datetime.fromisoformat(written) if isinstance(written, str) else written


def _place(cursor: str) -> Place:
    value, number = opened(cursor, SEAL, str)
    at, _, name = value.partition(" ")
    try:
        return datetime.fromisoformat(at).astimezone(UTC), name, number
    except (ValueError, OverflowError):
        raise Invalid(errors={"cursor": ["Not a cursor of this list."]}) from None


def as_text(asked: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Filters as they are written in a query."""
    return ((name.removesuffix("_"), str(value)) for name, value in asked.items())
