"""Copies: made of one moment, put back into either kind of database, and refused when they are not whole."""

import gzip
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from deploy import places
from deploy.copies import manifest
from deploy.copies.backup import backup
from deploy.copies.restore import restore
from deploy.parts import PARTS
from shared import migrate, schema
from shared.db import Database, now, with_driver
from shared.outbox import Outbox
from tests.product import wait_until

from .conftest import Empty, live_in
from .house import FINANCE, PDF, Furnished, House, furnish, opened


@pytest.fixture
def lived_in(house: House) -> Furnished:
    """There is some of everything in the house."""
    return furnish(house)


@pytest.fixture
def copy(house: House, lived_in: Furnished, tmp_path: Path) -> Path:
    """A copy of it."""
    (tmp_path / "var" / "key-secret").write_text("k" * 32)
    backup(str(tmp_path / "copy"))
    return tmp_path / "copy"


@pytest.fixture(params=["sqlite", "postgresql"])
def other(
    request: pytest.FixtureRequest, house: House, copy: Path, empty: Empty, tmp_path: Path, monkeypatch: Any
) -> Iterator[House]:
    """Another house, into which the copy was put back: on each database, whichever it was made on."""
    moved = House(empty(request.param), tmp_path / "other", house.workspace, {}, {})
    live_in(moved, monkeypatch)
    restore(str(copy))
    again = opened(moved.urls, moved.folder, house.workspace)
    yield again
    again.close()


def digests(copy: Path) -> dict[str, str]:
    """What tells the rows of each table, and the receipts, from any others; but not how far ids were counted up."""
    said = manifest.read(copy)
    tables = {f"{name}.{table}": rows for name, each in said.databases.items() for table, rows in each.tables.items()}
    return {name: rows.sha256 for name, rows in tables.items() if not name.endswith(".last_ids")} | dict(said.files)


def test_what_is_put_back_is_what_was_copied_and_goes_on_from_there(
    house: House, lived_in: Furnished, copy: Path, other: House, tmp_path: Path
) -> None:
    backup(str(tmp_path / "again"))
    assert digests(tmp_path / "again") == digests(copy)
    invoice = f"{FINANCE}/invoices/{lived_in.invoice['id']}"
    for service, path in (
        ("invoices", invoice),
        ("invoices", f"{invoice}/history"),
        ("invoices", f"/invoices/{lived_in.bill}.json"),
        ("budgets", f"{FINANCE}/budgets/{lived_in.budget['id']}"),
        ("expenses", f"{FINANCE}/expenses"),
    ):
        assert other.clients[service].get(path).json == house.clients[service].get(path).json
    receipt = other.clients["expenses"].get(f"{FINANCE}/expenses/{lived_in.expense['id']}/receipt")
    assert receipt.data == PDF
    assert (other.folder / "key-secret").read_text() == "k" * 32

    for name, statement in (("budgets", "UPDATE audit SET action = 'x'"), ("gateway", "DELETE FROM audit")):
        with pytest.raises(DBAPIError, match="the history cannot be changed"):
            other.sql(name, statement)
    highest = house.one("expenses", "SELECT max(id) FROM expenses")
    made = other.made("expenses", "expenses", amount=1)
    assert other.one("expenses", "SELECT id FROM expenses WHERE uuid = :uuid", uuid=made["id"]) == highest + 1001
    known = "SELECT last FROM last_ids WHERE kind = 'invoices' AND workspace_id = :home"
    assert (
        other.one("invoices", known, home=house.workspace) == house.one("invoices", known, home=house.workspace) + 1000
    )


LATER = datetime(2099, 1, 1, tzinfo=UTC)


def test_what_was_in_somebodys_hands_is_in_nobodys_after_a_restore_and_due_at_once(
    house: House, empty: Empty, tmp_path: Path, monkeypatch: Any
) -> None:
    whose = {"leased": (False, LATER), "armed": (True, None), "waiting": (False, None)}
    told: dict[str, Any] = {"workspace_id": house.workspace, "topic": "topic", "version": 1, "body": {}}
    told |= {"due_at": LATER, "attempts": 1, "request_id": "r"}
    with house.dbs["expenses"].write() as session:
        for key, (armed, leased) in whose.items():
            session.add(Outbox(**told, key=key, armed=armed, leased_until=leased))
    backup(str(tmp_path / "copy"))
    moved = House(empty("sqlite"), tmp_path / "other", house.workspace, {}, {})
    live_in(moved, monkeypatch)
    restore(str(tmp_path / "copy"))
    with closing(Database(moved.urls["expenses"])) as db, db.read() as session:
        found = {each.key: each for each in session.scalars(select(Outbox))}
        assert {key: (each.armed, each.leased_until) for key, each in found.items()} == dict.fromkeys(
            whose, (False, None)
        )
        assert {key: each.due_at <= now() for key, each in found.items()} == {
            "leased": True,
            "armed": True,
            "waiting": False,
        }


def test_a_copy_needs_a_folder_of_its_own(house: House, copy: Path) -> None:
    with pytest.raises(SystemExit, match="is not empty: a copy has a folder of its own"):
        backup(str(copy))


def test_a_copy_that_is_not_whole_is_refused(house: House, copy: Path, empty: Empty, monkeypatch: Any) -> None:
    urls = empty("sqlite")
    live_in(House(urls, house.folder.with_name("other"), "", {}, {}), monkeypatch)
    for pattern in ("budgets/spends.gz", "receipts.gz", "receipts/*/*", "key-secret", "manifest.json"):
        file = next(copy.glob(pattern))
        whole = file.read_bytes()
        file.write_bytes(whole[:-9] + bytes(9))
        damaged = "is not as it was written" if pattern != "manifest.json" else "manifest.json is damaged"
        refused(copy, damaged, urls)
        file.unlink()
        missing = f"{file} is missing" if pattern != "manifest.json" else "it has no manifest.json"
        refused(copy, missing, urls)
        file.write_bytes(whole)
    restore(str(copy))


def refused(copy: Path, why: str, urls: dict[str, str]) -> None:
    """It is not put back, and nothing is made."""
    with pytest.raises(SystemExit) as refusal:
        restore(str(copy))
    assert why in str(refusal.value)
    assert not any(Path(url.removeprefix("sqlite:///")).exists() for url in urls.values())


def test_a_copy_of_a_newer_revision_is_refused(house: House, copy: Path, empty: Empty, monkeypatch: Any) -> None:
    said = manifest.read(copy)
    newer = replace(said, databases={**said.databases, "budgets": replace(said.databases["budgets"], revision="9999")})
    manifest.write(copy, newer)
    urls = empty("sqlite")
    live_in(House(urls, house.folder.with_name("other"), "", {}, {}), monkeypatch)
    refused(copy, "The copy is too new: its database budgets is of revision 9999", urls)


def test_a_copy_is_not_put_into_a_database_that_holds_anything(house: House, copy: Path) -> None:
    with pytest.raises(SystemExit, match="gateway: the database is not empty"):
        restore(str(copy))


def test_a_copy_of_an_older_revision_is_put_back_and_migrated(
    backend: str, empty: Empty, tmp_path: Path, monkeypatch: Any
) -> None:
    older = House(empty(backend), tmp_path / "var", "", {}, {})
    live_in(older, monkeypatch)
    for name, part in PARTS.items():
        if backend == "postgresql":
            places.make_sure_of(with_driver(older.urls[name]))
        with closing(Database(older.urls[name], threads=1)) as db:
            migrate.upgrade(db, part.migrations, "0001")
    backup(str(tmp_path / "copy"))
    later = House(empty(backend), tmp_path / "var", "", {}, {})
    live_in(later, monkeypatch)
    restore(str(tmp_path / "copy"))
    for name, part in PARTS.items():
        with closing(Database(later.urls[name], threads=1)) as db:
            assert schema.current(db, part.migrations)


def test_a_copy_made_while_clients_write_is_of_one_moment(house: House, lived_in: Furnished, tmp_path: Path) -> None:
    stop, budget = threading.Event(), lived_in.budget["id"]

    def write() -> int:
        done = 0
        while not stop.is_set():
            house.made("expenses", "expenses", amount=0.01, budget_id=budget)
            done += 1
        return done

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write) for _ in range(2)]
        wait_until(lambda: house.one("expenses", "SELECT count(*) FROM expenses") > 5)
        backup(str(tmp_path / "copy"))
        stop.set()
        assert all(writer.result() for writer in writers)
    there = lines_of(tmp_path / "copy" / "expenses" / "expenses.gz")
    expenses = {each["uuid"] for each in there if each["budget_id"]}
    spends = {each["expense_id"] for each in lines_of(tmp_path / "copy" / "budgets" / "spends.gz") if each["budget_id"]}
    under_way = {each["key"] for each in lines_of(tmp_path / "copy" / "expenses" / "outbox.gz")}
    assert expenses ^ spends <= under_way
    assert len(expenses) > 5


def lines_of(file: Path) -> list[dict[str, Any]]:
    """The rows of a table in a copy."""
    with gzip.open(file) as rows:
        return [json.loads(row) for row in rows]
