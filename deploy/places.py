"""Where the product keeps what must not be lost: the databases and the receipts.

Each has a variable of its own (`INVOICES_DATABASE_URL`, ..., `RECEIPTS_URL`). What is not set is beside DATABASE_URL,
which is the gateway's, or else in VAR (./var).
"""

import os
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError

from deploy.parts import PARTS
from gateway import laptop
from shared.config import is_database_url
from shared.db import with_driver


def databases(var: Path) -> dict[str, str]:
    """The URL of each part's database. Raises SystemExit when DATABASE_URL is not valid."""
    url = _given()
    return {name: os.environ.get(f"{name.upper()}_DATABASE_URL") or _beside(url, var, name) for name in PARTS}


def receipts(var: Path) -> str:
    """The URL of the receipts. Each database has its own folder: what it does not name, it sweeps away."""
    return os.environ.get("RECEIPTS_URL") or _folder(_given(), var).as_uri()


def make_sure_of(url: URL) -> None:
    """Create the PostgreSQL database when it is missing. Raises SystemExit when there is no server."""
    probe = create_engine(url)
    try:
        probe.connect().close()
    except OperationalError as missing:
        if "does not exist" not in str(missing):
            raise SystemExit(f"PostgreSQL does not answer: {missing.orig}") from None
        server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{url.database}"'))
        server.dispose()
    finally:
        probe.dispose()


def _given() -> str | None:
    """DATABASE_URL, when it is set: it must name a database, beside which others can be."""
    url = os.environ.get("DATABASE_URL")
    if url and not (is_database_url(url) and with_driver(url).database):
        raise SystemExit("DATABASE_URL is not valid: it is postgresql://user@host/name, or sqlite:////folder/name.db")
    return url or None


def _beside(url: str | None, var: Path, name: str) -> str:
    """The gateway's database is the one that is given; that of a service is next to it."""
    if not url:
        return laptop.database_url(var, name)
    if name == "gateway":
        return url
    gateways = with_driver(url)
    beside = f"{gateways.database}_{name}"
    if gateways.get_backend_name() == "sqlite":
        file = Path(gateways.database or "gateway.db")
        beside = str(file.with_name(f"{file.stem}_{name}{file.suffix}"))
    return gateways.set(database=beside).render_as_string(hide_password=False)


def _folder(url: str | None, var: Path) -> Path:
    if not url:
        return var / "receipts"
    database = with_driver(url)
    name = database.database or ""
    return var / f"receipts-{quote(Path(name).stem if database.get_backend_name() == 'sqlite' else name, safe='')}"
