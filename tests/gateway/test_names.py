"""Names travel: whoever is made, renamed or deleted is so in the services too, whatever was away meanwhile."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.app import create_relay
from gateway.keys import HISTORY, actions
from gateway.keys.actions import Person
from gateway.keys.models import Member
from gateway.people import queries
from shared import migrate
from shared.caller import Caller
from shared.db import Database, now
from shared.errors import Invalid
from tests.gateway.office import ADA, KEY_SECRET, Office

SERVICES = ("invoices", "expenses")


def names(office: Office, number: int) -> list[str]:
    """What both services call a person."""
    return [office.name_in(service, number) for service in SERVICES]


def deliver(office: Office) -> int:
    """Let the relay deliver all that waits, however long it should wait; how many messages it tried."""
    relay = create_relay(office.settings, wire=office.wires)
    with relay.db.write() as session:
        session.execute(text("UPDATE outbox SET due_at = :past, leased_until = NULL"), {"past": now() - timedelta(1)})
    tried = 0
    while found := relay.run_once():
        tried += found
    relay.db.close()
    return tried


def test_a_new_name_is_known_in_both_services_at_once(office: Office) -> None:
    assert names(office, 1) == ["Owner "] * 2
    number = office.made()
    assert names(office, number) == ["Ada Byron"] * 2
    office.put(number, **{"last-name": "Lovelace"})
    assert names(office, number) == ["Ada Lovelace"] * 2
    office.delete(number)
    assert names(office, number) == ["Ada Lovelace"] * 2
    assert office.rows("outbox") == []


@pytest.mark.parametrize("away", [("invoices",), ("expenses",), SERVICES], ids="-".join)
def test_a_service_that_is_away_hears_of_it_later(office: Office, away: tuple[str, ...]) -> None:
    office.wires.away = set(away)
    number = office.made()
    office.put(number, **{"last-name": "Lovelace"})
    assert [name in away for name in SERVICES] == [name == " " for name in names(office, number)]
    assert [(row.topic, row.key, row.version) for row in sorted(office.rows("outbox"), key=lambda row: row.topic)] == [
        (f"person.{name}", f"{office.workspace_id}/{number}", 2) for name in sorted(away)
    ]
    office.wires.away = set()
    assert deliver(office) == len(away)
    assert names(office, number) == ["Ada Lovelace"] * 2
    assert office.rows("outbox") == []


def test_a_gateway_restored_from_an_older_copy_is_heard_above_what_is_known(office: Office) -> None:
    number = office.made()
    for last in ("Byron-King", "King", "Noel"):
        office.put(number, **{"last-name": last})
    with office.db.write() as session:
        session.execute(text("UPDATE members SET version = 1 WHERE id = :id"), {"id": number})
    office.put(number, **{"last-name": "Lovelace"})
    deliver(office)
    assert names(office, number) == ["Ada Lovelace"] * 2
    assert office.rows("outbox") == []
    office.put(number, **{"last-name": "Byron"})
    assert names(office, number) == ["Ada Byron"] * 2


def test_a_refused_change_is_told_to_nobody(office: Office) -> None:
    number = office.made()
    office.wires.away = set(SERVICES)
    assert office.post(**ADA | {"first-name": "Eve"}).status_code == 422
    assert office.put(number, **{"first-name": "Eve", "email-address": "nowhere"}).status_code == 400
    assert office.rows("outbox") == []
    assert names(office, number) == ["Ada Byron"] * 2


def test_a_request_that_is_repeated_tells_once(office: Office) -> None:
    number = office.made()
    body = {"person": {"last-name": "Lovelace"}}
    for _ in range(2):
        office.open("PUT", f"/people/{number}.json", json=body, headers={"Idempotency-Key": "k"})
    assert office.get(f"/people/{number}.json").headers["ETag"] == '"2"'
    assert names(office, number) == ["Ada Lovelace"] * 2


def test_who_is_made_by_the_command_line_is_told_by_the_relay(office: Office) -> None:
    office.issue(member=Person("Grace", "Hopper", "grace@example.com"))
    assert names(office, 2) == [" "] * 2
    assert deliver(office) == 2
    assert names(office, 2) == ["Grace Hopper"] * 2
    office.issue(member=Person("Amazing", "Grace", "GRACE@example.com"))
    assert deliver(office) == 0
    assert names(office, 2) == ["Grace Hopper"] * 2
    (entry,) = [row for row in office.rows("audit") if row.subject_id == "2"]
    assert (entry.action, entry.member_id, entry.key_id) == ("created", None, "gateway.keys")


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (Person("x" * 256, "", "x@example.com"), "at most 255 characters"),
        (Person("x", "y" * 256, "x@example.com"), "at most 255 characters"),
        (Person("x\x1b[31m", "", "x@example.com"), "no control characters"),
        (Person("x", "a\0b", "x@example.com"), "no control characters"),
    ],
)
def test_a_name_that_no_service_could_keep_is_refused(db: Database, person: Person, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        actions.issue(db, KEY_SECRET, "Acme", member=person)
    with db.read() as session:
        assert session.scalars(text("SELECT name FROM workspaces")).all() == []


def test_the_first_person_who_is_not_deleted_gets_the_keys_that_name_nobody(db: Database) -> None:
    first = actions.issue(db, KEY_SECRET, "Acme")
    actions.issue(db, KEY_SECRET, "Acme", member=Person("Ada", "Byron", "ada@example.com"))
    with db.write() as session:
        session.execute(text("UPDATE members SET deleted = (1 = 1) WHERE id = 1"))
        home = queries.first(session, first.workspace_id)
        assert home is not None
        assert home.id == 2
    actions.issue(db, KEY_SECRET, "Acme")
    with db.read() as session:
        assert session.scalars(text("SELECT member_id FROM api_keys ORDER BY created_at")).all() == [1, 2, 2]


# Members from before


@pytest.fixture
def before(fresh_database: Callable[[Path], str], tmp_path: Path) -> Database:
    """A gateway's database from before its members could be changed, with a person who has two keys."""
    old = tmp_path / "keys" / "migrations"
    old.mkdir(parents=True)
    shutil.copy(HISTORY / "0001_first.py", old)
    db = Database(fresh_database(old))
    with db.write() as session:
        for statement in (
            "INSERT INTO workspaces (id, name, currency, time_zone, created_at)"
            " VALUES ('w', 'Acme', 'USD', 'UTC', '2024-01-01 00:00:00.000000')",
            "INSERT INTO members (id, workspace_id, first_name, last_name, email, role)"
            " VALUES (5, 'w', 'Ada', 'Byron \"é\"', 'ada@example.com', 'owner')",
            "INSERT INTO api_keys (id, workspace_id, member_id, prefix, digest, scopes, created_at)"
            " VALUES ('k2', 'w', 5, 'ch_2', 'd2', '[]', '2024-03-01 00:00:00.000000')",
            "INSERT INTO api_keys (id, workspace_id, member_id, prefix, digest, scopes, created_at)"
            " VALUES ('k1', 'w', 5, 'ch_1', 'd1', '[]', '2024-02-01 12:00:00.000000')",
        ):
            session.execute(text(statement))
    return db


def test_members_from_before_are_kept_and_told(before: Database) -> None:
    migrate.upgrade(before, HISTORY)
    ada = queries.find(before, Caller(workspace_id="w"), 5)
    assert isinstance(ada, Member)
    assert (ada.first_name, ada.last_name, ada.email, ada.role) == ("Ada", 'Byron "é"', "ada@example.com", "owner")
    assert (ada.version, ada.deleted) == (1, False)
    assert ada.created_at == ada.updated_at == datetime(2024, 2, 1, 12, tzinfo=UTC)
    with before.read() as session:
        waiting = session.execute(text("SELECT * FROM outbox ORDER BY topic")).all()
    assert [(row.topic, row.key, row.version, row.workspace_id, row.attempts) for row in waiting] == [
        ("person.expenses", "5", 1, "w", 0),
        ("person.invoices", "5", 1, "w", 0),
    ]
    for row in waiting:
        body = row.body if isinstance(row.body, dict) else json.loads(row.body)
        assert body == {"first_name": "Ada", "last_name": 'Byron "é"', "email": "ada@example.com", "deleted": False}
    before.close()


def test_the_relay_delivers_what_the_migration_has_queued(office: Office, before: Database) -> None:
    migrate.upgrade(before, HISTORY)
    url = before.url.render_as_string(hide_password=False)
    relay = create_relay(replace(office.settings, database_url=url), wire=office.wires)
    assert relay.run_once() == 2
    office.workspace_id = "w"
    assert names(office, 5) == ['Ada Byron "é"'] * 2
    assert relay.run_once() == 0
    relay.db.close()
    before.close()
