"""What the participants have in common: authorizations, the messages that void them, and the key of their request.

`asks` and `ticket` of a stored message are not sent: the budget whose authorization it voids, and the idempotency key
that is free again once the work is undone. One request may ask both services; its key is free once the last message
that undoes a part of its work is gone.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Protocol

from sqlalchemy import Connection, update
from sqlalchemy.orm import Session

from services.expenses.models import Expense
from services.expenses.peers import Peers
from shared import idempotency, outbox
from shared.errors import Conflict
from shared.http import Peer
from shared.idempotency import IdempotencyKey
from shared.outbox import Outbox

SPEND, BILLABLE = "spend", "billable"
COUNTED = {SPEND: Expense.spend_version, BILLABLE: Expense.billable_version}

ARMED_FOR = timedelta(seconds=15)
"""How long a request may take from its intention to its commit before the relay voids it. Longer than all waits."""


class Authorization(Protocol):
    """What a participant must authorize before a change of an expense is committed."""

    topic: ClassVar[str]
    participant: ClassVar[str]
    """Who that is, in words."""

    @property
    def covers(self) -> object:
        """What it is good for: a change of which this differs needs another."""

    def arm(self, session: Session | Connection, expense: Expense, key: IdempotencyKey | None) -> Outbox:
        """Write the void: the message that takes the authorization back. That has the version before it."""

    def request(self, peers: Peers, void: Outbox) -> None:
        """Ask the participant for what `void`, which is armed, would take back.

        Raises:
            Forbidden, NotFound, Refused: it is not authorized.
            NoAnswer: nobody knows.
            Overtaken: by a newer message about this expense, or we were restored from an older copy.
        """


class Overtaken(Conflict):
    """The participant knows a newer version than the one that is asked for."""

    def __init__(self, known: int) -> None:
        super().__init__()
        self.known = known


def arm(
    session: Session | Connection,
    topic: str,
    expense: Expense,
    version: int,
    body: dict[str, Any],
    key: IdempotencyKey | None,
) -> Outbox:
    """Write a void, which the relay delivers when the request does not come to its end."""
    return outbox.put(
        session,
        topic,
        expense.uuid,
        workspace_id=expense.workspace_id,
        version=version,
        body=body | {"ticket": key and key.value},
        armed_for=ARMED_FOR,
    )


def put(peer: Peer, path: str, void: Outbox, body: dict[str, Any], *, deadline: float) -> None:
    """Ask for an authorization. Raises what `Authorization.request` raises."""
    version = void.version - 1
    asked = {"version": version} | body
    answer = peer.put(path, asked, workspace_id=void.workspace_id, deadline=deadline)
    if answer["version"] > version:
        raise Overtaken(answer["version"])
    if answer["version"] != version:
        raise Conflict


def catch_up(session: Session, message: Outbox, version: int) -> None:
    """Count the versions of an expense's messages of one kind from this one on."""
    column = COUNTED[message.topic]
    mine = (Expense.workspace_id == message.workspace_id, Expense.uuid == message.key, column < version)
    session.execute(update(Expense.__table__).where(*mine).values({column: version}))  # type: ignore[arg-type]


def pending(session: Session, expense_id: str) -> Mapping[str, Outbox]:
    """The messages about an expense that are still to be acknowledged, by topic.

    An armed one says that another request is between its intention and its commit.
    """
    return outbox.about(session, expense_id, (SPEND, BILLABLE))


def release(session: Session, message: Outbox, _failure: str | None = None) -> None:
    """Free the key of a message that is gone, or in whose place there is another, unless one of the same work is left.

    The key is locked first: of two that go at the same moment, one sees that the other is gone.
    """
    key = message.body.get("ticket")
    if key is None:
        return
    idempotency.lock(session, message.workspace_id, key)
    if not any(left.body.get("ticket") == key for left in pending(session, message.key).values()):
        idempotency.release(session, message.workspace_id, key)
