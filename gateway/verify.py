"""What must hold of workspaces, accounts, members and keys. `deploy.verify` asks."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, select

from gateway.keys import secret
from gateway.keys.models import Account, ApiKey, Member, Workspace
from gateway.keys.scopes import KNOWN
from gateway.people import messages
from gateway.people.queries import PEOPLE
from shared import underway, verify
from shared.outbox import Outbox
from shared.rows import Rows
from shared.underway import Says
from shared.verify import Kind, Told, Wrong

ENTITIES = (Account, ApiKey, Member)
KINDS = (Kind(Workspace), Kind(Account), Kind(Member, stays=True), Kind(ApiKey))


def _of_person(connection: Connection, message: Outbox) -> str | None:
    """What is wrong with a message about a person; nobody knows of one who is not there which version was the last."""
    workspace_id, _, number = message.key.rpartition("/")
    if workspace_id != message.workspace_id or not number.isdecimal():
        return "is about nobody"
    theirs = select(*PEOPLE.columns).where(Member.workspace_id == workspace_id, Member.id == int(number))
    row = connection.execute(theirs).first()
    if row is None:
        return underway.differs(message, {"deleted": True})
    person = PEOPLE.of(row)
    return underway.newer(message, person.version) or underway.differs(message, messages.state(person))


SAYS: Mapping[str, Says] = {messages.topic(service): _of_person for service in messages.RECEIVERS}
"""What is wrong with each kind of message that is yet to be delivered."""


def wrong(connection: Connection) -> Iterator[Wrong]:
    """What is wrong in this database."""
    yield from verify.references(connection, ENTITIES)
    yield from verify.ids(connection, [Member])
    yield from verify.stuck(connection)
    yield from underway.wrong(connection, SAYS)
    yield from verify.history(connection, KINDS)
    accounts = {(row.workspace_id, row.id) for row in connection.execute(select(Account.workspace_id, Account.id))}
    for (workspace_id,) in connection.execute(select(Workspace.id)):
        if (workspace_id, workspace_id) not in accounts:
            yield Wrong(workspace_id, "accounts", "the first one, which has the workspace's own id, is missing")
    columns = (Member.workspace_id, Member.id, Member.deleted)
    members = {(row.workspace_id, row.id): row for row in connection.execute(select(*columns))}
    for keys in verify.batches(connection, Rows(ApiKey)):
        told = verify.last_told(connection, ApiKey.SUBJECT, [key.id for key in keys])
        for key in keys:
            mine = {account for workspace_id, account in accounts if workspace_id == key.workspace_id}
            faults = _faults(key, mine, members.get((key.workspace_id, key.member_id)))
            for what in (*faults, *_secrets(key, told.get((key.workspace_id, key.id)))):
                yield Wrong(key.workspace_id, f"key {key.id}", what)


def _secrets(key: ApiKey, told: Told | None) -> Iterator[str]:
    """Secrets that are not those that the history tells of; it is silent of those from before it told of any."""
    if told is None or "secret" not in told.last:
        return
    if secret.told(key.digest) != told.last["secret"]:
        yield "its secret is another than the history tells of"
    if (secret.told(key.older_digest) if key.older_digest else None) != told.before["secret"]:
        yield "its secret before that is another than the history tells of"


def _faults(key: ApiKey, accounts: set[str], member: object) -> Iterator[str]:
    if unknown := sorted(set(key.scopes) - set(KNOWN)):
        yield f"it has a scope that there is not: {', '.join(unknown)}"
    if lost := sorted(set(key.account_ids or ()) - accounts):
        yield f"it is for an account that the workspace has not: {', '.join(lost)}"
    if key.revoked_at is None and getattr(member, "deleted", False):
        yield "it is valid, and its member is gone"
