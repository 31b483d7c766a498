"""What both kinds of messages have in common: the question, the armed message that would undo it, and its key.

One request may ask two services. Its key is free again once the last message that undoes a part of its work is gone.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Protocol

from sqlalchemy import Connection, update
from sqlalchemy.orm import Session

from services.expenses.models import Expense
from services.expenses.outside import Outside
from shared import idempotency, outbox
from shared.errors import Conflict
from shared.http import Peer
from shared.idempotency import Ticket
from shared.outbox import Outbox

SPEND, BILLABLE = "spend", "billable"
COUNTED = {SPEND: Expense.spend_version, BILLABLE: Expense.billable_version}

ARMED_FOR = timedelta(seconds=15)
"""How long a request may take from its intention to its commit before the relay undoes it. Longer than all waits."""


class Question(Protocol):
    """What another service must say yes to before a change of an expense is committed."""

    topic: ClassVar[str]
    service: ClassVar[str]
    """Who is asked, in words."""

    @property
    def asks(self) -> object:
        """What a yes is good for."""

    def arm(self, session: Session | Connection, expense: Expense, ticket: Ticket | None) -> Outbox:
        """Write the message that would undo what is about to be asked. The question takes the version before it."""

    def ask(self, outside: Outside, undo: Outbox) -> None:
        """Ask for what `undo`, the armed message, would take back.

        Raises:
            NotFound, Refused: the service said no.
            NoAnswer: nobody knows.
            Overtaken: by a newer message about this expense, or we were restored from an older copy.
        """


def arm(
    session: Session | Connection,
    topic: str,
    expense: Expense,
    version: int,
    body: dict[str, Any],
    ticket: Ticket | None,
) -> Outbox:
    """Write an undo, which the relay takes up when the request that asks does not come to its end."""
    return outbox.put(
        session,
        topic,
        expense.uuid,
        workspace_id=expense.workspace_id,
        version=version,
        body=body | {"ticket": ticket and ticket.key},
        armed_for=ARMED_FOR,
    )


class Overtaken(Conflict):
    """The service knows a newer version than the question has."""

    def __init__(self, known: int) -> None:
        super().__init__()
        self.known = known


def put(peer: Peer, path: str, undo: Outbox, body: dict[str, Any], *, deadline: float) -> None:
    """Send a question. Raises what `Question.ask` raises."""
    version = undo.version - 1
    asked = {"version": version} | body
    said = peer.put(path, asked, workspace_id=undo.workspace_id, deadline=deadline)
    if said["version"] > version:
        raise Overtaken(said["version"])
    if said["version"] != version:
        raise Conflict


def catch_up(session: Session, message: Outbox, version: int) -> None:
    """Count the versions of an expense's messages of one kind from this one on."""
    column = COUNTED[message.topic]
    mine = (Expense.workspace_id == message.workspace_id, Expense.uuid == message.key, column < version)
    session.execute(update(Expense.__table__).where(*mine).values({column: version}))  # type: ignore[arg-type]


def pending(session: Session, expense_id: str) -> Mapping[str, Outbox]:
    """The messages about an expense that are still to be acknowledged, by topic.

    An armed one says that another request is between its question and its commit.
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
        idempotency.free(session, message.workspace_id, key)
