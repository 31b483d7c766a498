"""Ids that ran across workspaces become each workspace's own: what is there keeps its id, and none is given twice."""

import uuid
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import IntegrityError

from gateway.keys.models import Member
from gateway.verify import KINDS
from services.expenses.models import Expense
from services.invoices.models import Company, Invoice, Payment, Project, TimeEntry
from shared import migrate, verify
from shared.db import Base, Database, next_id

A, B, NEW = "a", "b", "new"
"""Two workspaces that are there, and one that comes later."""

MOMENT = "'2024-04-01 00:00:00'"
"""What `MOMENT` is in the statements below."""
OLDER = {"services.invoices": "0009", "services.expenses": "0006", "gateway.keys": "0005"}
"""The last revision at which the database gave the ids."""

Upgraded = Callable[[str, str], Database]


@pytest.fixture
def upgraded(backend: str, tmp_path: Path, postgres_url: str) -> Iterator[Upgraded]:
    """Makes a database of the older revision, does some SQL there, and brings it up to date."""
    name, made = f"ch_test_{uuid.uuid4().hex}", list[Database]()
    administer = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    url = f"sqlite:///{tmp_path / 'older.db'}"
    if backend == "postgresql":
        with administer.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        url = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)

    def make(package: str, statements: str) -> Database:
        history = Path(import_module(package).__file__ or "").with_name("migrations")
        db = Database(url)
        made.append(db)
        migrate.upgrade(db, history, OLDER[package])
        with db.write() as session:
            for statement in filter(str.strip, statements.replace("MOMENT", MOMENT).split(";")):
                session.execute(text(statement))
        migrate.upgrade(db, history)
        return db

    yield make
    for db in made:
        db.close()
    if backend == "postgresql":
        with administer.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    administer.dispose()


def rows(db: Database, query: str) -> list[tuple[object, ...]]:
    with db.connection() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def next_ids(db: Database, *entities: type[Base]) -> dict[str, list[int]]:
    """The id that each workspace gives next, in each table."""
    with db.write() as session:
        return {home: [next_id(session, entity, home) for entity in entities] for home in (A, B, NEW)}


def of_each(statement: str, homes: str) -> str:
    """The statement for rows 1, 2, ..., each in the workspace of that letter."""
    return "".join(statement.format(n=n, home=home) for n, home in enumerate(homes, start=1))


INVOICE = (
    "INSERT INTO invoices (uuid, workspace_id, account_id, transaction_id, series, lifecycle, completed, approval,"
    " issue_on, currency, subtotal_minor, tax_minor, total_minor, paid_minor, version, created_at, updated_at)"
    " VALUES ('i{n}', '{home}', '{home}', 'H-{n}', FALSE, 'draft', FALSE, 'pending', '2024-04-01', 'USD',"
    " 500, 0, 500, 0, 1, MOMENT, MOMENT);"
)
OF_INVOICES = (
    of_each(INVOICE, "abab")
    + """
INSERT INTO people (id, workspace_id, version, first_name, last_name, email, deleted)
    VALUES (1, 'a', 1, 'Ada', 'Byron', '', FALSE), (2, 'b', 1, 'Bea', 'Brown', '', FALSE);
INSERT INTO companies (uuid, workspace_id, name, version, created_at, updated_at)
    VALUES ('c1', 'a', 'One', 1, MOMENT, MOMENT), ('c2', 'b', 'Two', 1, MOMENT, MOMENT);
INSERT INTO projects (uuid, workspace_id, name, company_id, archived, version, created_at, updated_at)
    VALUES ('p1', 'a', 'P', 1, FALSE, 1, MOMENT, MOMENT), ('p2', 'b', 'Q', 2, FALSE, 1, MOMENT, MOMENT);
INSERT INTO rates (project_id, person_id, workspace_id, rate_micros) VALUES (1, 1, 'a', 7), (2, 2, 'b', 8);
DELETE FROM invoices WHERE id = 4;
INSERT INTO items (id, workspace_id, invoice_id, position, description, quantity, price_micros, amount_minor)
    VALUES ('x1', 'a', 1, 0, 'X', 1, 5, 500), ('x2', 'b', 2, 0, 'Y', 1, 5, 500);
INSERT INTO payments (uuid, workspace_id, invoice_id, amount_minor, currency, paid_on, created_at)
    VALUES ('m1', 'b', 2, 1, 'USD', '2024-04-01', MOMENT);
INSERT INTO time_entries (uuid, workspace_id, project_id, person_id, logged_at, minutes, billable, invoice_id, version,
    created_at, updated_at) VALUES ('t1', 'a', 1, 1, MOMENT, 60, TRUE, 1, 1, MOMENT, MOMENT);
INSERT INTO project_expenses (uuid, workspace_id, id, version, held, project_id, amount_minor, currency, invoice_id,
    billing_version) VALUES ('e1', 'a', 9, 1, FALSE, 1, 5, 'USD', 1, 0);
"""
)


def test_invoices_and_all_that_is_on_them_stay_as_they_are(upgraded: Upgraded) -> None:
    db = upgraded("services.invoices", OF_INVOICES)
    assert rows(db, "SELECT id, workspace_id, uuid FROM invoices ORDER BY id") == [
        (1, A, "i1"),
        (2, B, "i2"),
        (3, A, "i3"),
    ]
    assert rows(db, "SELECT id, invoice_id FROM items ORDER BY id") == [("x1", 1), ("x2", 2)]
    assert rows(db, "SELECT id, invoice_id, uuid FROM payments") == [(1, 2, "m1")]
    assert rows(db, "SELECT id, project_id, invoice_id FROM time_entries") == [(1, 1, 1)]
    assert rows(db, "SELECT uuid, id, project_id, invoice_id FROM project_expenses") == [("e1", 9, 1, 1)]
    assert rows(db, "SELECT id, company_id, uuid FROM projects ORDER BY id") == [(1, 1, "p1"), (2, 2, "p2")]
    assert rows(db, "SELECT project_id, person_id, rate_micros FROM rates ORDER BY 1") == [(1, 1, 7), (2, 2, 8)]
    assert rows(db, "SELECT id, workspace_id, first_name FROM people ORDER BY 1") == [(1, A, "Ada"), (2, B, "Bea")]


def test_who_was_there_goes_on_beyond_every_id_and_who_comes_begins_with_one(upgraded: Upgraded) -> None:
    db = upgraded("services.invoices", OF_INVOICES)
    kinds = (Invoice, Payment, Company, Project, TimeEntry)
    assert next_ids(db, *kinds) == {A: [5, 2, 3, 3, 2], B: [5, 2, 3, 3, 2], NEW: [1, 1, 1, 1, 1]}
    assert next_ids(db, *kinds) == {A: [6, 3, 4, 4, 3], B: [6, 3, 4, 4, 3], NEW: [2, 2, 2, 2, 2]}


def test_what_refers_to_another_workspaces_row_is_refused(upgraded: Upgraded) -> None:
    db = upgraded("services.invoices", OF_INVOICES)
    for statement in (
        "UPDATE items SET invoice_id = 2 WHERE id = 'x1'",
        "UPDATE projects SET company_id = 2 WHERE uuid = 'p1'",
        "UPDATE time_entries SET project_id = 2",
        "UPDATE payments SET workspace_id = 'a'",
    ):
        with pytest.raises(IntegrityError), db.write() as session:
            session.execute(text(statement))
    with db.write() as session:
        session.execute(text("DELETE FROM invoices WHERE workspace_id = 'a' AND id = 3"))
        session.execute(text("DELETE FROM projects WHERE workspace_id = 'b' AND id = 2"))
    assert rows(db, "SELECT project_id FROM rates") == [(1,)]


def test_expenses_stay_as_they_are(upgraded: Upgraded) -> None:
    expense = (
        "INSERT INTO expenses (uuid, workspace_id, amount_minor, currency, spend_version, version, created_at,"
        " updated_at) VALUES ('e{n}', '{home}', 5, 'USD', 0, 1, MOMENT, MOMENT);"
    )
    db = upgraded("services.expenses", of_each(expense, "ab"))
    assert rows(db, "SELECT id, workspace_id, uuid FROM expenses ORDER BY id") == [(1, A, "e1"), (2, B, "e2")]
    assert next_ids(db, Expense) == {A: [3], B: [3], NEW: [1]}


def test_members_stay_as_they_are_and_keep_their_keys(upgraded: Upgraded) -> None:
    db = upgraded(
        "gateway.keys",
        """
        INSERT INTO workspaces (id, name, currency, time_zone, created_at)
            VALUES ('a', 'A', 'USD', 'UTC', MOMENT), ('b', 'B', 'USD', 'UTC', MOMENT);
        INSERT INTO accounts (id, workspace_id, created_at) VALUES ('a', 'a', MOMENT), ('b', 'b', MOMENT);
        INSERT INTO members (workspace_id, first_name, last_name, email, role, created_at, updated_at)
            VALUES ('a', 'Ada', '', '', 'owner', MOMENT, MOMENT), ('b', 'Bea', '', '', 'owner', MOMENT, MOMENT);
        INSERT INTO api_keys (id, workspace_id, member_id, prefix, digest, version, scopes, created_at)
            VALUES ('k', 'b', 2, 'ch_1', 'd', 1, '[]', MOMENT)
        """,
    )
    assert rows(db, "SELECT id, workspace_id, first_name FROM members ORDER BY id") == [(1, A, "Ada"), (2, B, "Bea")]
    assert rows(db, "SELECT id, member_id FROM api_keys") == [("k", 2)]
    assert rows(db, "SELECT workspace_id, subject, subject_id, action FROM audit ORDER BY id") == [
        *((home, thing, home, "taken over") for thing in ("workspace", "account") for home in (A, B)),
        *((home, "member", number, "taken over") for home, number in ((A, "1"), (B, "2"))),
        (B, "key", "k", "taken over"),
    ]
    with db.read() as session:
        assert list(verify.history(session.connection(), KINDS)) == []
    assert next_ids(db, Member) == {A: [3], B: [3], NEW: [1]}
    with pytest.raises(IntegrityError), db.write() as session:
        session.execute(text("UPDATE api_keys SET member_id = 1"))
    with pytest.raises(IntegrityError), db.write() as session:
        session.execute(text("UPDATE members SET workspace_id = 'nowhere' WHERE id = 1"))
