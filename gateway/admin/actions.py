"""What can be done with keys and workspaces over HTTP. The steps are the command line's (`gateway.keys.actions`).

A key never gets what its maker has not: the workspace, its accounts, scopes that the maker holds, and no more time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.admin.queries import owned
from gateway.keys.actions import Person, add_key, add_workspace, end, member_of, renew
from gateway.keys.models import Account, ApiKey, Workspace
from gateway.keys.scopes import READING, SCOPES, checked
from gateway.people import queries as people
from shared.caller import Caller
from shared.db import Database, now
from shared.errors import Forbidden, Invalid, Refused
from shared.versions import IfMatch

GIVEN = SCOPES
"""What a key can be given over HTTP: `operator` is for the command line to give."""

LONGEST = timedelta(days=36_500)
"""How far ahead a key may expire."""


@dataclass(frozen=True, slots=True)
class Made:
    """A key, and the secret that is shown once."""

    key: ApiKey
    secret: str


def create_key(db: Database, caller: Caller, key_secret: str, facts: Mapping[str, Any]) -> Made:
    """Make a key of this workspace: `scopes` (reading), `account_ids` (all), `member_id` (the caller's), and
    `expires_at` (when the caller's key does).

    Raises:
        NotFound: there is no such person.
        Invalid: an end that is over, or too far away.
        Forbidden: a scope that the caller lacks, or an end after that of the caller's key.
        Refused: an account that is not the workspace's.
    """
    expires_at = facts.get("expires_at")
    _check_end(expires_at)
    scopes = checked(facts.get("scopes", READING))
    _check_holds(caller, scopes)
    with db.write() as session:
        people.lock_workspace(session, caller.workspace_id)  # nobody is deleted while they get a key
        member = people.owned(session, caller, facts.get("member_id") or caller.member_id)
        accounts = _accounts(session, caller, facts.get("account_ids"))
        key, secret = add_key(
            session,
            caller,
            key_secret,
            member_id=member.id,
            scopes=scopes,
            account_ids=accounts,
            expires_at=_end(session, caller, expires_at),
        )
        return Made(key, secret)


def rotate(db: Database, caller: Caller, key_secret: str, key_id: str, overlap: timedelta, expected: IfMatch) -> Made:
    """Give a key a fresh secret; the one it had is valid for `overlap` yet.

    Raises:
        NotFound, PreconditionFailed.
        Forbidden: it may do what the caller may not, or works for longer.
        Refused: it is revoked or expired.
    """
    with db.write() as session:
        key = _changeable(session, caller, key_id, expected)
        if _end(session, caller, key.expires_at) != key.expires_at:
            raise _outlived()
        return Made(key, renew(session, caller, key_secret, key, overlap))


def revoke(db: Database, caller: Caller, key_id: str, expected: IfMatch) -> None:
    """Make a key useless; one that is revoked stays so.

    Raises:
        NotFound, PreconditionFailed.
        Forbidden: it may do what the caller may not.
    """
    with db.write() as session:
        end(session, caller, _changeable(session, caller, key_id, expected))


def create_workspace(db: Database, caller: Caller, key_secret: str, facts: Mapping[str, Any]) -> tuple[Workspace, Made]:
    """Make a workspace with its owner, and a first key for all that can be done in it.

    Raises:
        Refused: there is one of that name.
    """
    with db.write() as session:
        home = add_workspace(session, facts["name"], facts.get("currency"), facts.get("time_zone"), caller)
        if home is None:
            raise Refused("There is a workspace of that name")
        us = replace(caller, workspace_id=home.id, member_id=None)  # who makes it is nobody there
        owner = facts.get("owner")
        member = member_of(session, us, Person(**owner) if owner else None)
        key, secret = add_key(
            session, us, key_secret, member_id=member.id, scopes=list(SCOPES), account_ids=None, expires_at=None
        )
        return home, Made(key, secret)


def _changeable(session: Session, caller: Caller, key_id: str, expected: IfMatch) -> ApiKey:
    key = owned(session, caller, key_id, lock=True)
    expected.check(key.etag)
    _check_holds(caller, key.scopes)
    return key


def _check_holds(caller: Caller, scopes: Collection[str]) -> None:
    if beyond := [scope for scope in scopes if not caller.may(scope)]:
        raise Forbidden(f"This API key lacks the scope {beyond[0]}")


def _check_end(expires_at: datetime | None) -> None:
    if expires_at is not None and not now() < expires_at < now() + LONGEST:
        raise Invalid(errors={"expires_at": ["Must be in the future, and within a hundred years."]})


def _end(session: Session, caller: Caller, asked: datetime | None) -> datetime | None:
    """When a key ends that the caller makes: never after the caller's own."""
    own = owned(session, caller, caller.key_id).expires_at
    if own is not None and asked is not None and asked > own:
        raise _outlived()
    return asked or own


def _outlived() -> Forbidden:
    return Forbidden("This API key expires before that one would")


def _accounts(session: Session, caller: Caller, asked: Collection[str] | None) -> list[str] | None:
    """The accounts asked for, each once; None: all, also those that will be."""
    if asked is None:
        return None
    wanted = list(dict.fromkeys(asked))
    theirs = select(Account.id).where(Account.workspace_id == caller.workspace_id, Account.id.in_(wanted))
    known = set(session.scalars(theirs))
    if missing := [account for account in wanted if account not in known]:
        raise Refused(f"There is no account {missing[0]}")
    return wanted
