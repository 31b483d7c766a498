"""What can be asked: the keys of a workspace, and all workspaces."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.keys import queries
from gateway.keys.models import ApiKey, Workspace
from shared.caller import Caller
from shared.db import Database, now
from shared.errors import NotFound
from shared.page import Page, Sorts, keyset

KEY_SORTS: Sorts = {"created_at": ApiKey.created_at}
WORKSPACE_SORTS: Sorts = {"created_at": Workspace.created_at, "name": Workspace.name}


def keys(db: Database, caller: Caller, *, sort: str, limit: int, cursor: str | None) -> Page[ApiKey]:
    """A page of the keys of a workspace, those that are revoked or expired included."""
    query = select(ApiKey).where(ApiKey.workspace_id == caller.workspace_id)
    with db.read() as session:
        return keyset(session, query, KEY_SORTS, ApiKey.id, sort=sort, limit=limit, cursor=cursor)


def find(db: Database, caller: Caller, key_id: str) -> ApiKey:
    """One key. Raises NotFound."""
    with db.read() as session:
        return owned(session, caller, key_id)


def owned(session: Session, caller: Caller, key_id: str, *, lock: bool = False) -> ApiKey:
    """One key of the caller's workspace, to be changed with `lock`. Raises NotFound."""
    query = select(ApiKey).where(ApiKey.workspace_id == caller.workspace_id, ApiKey.id == key_id)
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound
    return found


def state(key: ApiKey) -> str:
    """Whether a key works: `active`, `expired` or `revoked`."""
    if key.revoked_at:
        return "revoked"
    return "expired" if queries.over(key, now()) else "active"


def workspaces(db: Database, *, sort: str, limit: int, cursor: str | None) -> Page[Workspace]:
    """A page of all workspaces."""
    with db.read() as session:
        return keyset(
            session, select(Workspace), WORKSPACE_SORTS, Workspace.company_id, sort=sort, limit=limit, cursor=cursor
        )


def workspace(db: Database, workspace_id: str) -> Workspace:
    """One workspace. Raises NotFound."""
    with db.read() as session:
        found = session.scalar(select(Workspace).where(Workspace.id == workspace_id))
    if found is None:
        raise NotFound
    return found
