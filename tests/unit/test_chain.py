"""The chained history: every entry once, whatever the order of the commits; and what was done to it is found."""

import hashlib
import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from services.budgets.app import HISTORY
from shared import chain, migrate
from shared.audit import Audit
from shared.chain import START, Head, Link
from shared.db import Database, now
from shared.relay import Relay
from tests.product import wait_until

LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC)
ENTRY: dict[str, Any] = {
    "workspace_id": "w",
    "subject_id": "s",
    "subject": "budget",
    "action": "created",
    "at": LONG_AGO,
    "member_id": None,
    "key_id": "k",
    "request_id": "r",
    "changes": {"name": [None, "Žižka \U0001f9fe"], "total_minor": [None, 9007199254740993], "fixed": [False, True]},
}


def write(db: Database, **facts: Any) -> int:
    """One entry; its id."""
    with db.write() as session:
        number: int = session.execute(insert(Audit).returning(Audit.id), [ENTRY | facts]).scalar_one()
    return number


def links(db: Database, workspace_id: str = "w") -> list[tuple[int, int]]:
    """Positions and the entries there."""
    with db.read() as session:
        found = session.execute(
            select(Link.position, Link.audit_id).where(Link.workspace_id == workspace_id).order_by(Link.position)
        )
        return [(position, entry) for position, entry in found]


def by_force(db: Database, *statements: str) -> None:
    """As somebody with SQL would: the triggers dropped first."""
    with db.engine.begin() as connection:
        for table, verbs in {"audit": ("update", "delete"), "audit_chain": ("update", "delete")}.items():
            for verb in verbs:
                on = f" ON {table}" if connection.dialect.name == "postgresql" else ""
                connection.execute(text(f"DROP TRIGGER {table}_no_{verb}{on}"))
        for statement in statements:
            connection.execute(text(statement))


def forged(db: Database, number: int) -> str:
    """The hash of the link that an entry would have as the first of its workspace."""
    with db.read() as session:
        return chain.linked(START, session.scalars(select(Audit).where(Audit.id == number)).one())


def found(db: Database, *kept: Head) -> list[str]:
    return [fault.removeprefix("workspace w: ") for fault in chain.wrong(db, {"w": kept} if kept else {})]


@pytest.fixture
def three(db: Database) -> list[Head]:
    """A history of three entries; the head after each."""
    heads = []
    for name in "abc":
        write(db, subject_id=name)
        heads.append(chain.head(db, "w"))
    return heads


def test_a_link_is_a_hash_over_the_one_before_and_the_entry(db: Database) -> None:
    first, second = write(db), write(db, action="updated", member_id=7)
    before = START
    for number, facts in (first, {}), (second, {"action": "updated", "member_id": 7}):
        said = ENTRY | facts | {"id": number, "at": "2026-01-02T03:04:05.000060Z"}
        body = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
        before = hashlib.sha256(bytes.fromhex(before) + body).hexdigest()
    assert chain.head(db, "w") == Head(2, before, LONG_AGO)


def test_the_same_entry_has_the_same_hash_on_either_database(db: Database) -> None:
    assert write(db) == 1
    assert chain.head(db, "w").hash == "4fde67dd0ad808cfef99bf9621cea9deb31bdff24dc0b473408eaf073622d705"


def test_each_workspace_has_a_chain_of_its_own(db: Database) -> None:
    numbers = [write(db, workspace_id=each) for each in ("w", "v", "w")]
    assert chain.seal(db) == 3
    assert links(db) == [(1, numbers[0]), (2, numbers[2])]
    assert links(db, "v") == [(1, numbers[1])]
    assert chain.head(db, "nobody") == Head(0, START, None)
    assert list(chain.wrong(db)) == []


def test_entries_that_are_committed_out_of_order_are_all_chained_once(db: Database) -> None:
    with db.engine.connect() as late:
        if late.dialect.name == "sqlite":
            pytest.skip("one writer at a time")
        first = late.execute(insert(Audit).returning(Audit.id), [ENTRY]).scalar_one()
        second = write(db)
        assert chain.seal(db) == 1
        late.commit()
    assert chain.seal(db) == 1
    assert links(db) == [(1, second), (2, first)]
    assert found(db) == []


def test_one_that_is_committed_far_behind_is_found_by_a_look_at_all(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [write(db) for _ in range(5)]
    with db.write() as session:
        session.execute(insert(Link), [{"workspace_id": "v", "position": 1, "audit_id": numbers[3], "hash": START}])
    monkeypatch.setattr(chain, "BATCH", 1)
    assert chain.seal(db, margin=2) == 2
    assert chain.seal(db, whole=True) == 2
    assert sorted(entry for _, entry in links(db)) == [numbers[0], numbers[1], numbers[2], numbers[4]]


def test_many_that_seal_at_once_chain_each_entry_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH", 3)
    url = db.url.render_as_string(hide_password=False)
    others = [Database(url) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        sealed = [pool.submit(chain.seal, each) for each in others for _ in range(5)]
        numbers = list(pool.map(lambda _: write(db), range(30)))
    total = sum(each.result() for each in sealed) + chain.seal(db)
    assert total == 30
    assert [position for position, _ in links(db)] == list(range(1, 31))
    assert sorted(entry for _, entry in links(db)) == sorted(numbers)
    assert found(db) == []
    for each in others:
        each.close()


def test_a_relay_chains_what_is_there_and_what_comes(db: Database) -> None:
    write(db)
    stop = threading.Event()
    running = threading.Thread(target=Relay(db, {}).run, args=(stop,))
    running.start()
    try:
        wait_until(lambda: len(links(db)) == 1)
        write(db)
        wait_until(lambda: len(links(db)) == 2)
    finally:
        stop.set()
        running.join()


def test_a_database_that_is_away_is_chained_when_it_is_back(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    write(db)
    tried: list[bool] = []
    seal = chain.seal
    monkeypatch.setattr(chain, "EVERY", 0.01)

    def away_once(db: Database, *, whole: bool, margin: int) -> int:
        tried.append(whole)
        if len(tried) == 1:
            raise OSError("away")
        return seal(db, whole=whole, margin=margin)

    monkeypatch.setattr(chain, "seal", away_once)
    stop = threading.Event()
    running = threading.Thread(target=chain.keep_sealing, args=(db, stop))
    running.start()
    wait_until(lambda: len(tried) > 2)
    stop.set()
    running.join()
    assert tried[:3] == [True, True, False]
    assert len(links(db)) == 1


def test_a_history_as_it_was_written_has_no_fault(db: Database, three: list[Head]) -> None:
    assert found(db, *three, Head()) == []


@pytest.mark.parametrize(
    "change",
    [
        "action = 'deleted'",
        "at = '2026-01-02 03:04:05.000061+00:00'",
        "member_id = 1",
        "key_id = 'other'",
        "request_id = 'other'",
        "subject_id = 'other'",
        """changes = '{"total_minor": [null, 1]}'""",
    ],
)
def test_an_entry_changed_by_sql_is_found(db: Database, three: list[Head], change: str) -> None:
    by_force(db, f"UPDATE audit SET {change} WHERE id = 2")  # noqa: S608
    assert found(db) == ["entry 2, at position 2, or its link, was changed"]


def test_an_entry_that_cannot_be_read_any_more_is_found(db: Database, three: list[Head], backend: str) -> None:
    if backend == "postgresql":
        pytest.skip("it keeps what fits alone")
    by_force(db, "UPDATE audit SET changes = '{' WHERE id = 2")
    (fault,) = found(db)
    assert fault.startswith("an entry cannot be read: ")


def test_an_entry_taken_away_is_found(db: Database, three: list[Head]) -> None:
    by_force(db, "DELETE FROM audit WHERE id = 2")
    assert found(db) == ["entry 2, at position 2, is missing"]


def test_an_entry_taken_away_with_its_link_is_found(db: Database, three: list[Head]) -> None:
    by_force(db, "DELETE FROM audit WHERE id = 2", "DELETE FROM audit_chain WHERE position = 2")
    assert found(db) == ["the chain goes from position 1 to 3: links are missing"]


def test_a_link_made_to_fit_leaves_the_next_one_unfit(db: Database, three: list[Head]) -> None:
    by_force(db, "DELETE FROM audit WHERE id = 1", "DELETE FROM audit_chain WHERE position = 1")
    with db.engine.begin() as connection:
        for position in (2, 3):
            connection.execute(
                text("UPDATE audit_chain SET position = position - 1 WHERE position = :position"),
                {"position": position},
            )
    assert found(db) == ["entry 2, at position 1, or its link, was changed"]


def test_an_entry_given_to_another_workspace_is_found(db: Database, three: list[Head]) -> None:
    by_force(db, "UPDATE audit SET workspace_id = 'v' WHERE id = 2")
    assert found(db) == ["entry 2, at position 2, is of another workspace"]


def test_an_entry_slipped_in_before_others_is_found(db: Database, three: list[Head]) -> None:
    by_force(db, "UPDATE audit SET id = 9 WHERE id = 2")
    assert found(db)[0] == "entry 2, at position 2, is missing"
    assert found(db)[1] == "entry 9 of 2026-01-02 03:04:05 UTC is in no chain"


def test_an_end_that_was_cut_off_is_found_with_a_head_that_was_kept(db: Database, three: list[Head]) -> None:
    by_force(db, "DELETE FROM audit WHERE id > 1", "DELETE FROM audit_chain WHERE position > 1")
    assert found(db) == []
    assert found(db, *three) == [
        "the chain ends at position 1, but a head of position 2 was kept",
        "the chain ends at position 1, but a head of position 3 was kept",
    ]


def test_a_chain_made_anew_is_found_with_a_head_that_was_kept(db: Database, three: list[Head]) -> None:
    by_force(db, "DELETE FROM audit_chain", "UPDATE audit SET action = 'forged' WHERE id = 3")
    assert chain.seal(db, whole=True) == 3
    assert found(db) == []
    assert found(db, *three) == ["position 3 is not what it was when its head was kept"]


def test_a_workspace_of_which_nothing_is_left_is_found_with_a_head_that_was_kept(
    db: Database, three: list[Head]
) -> None:
    by_force(db, "DELETE FROM audit", "DELETE FROM audit_chain")
    assert found(db, three[2]) == ["the chain ends at position 0, but a head of position 3 was kept"]


def test_an_entry_that_waits_for_more_than_a_minute_is_a_fault(db: Database) -> None:
    number = write(db, at=now() - timedelta(seconds=61))
    write(db, at=now() + timedelta(seconds=30))
    (fault,) = found(db)
    assert fault.startswith(f"entry {number} of ")
    assert fault.endswith(" UTC is in no chain")


@pytest.mark.parametrize("sealed", [True, False])
def test_an_entry_from_the_future_is_a_fault_in_the_chain_or_not(db: Database, sealed: bool) -> None:
    number = write(db, at=datetime(2999, 1, 2, 3, 4, 5, tzinfo=UTC))
    if sealed:
        assert chain.seal(db) == 1
    assert found(db) == [f"entry {number} of 2999-01-02 03:04:05 UTC is from the future"]


@pytest.mark.parametrize("number", [0, -1, -(2**40)])
def test_an_entry_of_an_id_that_is_never_given_is_a_fault_and_stays_out_of_the_chain(db: Database, number: int) -> None:
    write(db, id=number, at=now())
    assert (chain.seal(db), chain.seal(db, whole=True)) == (0, 0)
    assert found(db) == [f"entry {number} has an id that is never given"]
    with db.write() as session:
        session.execute(
            insert(Link), [{"workspace_id": "w", "position": 1, "audit_id": number, "hash": forged(db, number)}]
        )
    assert found(db) == [f"entry {number} has an id that is never given"]


@pytest.mark.parametrize("where", ["in the entry", "in the link before"])
def test_what_cannot_be_read_keeps_no_other_entry_out_of_the_chain(db: Database, backend: str, where: str) -> None:
    first, last = write(db), write(db, workspace_id="v")
    if where == "in the entry":
        change = "changes = '{'" if backend == "sqlite" else "at = 'infinity'"
        by_force(db, f"UPDATE audit SET {change} WHERE id = {first}")  # noqa: S608
    else:
        gone = write(db)
        links_of = {"workspace_id": "w", "position": 1, "audit_id": gone, "hash": "none"}
        with db.write() as session:
            session.execute(insert(Link), [links_of])
    assert chain.seal(db, whole=True) == 1
    assert links(db, "v") == [(1, last)]
    assert len(found(db)) == (1 if where == "in the entry" else 2)


TAMPERING = [
    "UPDATE {table} SET workspace_id = 'x'",
    "DELETE FROM {table}",
    "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    "REPLACE INTO {table} SELECT * FROM {table}",
    "UPDATE OR REPLACE {table} SET workspace_id = 'w'",
    "INSERT INTO {table} SELECT * FROM {table} WHERE true ON CONFLICT DO UPDATE SET workspace_id = 'x'",
    "TRUNCATE {table}",
]


@pytest.mark.parametrize("table", ["audit", "audit_chain"])
@pytest.mark.parametrize("statement", TAMPERING)
def test_neither_history_nor_chain_can_be_changed_or_replaced(
    db: Database, three: list[Head], backend: str, table: str, statement: str
) -> None:
    if (backend == "postgresql") == ("REPLACE" in statement) or (backend == "sqlite" and "TRUNCATE" in statement):
        pytest.skip("not in this database's SQL")
    if backend == "postgresql":
        statement = statement.replace("CONFLICT DO", f"CONFLICT ({'id' if table == 'audit' else 'audit_id'}) DO")
    with pytest.raises(DBAPIError, match="the history cannot be changed"), db.engine.begin() as connection:
        connection.execute(text(statement.format(table=table)))
    assert found(db, *three) == []
    assert [position for position, _ in links(db)] == [1, 2, 3]


@pytest.mark.parametrize(
    "row",
    [
        "audit VALUES (2, 'w', 's', 'budget', 'forged', '2026-01-01 00:00:00', NULL, 'k', 'r', '{}')",
        "audit_chain VALUES ('w', 2, 99, 'x')",
        "audit_chain VALUES ('w', 99, 2, 'x')",
    ],
)
def test_a_connection_without_recursive_triggers_replaces_no_row_either(tmp_path: Path, row: str) -> None:
    file = tmp_path / "history.db"
    db = Database(f"sqlite:///{file}")
    migrate.upgrade(db, HISTORY)
    for name in "abc":
        write(db, subject_id=name)
    kept = chain.head(db, "w")
    with sqlite3.connect(file) as plain:
        assert plain.execute("PRAGMA recursive_triggers").fetchone() == (0,)
        with pytest.raises(sqlite3.IntegrityError, match="the history cannot be changed"):
            plain.execute(f"INSERT OR REPLACE INTO {row}")
    plain.close()
    assert found(db, kept) == []
    db.close()
