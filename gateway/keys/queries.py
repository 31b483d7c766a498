"""What can be asked of keys: whose one is, and which there are."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from gateway.keys import secret
from gateway.keys.models import Account, ApiKey, Workspace
from shared.caller import Caller
from shared.db import Database, now


@dataclass(frozen=True, slots=True)
class Found:
    """On whose behalf a key calls, and until when it may."""

    caller: Caller
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A key as it may be shown."""

    shown: str
    workspace: str
    scopes: tuple[str, ...]
    account_ids: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    older_until: datetime | None  # until when the secret before the last rotation is valid, too


def find(db: Database, key_secret: str, key: str) -> Found | None:
    """Whose key this is; None when it is unknown, revoked or expired."""
    if not secret.well_formed(key):
        return None
    asked = secret.digest(key, key_secret)
    alike = select(ApiKey, Workspace).join(Workspace, Workspace.id == ApiKey.workspace_id)
    with db.read() as session:
        for row, home in session.execute(alike.where(ApiKey.prefix == secret.shown(key))).all():
            if is_of(row, asked) and not over(row, now()):
                every = (
                    select(Account.id).where(Account.workspace_id == home.id).order_by(Account.created_at, Account.id)
                )
                ends = (row.expires_at, None if secret.same(row.digest, asked) else row.older_until)
                until = min((end for end in ends if end), default=None)
                return Found(_caller(row, home, tuple(session.scalars(every))), until)
    return None


def listing(db: Database) -> list[Listed]:
    """Every key there is, oldest first."""
    with db.read() as session:
        rows = session.execute(
            select(ApiKey, Workspace)
            .join(Workspace, Workspace.id == ApiKey.workspace_id)
            .order_by(ApiKey.created_at, ApiKey.id)
        ).all()
    return [
        Listed(
            shown=key.prefix,
            workspace=home.name,
            scopes=tuple(key.scopes),
            account_ids=_accounts(key),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
            older_until=key.older_until,
        )
        for key, home in rows
    ]


def is_of(key: ApiKey, digest: str) -> bool:
    """Whether a secret of that digest is the key's: the one it has, or the one before, for as long as that is valid."""
    older = key.older_digest is not None and key.older_until is not None and now() < key.older_until
    return secret.same(key.digest, digest) or (older and secret.same(key.older_digest or "", digest))


def over(key: ApiKey, moment: datetime) -> bool:
    """Whether it is revoked or expired."""
    return key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= moment)


def _accounts(key: ApiKey) -> tuple[str, ...] | None:
    return None if key.account_ids is None else tuple(key.account_ids)


def _caller(key: ApiKey, home: Workspace, accounts: tuple[str, ...]) -> Caller:
    limited = _accounts(key)
    return Caller(
        workspace_id=home.id,
        company_id=home.company_id,
        account_id=limited[0] if limited else home.id,
        account_ids=limited,
        accounts=accounts if limited is None else limited,
        member_id=key.member_id,
        key_id=key.id,
        scopes=tuple(key.scopes),
        currency=home.currency,
        time_zone=home.time_zone,
    )
