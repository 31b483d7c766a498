"""Migrations: safe when several processes start at once, and they make exactly the tables that the models describe."""

import multiprocessing
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url, text

from services.expenses import queries as expense_queries
from services.invoices import queries
from shared import audit, chain, idempotency, migrate, outbox, people, schema
from shared.caller import Caller
from shared.db import Base, Database, LastId

SHARED = {model.__table__.name for model in (outbox.Outbox, idempotency.IdempotencyRecord, audit.Audit, chain.Link)}
SOME = {people.Person.__table__.name, LastId.__table__.name}
"""Where members are named, and where workspaces count: not in every service."""

HISTORIES = {
    "budgets": ("services.budgets", "services.budgets.models"),
    "expenses": ("services.expenses", "services.expenses.models"),
    "invoices": ("services.invoices", "services.invoices.models"),
    "keys": ("gateway.keys", "gateway.keys.models"),
}

BUDGETS = Path(import_module("services.budgets").__file__ or "").with_name("migrations")


@pytest.fixture
def empty(backend: str, tmp_path: Path, postgres_url: str) -> Iterator[str]:
    """The URL of a database without a table."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    name = f"ch_test_{uuid.uuid4().hex}"
    administer = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with administer.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with administer.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    administer.dispose()


def upgrade(url: str) -> bool:
    db = Database(url)
    migrate.upgrade(db, BUDGETS)
    done = schema.current(db, BUDGETS)
    db.close()
    return done


def test_four_threads_that_start_at_once_do_it_once(empty: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(upgrade, [empty] * 4)) == [True] * 4


def test_four_processes_that_start_at_once_do_it_once(empty: str) -> None:
    starting = multiprocessing.get_context("forkserver")
    starting.set_forkserver_preload(["shared.migrate", "psycopg"])
    with ProcessPoolExecutor(4, mp_context=starting) as pool:
        assert list(pool.map(upgrade, [empty] * 4)) == [True] * 4


def test_an_empty_database_is_not_current(empty: str) -> None:
    db = Database(empty)
    assert not schema.current(db, BUDGETS)
    db.close()


def test_doing_it_again_changes_nothing(empty: str) -> None:
    assert upgrade(empty)
    db = Database(empty)
    with db.write() as session:
        session.execute(text("INSERT INTO idempotency VALUES ('w', 'k', 'f', NULL, NULL, NULL, '2024-04-01 00:00:00')"))
    migrate.upgrade(db, BUDGETS)
    with db.read() as session:
        assert session.execute(text("SELECT count(*) FROM idempotency")).scalar() == 1
    db.close()


def test_an_upgrade_that_fails_half_way_leaves_nothing(empty: str, tmp_path: Path) -> None:
    history = tmp_path / "migrations"
    history.mkdir()
    (history / "0001_first.py").write_text(
        "from alembic import op\nfrom shared import first_tables\nrevision = '0001'\ndown_revision = None\n"
        "def upgrade():\n    first_tables.create()\n    op.execute('SELECT * FROM nowhere')\n"
    )
    db = Database(empty)
    with pytest.raises(Exception, match="nowhere"):
        migrate.upgrade(db, history)
    assert inspect(db.engine).get_table_names() == []
    db.close()


@pytest.mark.parametrize("name", HISTORIES)
def test_the_migrations_make_what_the_models_describe(name: str, fresh_database: Callable[[Path], str]) -> None:
    package, models = HISTORIES[name]
    import_module(models)
    module = import_module(package)
    history = Path(module.__file__ or "").with_name("migrations")
    db = Database(fresh_database(history))
    theirs = {
        mapper.local_table.name
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith(f"{package}.")
    }
    there = set(inspect(db.engine).get_table_names()) - {"alembic_version"}
    assert there - SOME in (theirs, theirs | SHARED)

    def wanted(found: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or found in there

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": wanted, "compare_type": True})
        metadata = Base.metadata
        differences = [found for found in compare_metadata(context, metadata) if not _of_another_service(found, there)]
    db.close()
    assert differences == []


def _of_another_service(difference: object, there: set[str]) -> bool:
    if not isinstance(difference, tuple) or difference[0] not in ("add_table", "add_index"):
        return False
    table = difference[1] if difference[0] == "add_table" else difference[1].table
    return table.name not in there


def test_an_invoice_from_before_approvals_asks_for_nothing(empty: str, tmp_path: Path) -> None:
    history = Path(import_module("services.invoices").__file__ or "").with_name("migrations")
    before = tmp_path / "migrations"
    before.mkdir()
    for revision in ("0001_first.py", "0002_customer.py"):
        shutil.copy(history / revision, before)
    db = Database(empty)
    migrate.upgrade(db, before)
    with db.write() as session:
        session.execute(
            text(
                "INSERT INTO invoices (uuid, workspace_id, account_id, transaction_id, series, lifecycle, completed,"
                " approval, issue_on, currency, subtotal_minor, tax_minor, total_minor, paid_minor, version,"
                " created_at, updated_at) VALUES ('u', 'w', 'w', 'H360-AAAAAA', FALSE, 'draft', FALSE, 'pending',"
                " '2024-04-01', 'USD', 500, 0, 500, 0, 1, '2024-04-01 00:00:00', '2024-04-01 00:00:00')"
            )
        )
        session.execute(
            text(
                "INSERT INTO settings (workspace_id, number_format, version, created_at, updated_at)"
                " VALUES ('w', '{number}', 1, '2024-04-01 00:00:00', '2024-04-01 00:00:00')"
            )
        )
    migrate.upgrade(db, history)
    caller = Caller(workspace_id="w")
    invoice = queries.transaction(db, caller, "H360-AAAAAA")
    assert (str(invoice.requested), str(invoice.balance), invoice.payment_status) == ("0.00", "5.00", "unpaid")
    assert queries.profile(db, caller).relationship_manager_email is None
    db.close()


def test_an_expense_from_before_projects_is_kept_and_in_none(empty: str, tmp_path: Path) -> None:
    history = Path(import_module("services.expenses").__file__ or "").with_name("migrations")
    before = tmp_path / "migrations"
    before.mkdir()
    shutil.copy(history / "0001_first.py", before)
    db = Database(empty)
    migrate.upgrade(db, before)
    with db.write() as session:
        session.execute(
            text(
                "INSERT INTO expenses (uuid, workspace_id, description, amount_minor, currency, spend_version, version,"
                " created_at, updated_at) VALUES ('u', 'w', 'Paint', 2500, 'USD', 3, 1, '2024-04-01 00:00:00',"
                " '2024-04-01 00:00:00')"
            )
        )
    migrate.upgrade(db, history)
    expense = expense_queries.find(db, Caller(workspace_id="w"), "u")
    assert (expense.title, expense.about, str(expense.amount)) == ("Paint", "Paint", "25.00")
    assert (expense.name, expense.project_id, expense.invoice_id, expense.created_by) == (None, None, None, None)
    assert (expense.spend_version, expense.billable_version, expense.billing_version) == (3, 0, 0)
    db.close()


@pytest.mark.parametrize("name", HISTORIES)
def test_the_newest_revision_is_known_without_alembic(name: str) -> None:
    package, _ = HISTORIES[name]
    history = Path(import_module(package).__file__ or "").with_name("migrations")
    assert {schema.newest(history)} == set(migrate._script(history).get_heads())


def test_sqlite_keeps_a_journal_beside_the_file_so_that_readers_never_wait(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    upgrade(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
