"""The database: a block is a transaction, readers cannot write, and no update is lost."""

import os
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import Session

from services.budgets.app import HISTORY
from services.budgets.models import Budget
from shared import migrate
from shared.audit import Audit
from shared.db import Database, connection_of, new_id, now, on_commit, savepoint, with_driver

CUT_OFF_THE_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def budget(**facts: Any) -> Budget:
    return Budget(
        **{
            "uuid": new_id(),
            "workspace_id": "w",
            "currency": "USD",
            "opening_minor": 0,
            "live_minor": 0,
            "status": "active",
            "enforcement": "hard",
            "enforce_period": False,
        }
        | facts
    )


def add(db: Database, name: str) -> None:
    with db.write() as session:
        session.add(budget(name=name))


def names(db: Database) -> list[str | None]:
    with db.read() as session:
        return list(session.scalars(select(Budget.name).order_by(Budget.id)))


def test_a_block_that_ends_is_committed(db: Database) -> None:
    with db.write() as session:
        session.add(budget(name="kept"))
    assert names(db) == ["kept"]


def test_a_block_that_raises_leaves_nothing(db: Database) -> None:
    with suppress(RuntimeError), db.write() as session:
        session.add(budget(name="lost"))
        session.flush()
        raise RuntimeError
    assert names(db) == []


@pytest.mark.parametrize(
    "write",
    [
        lambda session: session.execute(insert(Budget).values(**_columns())),
        lambda session: session.execute(update(Budget).values(name="changed")),
        lambda session: session.execute(delete(Budget)),
        lambda session: session.execute(text("CREATE TABLE another (id INTEGER)")),
    ],
)
def test_a_reader_cannot_write(db: Database, write: Callable[[Session], object]) -> None:
    with db.write() as session:
        session.add(budget(name="first"))
    with db.read() as session, pytest.raises(DBAPIError, match=r"read-?only"):
        write(session)
    assert names(db) == ["first"]


def test_a_write_inside_a_write_is_part_of_it(db: Database) -> None:
    with suppress(RuntimeError), db.write() as outer:
        with db.write() as inner:
            assert inner is outer
            inner.add(budget(name="inner"))
        assert names(db) == ["inner"]
        raise RuntimeError
    assert names(db) == []


def test_a_read_inside_a_write_sees_what_was_written(db: Database) -> None:
    with db.write() as session:
        session.add(budget(name="here"))
        session.flush()
        assert names(db) == ["here"]


def test_another_thread_does_not_see_what_is_not_committed(db: Database) -> None:
    with db.write() as session, ThreadPoolExecutor(1) as pool:
        session.add(budget(name="mine"))
        session.flush()
        assert pool.submit(names, db).result() == []
    assert names(db) == ["mine"]


def test_on_commit_is_after_the_commit(db: Database) -> None:
    seen: list[Any] = []
    with db.write() as session:
        on_commit(session, lambda: seen.append(("first", names(db))))
        with db.write() as inner:
            on_commit(inner, lambda: seen.append(("second", names(db))))
        session.add(budget(name="there"))
        assert seen == []
    assert seen == [("first", ["there"]), ("second", ["there"])]


def test_what_was_to_follow_goes_with_the_savepoint_that_is_rolled_back_and_nothing_else(db: Database) -> None:
    seen: list[str] = []
    with db.write() as session:
        on_commit(session, lambda: seen.append("before"))
        with suppress(RuntimeError), savepoint(session):
            on_commit(session, lambda: seen.append("rolled back"))
            raise RuntimeError
        with savepoint(session):
            on_commit(session, lambda: seen.append("within"))
        on_commit(session, lambda: seen.append("after"))
    assert seen == ["before", "within", "after"]


def test_on_commit_is_never_when_the_block_raises(db: Database) -> None:
    seen: list[str] = []
    with suppress(RuntimeError), db.write() as session:
        on_commit(session, lambda: seen.append("told"))
        raise RuntimeError
    with db.write():
        pass
    assert seen == []


def test_a_look_sees_what_is_committed_and_inside_a_write_what_that_wrote(db: Database) -> None:
    with db.write() as session:
        session.add(budget(name="first"))
    with db.connection() as connection:
        assert connection.scalars(select(Budget.name)).all() == ["first"]
    with db.write() as session:
        session.execute(update(Budget).values(name="second"))
        with db.connection() as connection:
            assert connection.scalars(select(Budget.name)).all() == ["second"]


def test_a_second_look_sees_the_moment_of_the_first(db: Database) -> None:
    with db.connection(transaction=True) as connection:
        assert connection.scalars(select(Budget.name)).all() == []
        with ThreadPoolExecutor(1) as pool:
            pool.submit(add, db, "later").result()
        assert connection.scalars(select(Budget.name)).all() == []
    assert names(db) == ["later"]


def test_a_single_statement_is_committed_by_itself_and_inside_a_write_is_part_of_it(db: Database) -> None:
    with db.autocommit() as connection:
        connection.execute(insert(Budget).values(**_columns()))
    assert len(names(db)) == 1
    with suppress(RuntimeError), db.write(), db.autocommit() as connection:
        connection.execute(insert(Budget).values(**_columns()))
        raise RuntimeError
    assert len(names(db)) == 1


def test_what_goes_past_the_session_is_undone_with_the_savepoint_it_is_in(db: Database) -> None:
    with db.write() as session:
        connection_of(session).execute(insert(Budget).values(**_columns() | {"name": "before"}))
        with suppress(RuntimeError), session.begin_nested():
            connection_of(session).execute(insert(Budget).values(**_columns() | {"name": "within"}))
            raise RuntimeError
        connection_of(session).execute(insert(Budget).values(**_columns() | {"name": "after"}))
    assert names(db) == ["before", "after"]


def test_a_server_that_came_back_costs_one_error_and_no_more(db: Database) -> None:
    if db.url.get_backend_name() == "sqlite":
        pytest.skip("there is no server")
    together = threading.Barrier(4)

    def hold(_: int) -> None:
        with db.write() as session:
            session.execute(text("SELECT 1"))
            together.wait()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(hold, range(4)))
    other = Database(db.url.render_as_string(hide_password=False))
    with other.autocommit() as connection:
        connection.execute(text(CUT_OFF_THE_OTHERS))
    other.close()
    with pytest.raises(DBAPIError), db.write():
        pass
    for number in range(4):
        add(db, str(number))
    assert names(db) == ["0", "1", "2", "3"]


def test_a_file_that_stays_locked_is_an_error_of_the_database(db: Database) -> None:
    if db.url.get_backend_name() != "sqlite":
        pytest.skip("PostgreSQL has no lock on the whole")
    impatient = Database(db.url.render_as_string(hide_password=False))
    with impatient.autocommit() as connection:
        connection.execute(text("PRAGMA busy_timeout=10"))
    with db.write(), pytest.raises(DBAPIError, match="locked"):
        add(impatient, "too late")
    impatient.close()
    assert names(db) == []


def test_an_instant_is_utc_wherever_the_database_thinks_it_is(db: Database) -> None:
    if db.url.get_backend_name() == "sqlite":
        elsewhere = db.url
    else:
        elsewhere = db.url.update_query_dict({"options": "-c TimeZone=America/New_York"})
    with db.write() as session:
        session.add(budget(created_at=datetime(2024, 4, 1, 12, tzinfo=UTC)))
    other = Database(elsewhere.render_as_string(hide_password=False))
    with other.connection() as connection:
        read = connection.scalar(select(Budget.created_at))
    other.close()
    assert read is not None
    assert read.isoformat() == "2024-04-01T12:00:00+00:00"


def test_eight_threads_of_twenty_increments_make_a_hundred_and_sixty(db: Database) -> None:
    with db.write() as session:
        session.add(budget())

    def add_twenty(_: int) -> None:
        for _ in range(20):
            with db.write() as session:
                row = session.scalars(select(Budget).with_for_update()).one()
                row.live_minor += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_twenty, range(8)))
    with db.read() as session:
        assert session.scalar(select(Budget.live_minor)) == 160


def test_two_databases_on_one_file_or_server_lose_nothing_either(db: Database) -> None:
    with db.write() as session:
        session.add(budget())
    other = Database(db.url.render_as_string(hide_password=False))
    ready = threading.Barrier(2)

    def add_fifty(mine: Database) -> None:
        ready.wait()
        for _ in range(50):
            with mine.write() as session:
                session.scalars(select(Budget).with_for_update()).one().live_minor += 1

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add_fifty, (db, other)))
    other.close()
    with db.read() as session:
        assert session.scalar(select(Budget.live_minor)) == 100


def test_a_naive_time_is_refused(db: Database) -> None:
    with pytest.raises(StatementError, match="a naive instant"), db.write() as session:
        session.add(budget(created_at=datetime(2024, 4, 1)))  # noqa: DTZ001
    assert names(db) == []


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=9, minutes=30))])
def test_an_instant_comes_back_as_the_same_instant_in_utc(db: Database, zone: timezone) -> None:
    written = datetime(2024, 4, 1, 12, 30, 15, 123456, tzinfo=zone)
    with db.write() as session:
        session.add(budget(created_at=written))
    with db.read() as session:
        read = session.scalars(select(Budget.created_at)).one()
    assert (read, read.tzinfo) == (written, UTC)


def test_a_number_that_counts_up_is_never_given_twice(db: Database) -> None:
    with db.write() as session:
        session.add(budget())
    with db.write() as session:
        first = session.scalars(select(Budget)).one()
        session.delete(first)
        session.flush()
        second = budget()
        session.add(second)
    assert second.id == first.id + 1


def test_text_and_json_come_back_byte_for_byte(db: Database) -> None:
    name = "e\u0301 \U0001f9fe \u202e =1+1 '; --"
    with db.write() as session:
        session.add(budget(name=name))
        session.add(_entry(changes={name: [None, name]}))
    assert names(db) == [name]
    with db.read() as session:
        assert session.scalars(select(Audit.changes)).one() == {name: [None, name]}


@pytest.mark.parametrize(
    "verb", ["UPDATE audit SET action = 'x'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 1"]
)
def test_the_history_cannot_be_changed(db: Database, verb: str) -> None:
    with db.write() as session:
        session.add(_entry(action="created"))
    with pytest.raises(DBAPIError, match="the history cannot be changed"), db.write() as session:
        session.execute(text(verb))
    with db.read() as session:
        assert list(session.scalars(select(Audit.action))) == ["created"]


@pytest.mark.parametrize("url", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"])
def test_postgresql_is_driven_by_psycopg_whatever_the_url_says(url: str) -> None:
    assert with_driver(url).render_as_string(hide_password=False) == "postgresql+psycopg://u:p@h/d"


def _columns() -> dict[str, Any]:
    return {
        column.key: getattr(made, column.key)
        for made in [budget(version=1, created_at=now(), updated_at=now())]
        for column in Budget.__table__.columns
        if column.key != "id"
    }


def _entry(**facts: Any) -> Audit:
    return Audit(
        **{
            "workspace_id": "w",
            "subject_id": "s",
            "subject": "budget",
            "action": "created",
            "at": now(),
            "key_id": "k",
            "request_id": "r",
            "changes": {},
        }
        | facts
    )


def test_a_sqlite_database_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    file = tmp_path / "books.db"
    before = os.umask(0o022)
    try:
        db = Database(f"sqlite:///{file}")
        migrate.upgrade(db, HISTORY)
        add(db, "a")
        assert names(db) == ["a"]
        assert {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {
            "books.db": 0o600,
            "books.db-wal": 0o600,
            "books.db-shm": 0o600,
        }
        db.close()
    finally:
        os.umask(before)


def test_a_sqlite_database_that_all_could_read_is_closed_to_them_when_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "books.db"
    db = Database(f"sqlite:///{file}")
    migrate.upgrade(db, HISTORY)
    add(db, "a")
    for each in tmp_path.iterdir():
        each.chmod(0o644)
    second = Database(f"sqlite:///{file}")
    assert names(second) == ["a"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}
    second.close()
    db.close()


def test_a_folder_that_is_missing_is_the_databases_fault_to_tell(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'missing' / 'books.db'}")
    with pytest.raises(DBAPIError, match="unable to open database file"):
        names(db)
    db.close()


def test_a_single_statement_waits_for_another_process_that_writes(db: Database) -> None:
    add(db, "before")
    other = Database(db.url.render_as_string(hide_password=False))
    there = threading.Event()

    def hold() -> None:
        with other.write() as session:
            session.execute(update(Budget).values(name="theirs"))
            there.set()
            threading.Event().wait(0.3)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert there.wait(60)
        with db.autocommit() as connection:
            connection.execute(update(Budget.__table__).values(name="ours"))  # type: ignore[arg-type]
        holding.result()
    other.close()
    assert names(db) == ["ours"]
