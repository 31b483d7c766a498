"""The whole product on one machine, as `make run` starts it: settings, databases, a demo key; then `deploy.supervise`.

Everything is kept in `VAR` (./var), unless DATABASE_URL names a PostgreSQL database: that one is the gateway's, and the
services have theirs beside it, called <name>_invoices and so on. Databases that are missing are made.

What is wrong in the environment is said before anything is started, in one line.
"""

import os
import re
import secrets
import socket
import sys
from itertools import count
from pathlib import Path

from deploy import places
from deploy.parts import PARTS, SERVICES, settings_of
from gateway import laptop
from gateway.keys import actions, queries
from gateway.keys.scopes import SCOPES
from shared import migrate, python
from shared.db import Database

DEMO = "demo"


def main() -> None:
    """Prepare, and become the supervisor of the five processes."""
    python.check()
    os.umask(0o077)  # what is kept here is nobody else's business
    var = _folder()
    os.environ.update(_environment(var))
    for name in PARTS:
        settings_of(name)
    _check_ports()
    for name, part in PARTS.items():
        _bring_up_to_date(os.environ[f"{name.upper()}_DATABASE_URL"], part.migrations)
    _introduce(var)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "deploy.supervise"])  # noqa: S606


def _folder() -> Path:
    var = laptop.folder().resolve()
    try:
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as why:
        raise SystemExit(f"VAR: {var} cannot be made: {why.strerror}") from None
    return var


def _environment(var: Path) -> dict[str, str]:
    """What the processes are told; what the user has set stays as it is."""
    port = _number("PORT", os.environ.get("PORT") or "8000", most=65535 - len(SERVICES))
    told = {"VAR": str(var), "HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    told["CALLER_SECRET"] = laptop.secret(var, "caller-secret")
    told["KEY_SECRET"] = laptop.secret(var, "key-secret")
    told["HISTORY_KEY"] = laptop.secret(var, "history-key")
    told |= {f"{name.upper()}_DATABASE_URL": url for name, url in places.databases(var).items()}
    for number, name in enumerate(SERVICES, start=1):
        told[f"{name.upper()}_PORT"] = str(port + number)
        told[f"{name.upper()}_URL"] = f"http://127.0.0.1:{port + number}"
    told["PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    told["RECEIPTS_URL"] = places.receipts(var)
    told["MAIL_FOLDER"] = str(var / "mail")
    return told | {name: os.environ[name] for name in told.keys() - {"VAR"} if os.environ.get(name)}


def _number(variable: str, value: str, *, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", value, re.ASCII) or not 1 <= int(value) <= most:
        raise SystemExit(f"{variable} must be a number from 1 to {most}")
    return int(value)


def _check_ports() -> None:
    for name in PARTS:
        variable = f"{name.upper()}_PORT"
        port = _number(variable, os.environ[variable], most=65535)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise SystemExit(
                    f"Port {port} is in use. Choose another with PORT=...; four in a row are needed."
                ) from None


def _bring_up_to_date(url: str, history: Path) -> None:
    db = Database(url, threads=1)
    if db.url.get_backend_name() == "postgresql":
        places.make_sure_of(db.url)
    migrate.upgrade(db, history)
    db.close()


def _introduce(var: Path) -> None:
    """On an empty data folder: make the workspace `demo`, and show its key, this once."""
    kept = var / "demo-key"
    db = Database(os.environ["GATEWAY_DATABASE_URL"], threads=1)
    fresh = not queries.listing(db)
    where = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    if fresh:
        made = actions.issue(db, os.environ["KEY_SECRET"], DEMO, scopes=SCOPES)
        older = _put_aside(kept)
        _write_privately(kept, made.key)
        said = [f"The key of another database that was there is now in {older}."] if older else []
        said += [
            f"Your key for the workspace `{DEMO}`, shown this once and kept in {kept}:",
            f"    {made.key}",
            f"Its accountId, in `accounts`: {made.account_id}; its company_id, in `approvals`: {made.company_id}.",
            "Try it:",
            f"    curl {where}/v1/dev/finance/invoices -H 'Authorization: Bearer {made.key}'",
        ]
        sys.stdout.write("\n".join(said) + "\n")
    sys.stdout.write(f"Countinghouse is on {where}, its documentation on {where}/docs. Ctrl-C ends it.\n")
    db.close()


def _put_aside(kept: Path) -> Path | None:
    """Give a file that is there another name, which no file has yet: `.old`, then `.old2`, ..."""
    if not kept.exists():
        return None
    names = (kept.with_name(f"{kept.name}.old{number if number > 1 else ''}") for number in count(1))
    older = next(name for name in names if not name.exists())
    return kept.rename(older)


def _write_privately(file: Path, words: str) -> None:
    """Whole or not at all, for the owner's eyes only."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(words + "\n")
    draft.replace(file)


if __name__ == "__main__":
    main()
