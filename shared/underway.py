"""Messages that are yet to be delivered: whether each can be what its sender wrote, by what the sender knows.

`deploy.verify` asks: a difference between two services is nothing wrong while a message is on its way that will end it,
and anybody who can write to a database can write such a message.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from shared.clock import CLOCKS, clock
from shared.outbox import LEASE, LONGEST_REST, LONGEST_WAIT, MESSAGES, Outbox
from shared.verify import Wrong, batches

Says = Callable[[Connection, Outbox], str | None]
"""What is wrong with a message of one topic, by its sender's own tables; None: its sender would say the same."""


def wrong(connection: Connection, says: Mapping[str, Says]) -> Iterator[Wrong]:
    """The messages that cannot be what this sender wrote. `says`: by the topics that it has."""
    for message, fault in _looked_at(connection, says):
        if fault:
            yield Wrong(message.workspace_id, f"message {message.topic} about {message.key}", fault)


def versions(connection: Connection, says: Mapping[str, Says], topic: str) -> dict[tuple[str, str], int]:
    """What the messages of one topic will tell that can be believed: versions, by workspace and thing."""
    its = Outbox.topic == topic
    return {
        (message.workspace_id, message.key): message.version
        for message, fault in _looked_at(connection, says, its)
        if fault is None
    }


def newer(message: Outbox, last: int) -> str | None:
    """What is wrong with its version, when the last that was given is this one."""
    return f"has version {message.version}, and the last given is {last}" if message.version > last else None


def differs(message: Outbox, state: Mapping[str, Any]) -> str | None:
    """What is wrong with its body, when its thing's state is this one."""
    names = [name for name in sorted(state) if message.body.get(name) != state[name]]
    sides = (f"{name} {message.body.get(name)!r}, not {state[name]!r}" for name in names)
    return f"says another thing than is so: {'; '.join(sides)}" if names else None


def _looked_at(connection: Connection, says: Mapping[str, Says], *which: Any) -> Iterator[tuple[Outbox, str | None]]:
    at = connection.scalars(select(clock())).one()
    for messages in batches(connection, MESSAGES, *which):
        for message in messages:
            yield message, _fault(connection, says, message, at)


def _fault(connection: Connection, says: Mapping[str, Says], message: Outbox, at: datetime) -> str | None:
    if message.topic not in says:
        return "is of a kind that nobody delivers"
    if not isinstance(message.body, dict):
        return "has a body that nobody can read"
    wait = LONGEST_WAIT if message.refused is None else LONGEST_REST
    if message.due_at > at + wait + CLOCKS:
        return f"is due at {message.due_at:%Y-%m-%d %H:%M:%S} UTC, which is later than any is put off"
    if message.leased_until and message.leased_until > at + LEASE + CLOCKS:
        return f"is in somebody's hands until {message.leased_until:%Y-%m-%d %H:%M:%S} UTC, longer than any is"
    return says[message.topic](connection, message)
