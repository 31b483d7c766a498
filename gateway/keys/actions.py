"""What can be done with keys: make one (and the workspace, account and member it needs), and revoke one."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import available_timezones

from marshmallow import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.keys import secret
from gateway.keys.models import Account, ApiKey, Member, Workspace
from gateway.keys.scopes import SCOPES, checked
from gateway.people import messages, queries
from gateway.people.actions import add
from shared.caller import Caller
from shared.currencies import EXPONENT
from shared.db import Database, new_id, now, upsert
from shared.errors import Conflict, Invalid, NotFound, Refused
from shared.fields import plain_text
from shared.lengths import NAME

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
    scopes: Iterable[str] = SCOPES,
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
    _check_names(member)
    with db.write() as session:
        home = _workspace(session, workspace, currency, time_zone)
        if wanted:
            _claim_account(session, home, wanted)
        key_id = new_id()
        key = secret.new_key(key_id)
        session.add(
            ApiKey(
                id=key_id,
                workspace_id=home.id,
                member_id=_member(session, home, member).id,
                prefix=secret.shown(key),
                digest=secret.digest(key, key_secret),
                scopes=allowed,
                account_ids=[wanted] if wanted else None,
                expires_at=expires_at,
                created_at=now(),
            )
        )
        return Issued(key, home.id, wanted or home.id, home.company_id)


def revoke(db: Database, key_secret: str, key: str) -> str:
    """Revoke a key, named whole or by the part that is shown; revoking twice is fine. Its shown part.

    Raises:
        NotFound: there is no such key.
        Conflict: several keys show that part; name the whole key.
    """
    with db.write() as session:
        found = session.scalars(select(ApiKey).where(ApiKey.prefix == secret.shown(key))).all()
        if key != secret.shown(key):
            found = [each for each in found if secret.same(each.digest, secret.digest(key, key_secret))]
        if not found:
            raise NotFound("There is no such key")
        if len(found) > 1:
            raise Conflict("Several keys begin like that; name the whole key")
        found[0].revoked_at = found[0].revoked_at or now()
        return found[0].prefix


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


def _check_names(member: Person | None) -> None:
    for name in asdict(member).values() if member else ():
        try:
            plain_text(name)
        except ValidationError:
            raise Invalid("A member's name and address have no control characters") from None
        if len(name) > NAME:
            raise Invalid(f"A member's names and address have at most {NAME} characters")


def _workspace(session: Session, name: str, currency: str | None, time_zone: str | None) -> Workspace:
    """The workspace of that name. Of two processes that make it at once, one does and both find it."""
    if not name.strip() or len(name) > 255:
        raise Invalid("A workspace's name has 1 to 255 characters")
    named = select(Workspace).where(Workspace.name == name)
    if known := session.scalar(named):
        return _agreeing(known, currency, time_zone)
    told = {"currency": currency or "USD", "time_zone": time_zone or "UTC"}
    fresh = {"id": new_id(), "name": name, **told, "created_at": now()}
    session.execute(upsert(session, Workspace).values(fresh).on_conflict_do_nothing(index_elements=["name"]))
    made = session.scalars(named).one()
    _claim_account(session, made, made.id)
    return _agreeing(made, currency, time_zone)


def _agreeing(home: Workspace, currency: str | None, time_zone: str | None) -> Workspace:
    """The workspace, when what is said of it is true."""
    if currency not in (None, home.currency):
        raise Refused(f"The workspace {home.name!r} has the currency {home.currency}, and keeps it")
    if time_zone not in (None, home.time_zone):
        raise Refused(f"The workspace {home.name!r} has the time zone {home.time_zone}, and keeps it")
    return home


def _claim_account(session: Session, home: Workspace, account_id: str) -> None:
    """See to it that the account exists, in this workspace."""
    fresh = {"id": account_id, "workspace_id": home.id, "created_at": now()}
    session.execute(upsert(session, Account).values(fresh).on_conflict_do_nothing(index_elements=["id"]))
    if session.scalars(select(Account).where(Account.id == account_id)).one().workspace_id != home.id:
        raise Refused("That account is another workspace's")
    if (session.scalar(select(func.count()).where(Account.workspace_id == home.id)) or 0) > ACCOUNTS:
        raise Refused(f"A workspace has at most {ACCOUNTS} accounts")


def _member(session: Session, home: Workspace, person: Person | None) -> Member:
    """The member with that e-mail address, made when new; without a person, the workspace's first one."""
    queries.line_up(session, home.id)
    first = queries.first(session, home.id)
    if known := queries.named_by(session, home.id, person.email) if person else first:
        return known
    us = Caller(workspace_id=home.id, key_id=BY_HAND)
    made = add(session, us, asdict(person or Person("Owner", "", "")), role="member" if first else "owner")
    messages.tell(session, made)  # delivered by the relay
    return made
