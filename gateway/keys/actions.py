"""What can be done with keys: make one (and the workspace, account and member it needs), rotate one, revoke one.

`issue`, `rotate` and `revoke` are the command line's, and name things as it does; the steps are also `gateway.admin`'s.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import available_timezones

from marshmallow import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.keys import queries, secret
from gateway.keys.models import Account, ApiKey, Member, Workspace
from gateway.keys.scopes import READING, checked
from gateway.people import messages
from gateway.people import queries as people
from gateway.people.actions import add
from shared import audit
from shared.caller import Caller
from shared.currencies import EXPONENT
from shared.db import Database, insert, new_id, now, upsert
from shared.errors import Conflict, Invalid, NotFound, Refused
from shared.fields import plain_text
from shared.lengths import NAME
from shared.rows import Rows

KEYS, WORKSPACES, ACCOUNT = Rows(ApiKey), Rows(Workspace), Rows(Account)

ACCOUNTS = 100
"""How many accounts a workspace may have: every signed caller carries their names."""

BY_HAND = "gateway.keys"
"""Whose key the history names where there was none: this command's."""


@dataclass(frozen=True, slots=True)
class Person:
    """A member as the one who makes a key calls them."""

    first_name: str
    last_name: str
    email: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh key, the only time it is seen, and where it works."""

    key: str
    workspace_id: str
    account_id: str
    company_id: int


def issue(
    db: Database,
    key_secret: str,
    workspace: str,
    *,
    account: str | None = None,
    member: Person | None = None,
    scopes: Iterable[str] = READING,
    expires_at: datetime | None = None,
    currency: str | None = None,
    time_zone: str | None = None,
) -> Issued:
    """Make a key for the workspace of that name, which is made when new. With `account` it opens that account only.

    A new workspace counts in `currency` (USD) and has its days in `time_zone` (UTC); one that there is keeps its own.

    Raises:
        Invalid: an unknown scope, currency or time zone, an account that is not a UUID, or a name that is empty, too
            long, or has control characters in it.
        Refused: the account is another workspace's or one too many, or the workspace has another currency or time zone.
    """
    allowed, wanted = checked(scopes), _uuid(account)
    _check_currency(currency)
    _check_time_zone(time_zone)
    check_names(member)
    with db.write() as session:
        home = _workspace(session, workspace, currency, time_zone)
        us = by_hand(home.id)
        if wanted:
            claim_account(session, us, wanted)
        _, key = add_key(
            session,
            us,
            key_secret,
            member_id=member_of(session, us, member).id,
            scopes=allowed,
            account_ids=[wanted] if wanted else None,
            expires_at=expires_at,
        )
        return Issued(key, home.id, wanted or home.id, home.company_id)


def revoke(db: Database, key_secret: str, key: str) -> str:
    """Revoke a key, named whole or by the part that is shown; revoking twice is fine. Its shown part.

    Raises:
        NotFound: there is no such key.
        Conflict: several keys show that part; name the whole key.
    """
    with db.write() as session:
        found = _named(session, key_secret, key)
        end(session, by_hand(found.workspace_id), found)
        return found.prefix


def rotate(db: Database, key_secret: str, key: str, overlap: timedelta) -> str:
    """Give a key, named as `revoke` has it, a fresh secret; the one it had is valid for `overlap` yet. The new key.

    Raises:
        NotFound, Conflict: as `revoke`.
        Refused: the key is revoked or expired.
    """
    with db.write() as session:
        found = _named(session, key_secret, key)
        return renew(session, by_hand(found.workspace_id), key_secret, found, overlap)


# Steps, each in the transaction of whoever takes it


def add_key(
    session: Session,
    us: Caller,
    key_secret: str,
    *,
    member_id: int,
    scopes: list[str],
    account_ids: list[str] | None,
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    """A new key, and what is shown of it once."""
    key_id = new_id()
    key = secret.new_key(key_id)
    made = KEYS.new(
        id=key_id,
        workspace_id=us.workspace_id,
        member_id=member_id,
        prefix=secret.shown(key),
        digest=secret.digest(key, key_secret),
        version=1,
        scopes=scopes,
        account_ids=account_ids,
        expires_at=expires_at,
        created_at=now(),
    )
    audit.record(session, us, "created", made, {"secret": [None, secret.told(made.digest)]})
    insert(session, made)
    return made, key


def renew(session: Session, us: Caller, key_secret: str, key: ApiKey, overlap: timedelta) -> str:
    """Give a locked key a fresh secret, the one it had being valid for `overlap` yet; one before that is not any more.

    Raises:
        Refused: the key is revoked or expired.
    """
    moment = now()
    if queries.over(key, moment):
        raise Refused("A key that is revoked or expired cannot be rotated")
    fresh = secret.new_key(key.id)
    key.older_digest, key.older_until = key.digest, moment + overlap
    key.digest = secret.digest(fresh, key_secret)
    audit.record(session, us, "rotated", key, {"secret": [secret.told(key.older_digest), secret.told(key.digest)]})
    session.flush()
    return fresh


def end(session: Session, us: Caller, key: ApiKey) -> None:
    """Revoke a locked key; one that is revoked stays as it is."""
    if key.revoked_at is None:
        key.revoked_at = now()
        audit.record(session, us, "revoked", key)
        session.flush()


def add_workspace(
    session: Session, name: str, currency: str | None, time_zone: str | None, us: Caller | None = None
) -> Workspace | None:
    """A new workspace with its first account; None when there is one of that name. `us`: who makes it, if told.

    Raises:
        Invalid: its name is empty or too long.
    """
    if not name.strip() or len(name) > NAME:
        raise Invalid("A workspace's name has 1 to 255 characters")
    made = WORKSPACES.new(
        id=new_id(), name=name, currency=currency or "USD", time_zone=time_zone or "UTC", created_at=now()
    )
    if not insert(session, made, unless=("name",)):
        return None
    us = replace(us, workspace_id=made.id) if us else by_hand(made.id)
    audit.record(session, us, "created", made)
    claim_account(session, us, made.id)
    return made


def claim_account(session: Session, us: Caller, account_id: str) -> None:
    """See to it that the account exists, in this workspace.

    Raises:
        Refused: it is another workspace's, or one too many.
    """
    made = ACCOUNT.new(id=account_id, workspace_id=us.workspace_id, created_at=now())
    fresh = upsert(session, Account).values(vars(made)).on_conflict_do_nothing(index_elements=["id"])
    if session.scalar(fresh.returning(Account.id)):
        audit.record(session, us, "created", made)
    if session.scalars(select(Account.workspace_id).where(Account.id == account_id)).one() != us.workspace_id:
        raise Refused("That account is another workspace's")
    if (session.scalar(select(func.count()).where(Account.workspace_id == us.workspace_id)) or 0) > ACCOUNTS:
        raise Refused(f"A workspace has at most {ACCOUNTS} accounts")


def member_of(session: Session, us: Caller, person: Person | None) -> Member:
    """The member with that e-mail address, made when new; without a person, the workspace's first one."""
    people.lock_workspace(session, us.workspace_id)
    first = people.first(session, us.workspace_id)
    if known := people.named_by(session, us.workspace_id, person.email) if person else first:
        return known
    made = add(session, us, asdict(person or Person("Owner", "", "")), role="member" if first else "owner")
    messages.tell(session, made, at_once=False)  # the relay will: nobody waits for it
    return made


def by_hand(workspace_id: str) -> Caller:
    """Who the command line is to the history."""
    return Caller(workspace_id=workspace_id, key_id=BY_HAND)


def _named(session: Session, key_secret: str, key: str) -> ApiKey:
    alike = select(ApiKey).where(ApiKey.prefix == secret.shown(key)).with_for_update()
    found = session.scalars(alike).all()
    if key != secret.shown(key):
        asked = secret.digest(key, key_secret)
        found = [each for each in found if queries.is_of(each, asked)]
    if not found:
        raise NotFound("There is no such key")
    if len(found) > 1:
        raise Conflict("Several keys begin like that; name the whole key")
    return found[0]


def _uuid(account: str | None) -> str | None:
    try:
        return str(UUID(account)) if account is not None else None
    except ValueError:
        raise Invalid(f"An account is a UUID, not {account!r}") from None


def _check_currency(code: str | None) -> None:
    if code is not None and code not in EXPONENT:
        raise Invalid(f"A currency is an ISO 4217 code such as USD, not {code!r}")


def _check_time_zone(name: str | None) -> None:
    if name is not None and name not in available_timezones():
        raise Invalid(f"A time zone is one of the IANA's such as Europe/Berlin, not {name!r}")


def check_names(member: Person | None) -> None:
    for name in asdict(member).values() if member else ():
        try:
            plain_text(name)
        except ValidationError:
            raise Invalid("A member's name and address have no control characters") from None
        if len(name) > NAME:
            raise Invalid(f"A member's names and address have at most {NAME} characters")


def _workspace(session: Session, name: str, currency: str | None, time_zone: str | None) -> Workspace:
    """The workspace of that name. Of two processes that make it at once, one does and both find it."""
    named = select(Workspace).where(Workspace.name == name)
    home = session.scalar(named) or add_workspace(session, name, currency, time_zone)
    return _agreeing(home or session.scalars(named).one(), currency, time_zone)


def _agreeing(home: Workspace, currency: str | None, time_zone: str | None) -> Workspace:
    """The workspace, when what is said of it is true."""
    if currency not in (None, home.currency):
        raise Refused(f"The workspace {home.name!r} has the currency {home.currency}, and keeps it")
    if time_zone not in (None, home.time_zone):
        raise Refused(f"The workspace {home.name!r} has the time zone {home.time_zone}, and keeps it")
    return home
