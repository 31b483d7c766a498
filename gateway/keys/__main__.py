"""The command line: `python -m gateway.keys create|rotate|revoke|list`.

It finds the database and the secret as the gateway does (DATABASE_URL, KEY_SECRET), or where a laptop keeps them. It
may run while the gateway runs, and on an empty folder.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import typer

from gateway import laptop
from gateway.keys import HISTORY, actions, queries
from gateway.keys.actions import Person
from gateway.keys.scopes import KNOWN, READING
from shared import python
from shared.config import SECRET_BYTES, is_secret
from shared.db import Database, now
from shared.errors import ApiError
from shared.migrate import upgrade

UNITS = {"d": "days", "h": "hours", "m": "minutes"}

MINUTE = "%Y-%m-%d %H:%M UTC"

_SPAN = re.compile(r"([1-9][0-9]{0,4})([dhm])", re.ASCII)
_PERSON = re.compile(r"(?P<first>[^<>\s]+)(?:\s+(?P<last>[^<>]*[^<>\s]))?\s*<(?P<email>[^<>\s@]+@[^<>\s@]+)>")

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="API keys.")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@cli.command()
def create(
    workspace: Annotated[str, typer.Option(help="The workspace's name; it is made when new.")],
    account: Annotated[str | None, typer.Option(help="The only account (a UUID) that the key opens.")] = None,
    member: Annotated[str | None, typer.Option(help='Whose key it is: "First Last <mail>".')] = None,
    scopes: Annotated[str, typer.Option(help=f"What it may do, by commas: {', '.join(KNOWN)}.")] = ",".join(READING),
    expires: Annotated[str | None, typer.Option(help="How long it works: 30d, 12h, 45m.")] = None,
    currency: Annotated[str | None, typer.Option(help="A new workspace's currency, ISO 4217: USD.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="A new workspace's time zone, IANA: UTC.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, this once."""
    person, expires_at = _person(member), _expiry(expires)
    with _database() as db:
        made = actions.issue(
            db,
            _key_secret(),
            workspace,
            account=account,
            member=person,
            scopes=[scope.strip() for scope in scopes.split(",") if scope.strip()],
            expires_at=expires_at,
            currency=currency,
            time_zone=time_zone,
        )
    if as_json:
        typer.echo(json.dumps(asdict(made)))
        return
    typer.echo(made.key)
    typer.echo(f"For {workspace}, account {made.account_id}. It is not shown again.", err=True)


@cli.command()
def revoke(key: Annotated[str, typer.Argument(help="The key, or the part of it that `list` shows.")]) -> None:
    """Make a key useless, within a second."""
    with _database() as db:
        typer.echo(f"revoked {actions.revoke(db, _key_secret(), key)}")


@cli.command()
def rotate(
    key: Annotated[str, typer.Argument(help="The key, or the part of it that `list` shows.")],
    overlap: Annotated[
        str, typer.Option(help="How long the secret it has still works: 7d, 12h, 45m; 0: not at all.")
    ] = "7d",
) -> None:
    """Give a key a fresh secret and show it, this once."""
    span = timedelta() if overlap == "0" else _span(overlap, "--overlap")
    with _database() as db:
        typer.echo(actions.rotate(db, _key_secret(), key, span))
    typer.echo(f"The one before ends {f'in {overlap}' if span else 'now'}. It is not shown again.", err=True)


@cli.command("list")
def show(as_json: AsJson = False) -> None:
    """Show every key there is: its visible part, when it was used last, what it may do; never the key."""
    with _database() as db:
        keys = queries.listing(db)
    if as_json:
        typer.echo(json.dumps([asdict(key) for key in keys], default=datetime.isoformat))
        return
    for key in keys:
        where = ",".join(key.account_ids or ("all accounts",))
        typer.echo(f"{key.shown}  {_state(key)}  {key.workspace}  {where}  {','.join(key.scopes)}  {_used(key)}")


@contextmanager
def _database() -> Iterator[Database]:
    """The gateway's database, brought up to date. What goes wrong is one line, not a traceback."""
    os.umask(0o077)  # what is made here is nobody else's business
    db = Database(os.environ.get("DATABASE_URL") or laptop.database_url(laptop.folder(), "gateway"), threads=1)
    try:
        upgrade(db, HISTORY)
        yield db
    except ApiError as refusal:
        raise _refused(str(refusal)) from None
    finally:
        db.close()


def _key_secret() -> str:
    known = os.environ.get("KEY_SECRET") or laptop.secret(laptop.folder(), "key-secret")
    if not is_secret(known):  # the gateway would not start with it, so would not know the key
        raise _refused(f"KEY_SECRET has fewer than {SECRET_BYTES} bytes")
    return known


def _person(member: str | None) -> Person | None:
    if member is None:
        return None
    named = _PERSON.fullmatch(member.strip())
    if named is None:
        raise _refused(f'a member is "First Last <mail>", not {member!r}')
    return Person(named["first"], named["last"] or "", named["email"])


def _expiry(span: str | None) -> datetime | None:
    if span is None:
        return None
    return now() + _span(span, "--expires")


def _span(written: str, option: str) -> timedelta:
    parts = _SPAN.fullmatch(written)
    if parts is None:
        raise _refused(f"{option} is a number with d, h or m, as in 30d, 12h or 45m, not {written!r}")
    return timedelta(**{UNITS[parts[2]]: int(parts[1])})


def _state(key: queries.Listed) -> str:
    if key.revoked_at:
        return "revoked"
    said = "valid" if key.expires_at is None else _until(key.expires_at)
    if said != "expired" and key.older_until and key.older_until > now():
        return f"{said}, its older secret {_until(key.older_until)}"
    return said


def _until(end: datetime) -> str:
    return "expired" if end <= now() else f"valid until {end:{MINUTE}}"


def _used(key: queries.Listed) -> str:
    return f"used {key.last_used_at:{MINUTE}}" if key.last_used_at else "never used"


def _refused(why: str) -> typer.Exit:
    sys.stderr.write(f"gateway.keys: {why}\n")
    return typer.Exit(2)


if __name__ == "__main__":
    python.check()
    cli(prog_name="python -m gateway.keys")
