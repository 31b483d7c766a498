"""A service's database: `read()` and `write()`, each one transaction, the indented block.

The block commits when it ends and rolls back when it raises; there is no commit to forget. `connection()` and
`autocommit()` are for hot paths: a connection without a session, and where one statement is all, without a transaction.
SQLite is made to behave like a database that several threads write to: WAL, every commit on disk, one writer at a time
and in line.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import orjson
import structlog
from sqlalchemy import (
    URL,
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from shared import private
from shared.bulkhead import Bulkhead

log = structlog.get_logger()

CONNECT_TIMEOUT = 10
"""Seconds for connecting to PostgreSQL."""

Serial = BigInteger().with_variant(Integer, "sqlite")
"""The type of an integer primary key. SQLite only counts up in a plain INTEGER."""

Counter = Serial
"""The type of a version that every write or message counts up: 64 bits, as SQLite's INTEGER has."""

BUSY = 10.0
"""Seconds to wait for a connection, or for a SQLite database that another process writes to, without other limits."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What every table of ours is declared on; each database holds its service's tables and the shared ones."""

    metadata = MetaData(naming_convention=NAMING)
    SUBJECT: ClassVar[str] = ""
    """What the history calls it, where that is not the table's name without its `s`."""


class Numbered:
    """What clients know by an integer id, which its workspace counts up: it tells nobody how much others do.

    So an id alone names nothing; every statement says the workspace, too. `insert` gives a new row its id.
    """

    workspace_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)


class LastId(Base):
    """The largest id that a workspace has given in a table. None is given twice, and some to nothing."""

    __tablename__ = "last_ids"
    workspace_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)  # the table's name
    last: Mapped[int] = mapped_column(BigInteger)


def refers(column: str, table: str, ondelete: str | None = None) -> ForeignKeyConstraint:
    """That a column has the id of a row of the same workspace in another table, or is null."""
    there = [f"{table}.workspace_id", f"{table}.id"]
    return ForeignKeyConstraint(["workspace_id", column], there, ondelete=ondelete)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant. SQLite forgets time zones: this puts UTC back, and refuses naive times.

    PostgreSQL is asked for UTC when it is connected to, so there is nothing to do for a value it gives.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive instant")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.replace(tzinfo=UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return super().result_processor(dialect, coltype) if dialect.name == "sqlite" else None


def with_driver(url: str) -> URL:
    """The URL as SQLAlchemy takes it: `postgresql://` and `postgres://` are driven by psycopg 3."""
    made = make_url(url)
    return made.set(drivername="postgresql+psycopg") if made.drivername in ("postgresql", "postgres") else made


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A fresh UUID."""
    return str(uuid.uuid4())


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a database may keep somebody waiting, in seconds; 0: as long as it takes."""

    lock: float  # for others, who have locked a row, or on SQLite the file
    statement: float
    idle_in_transaction: float

    @property
    def unhurried(self) -> "Limits":
        """For work that nobody waits for, and that others must not have to wait for either."""
        return replace(self, statement=0.0)


PATIENT = Limits(lock=0.0, statement=0.0, idle_in_transaction=0.0)
"""For commands, such as migrations: they take as long as they take."""


class Database:
    """One service's database, on SQLite or PostgreSQL, told apart by the URL alone."""

    def __init__(self, url: str, *, threads: int = 8, limits: Limits = PATIENT) -> None:
        """With `limits`, those who write take at most three connections of four, and wait for one no longer than for
        a lock: when all of them are stuck, others can still read.
        """
        self.url = with_driver(url)
        writers = threads - threads // 4
        self.pools: tuple[Engine, ...]  # connections to read with are of the first, those to write with of the last
        if self.url.get_backend_name() == "sqlite":
            readers = _sqlite(self.url, limits, connections=threads, query_only=True)
            self.pools = (readers, _sqlite(self.url, limits, connections=1))
            self._aside = _sqlite(self.url, limits, connections=1, query_only=True)
            writers = 1
            self._reader = _beginning("BEGIN", self.pools[0])
            self._writer = _beginning("BEGIN IMMEDIATE", self.pools[1], patience=limits.lock or BUSY)
        else:
            self.pools = (_postgresql(self.url, limits, connections=threads),)
            self._aside = _postgresql(self.url, limits, connections=1)
            self._reader = _beginning("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", self.pools[0])
            self._writer = _beginning("BEGIN", self.pools[0])
        self.topics: Mapping[str, Any] = {}
        """How the messages of its outbox leave (`shared.outbox.Topics`); when it is empty, the relay sends them all."""
        self._current: ContextVar[Session | None] = ContextVar("session", default=None)
        self._writing = Bulkhead(writers, limits.lock) if limits.lock else None
        self._working = Bulkhead(threads, limits.lock) if limits.lock else None

    @contextmanager
    def connection(self, *, transaction: bool = False) -> Iterator[Connection]:
        """A bare connection, for one query without a `transaction` around it, or for several in one as `read()` has it.

        Where a row is wanted and no object of a session, this saves a third of the time.
        """
        if outer := self._current.get():
            yield connection_of(outer)
            return
        with self._turn(), (self._reader if transaction else self.pools[0]).connect() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that cannot write and sees one moment throughout; in a `write()` block, what that wrote."""
        if outer := self._current.get():
            yield outer
            return
        with self._turn(), Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction. Inside another `write()` block it is part of that one."""
        if outer := self._current.get():
            yield outer
            outer.flush()
            return
        with (
            self._turn(writes=True),
            self._writer.begin() as connection,
            Session(connection, expire_on_commit=False, info={"database": self}) as session,
        ):
            token = self._current.set(session)
            try:
                yield session
                session.flush()
            finally:
                self._current.reset(token)
        for task in tasks_of(session):
            try:
                task()
            except Exception as fault:  # the write is done: nothing that follows may turn its answer into an error
                log.error("on_commit.failed", exc_info=fault)

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection for a single statement, which is its own transaction; in a `write()` block, part of that one."""
        if outer := self._current.get():
            yield connection_of(outer)
            return
        begun = self.url.get_backend_name() == "sqlite"  # whose waiting is in its BEGIN
        with self._turn(writes=True), self._writer.begin() if begun else self.pools[-1].connect() as connection:
            yield connection

    @contextmanager
    def aside(self) -> Iterator[Connection]:
        """A connection that is kept for whoever asks how we are, and must not wait for those who are at work."""
        with self._aside.connect() as connection:
            yield connection

    @contextmanager
    def _turn(self, *, writes: bool = False) -> Iterator[None]:
        """One's turn to have a connection, in the order in which they came: a pool gives it to who asks just then."""
        reads = not writes or len(self.pools) == 1
        with _place(self._writing if writes else None), _place(self._working if reads else None):
            yield

    @property
    def engine(self) -> Engine:
        """The engine that writes: for migrations and tests."""
        return self._writer

    def close(self) -> None:
        """Give all connections back."""
        for pool in (*self.pools, self._aside):
            pool.dispose()


def _place(bulkhead: Bulkhead | None) -> AbstractContextManager[None]:
    return bulkhead.place() if bulkhead else nullcontext()


def on_commit(session: Session, task: Callable[[], object]) -> None:
    """Do `task` right after the transaction has been committed, and not at all when it is rolled back.

    For what must not happen inside a transaction, such as HTTP. It is lost when the process dies in between, so
    something else must see to it then.
    """
    tasks_of(session).append(task)


@contextmanager
def savepoint(session: Session) -> Iterator[None]:
    """A part of the transaction that an exception rolls back alone, and with it what was to follow the commit."""
    before = tasks_of(session)
    session.info["on_commit"] = []
    try:
        with session.begin_nested():
            yield
        before.extend(tasks_of(session))
    finally:
        session.info["on_commit"] = before


def tasks_of(session: Session) -> list[Callable[[], object]]:
    """What is to be done after the commit, in this order."""
    tasks: list[Callable[[], object]] = session.info.setdefault("on_commit", [])
    return tasks


def connection_of(session: Session | Connection) -> Connection:
    """The connection that a session works on, for statements about rows that it does not watch."""
    if isinstance(session, Connection):
        return session
    if isinstance(session.bind, Connection) and not session.in_nested_transaction():
        return session.bind  # what `connection()` answers, in a tenth of the time
    return session.connection()  # a savepoint is set only when it is asked


def insert(session: Session | Connection, *rows: Base, unless: tuple[str, ...] = ()) -> bool:
    """Write new rows of one table now, each column as it is set, and take over the number that the database gives.

    `unless`: columns that must be unique together; where they are not, nothing is written, and the answer is False.

    This goes past the unit of work, which sorts and watches what is to be written: of a new row there is nothing to
    find out, and it takes a third of the time. The rows stay out of the session.
    """
    if not rows:
        return True
    connection = connection_of(session)
    entity = table_of(rows[0])
    if issubclass(entity, Numbered):
        for row in rows:
            row.id = next_id(connection, entity, row.workspace_id)  # type: ignore[attr-defined]
    statement, columns, number = _insertion(entity, connection.dialect.name, unless)
    values = [{name: getattr(row, name) for name in columns} for row in rows]
    done = connection.execute(statement, values[0] if len(values) == 1 else values)
    if number is None and not unless:
        return True
    given = done.scalars().all()
    if number is not None:
        for row, it in zip(rows, given, strict=not unless):
            setattr(row, number, it)
    return bool(given)


def next_id(session: Session | Connection, entity: type[Base], workspace_id: str) -> int:
    """The id of a new row of a `Numbered` table. Who else wants one in that workspace waits for this transaction."""
    connection = connection_of(session)
    whose = {"workspace_id": workspace_id, "kind": entity.__tablename__, "last": 1}
    given: int = connection.execute(_counting(connection.dialect.name), whose).scalar_one()
    return given


def table_of(row: Base) -> type[Base]:
    """The class of a row's table, be the row watched by a session or plain (`shared.rows`)."""
    kind = type(row)
    entity: type[Base] = getattr(kind, "entity", kind)
    return entity


@cache
def _counting(database: str) -> Any:
    """The statement that counts up what a workspace has given in a table, and answers with it."""
    first = (sqlite if database == "sqlite" else postgresql).insert(LastId)
    further = first.on_conflict_do_update(index_elements=["workspace_id", "kind"], set_={"last": LastId.last + 1})
    return further.returning(LastId.last)


@cache
def _insertion(entity: type[Base], database: str, unless: tuple[str, ...]) -> tuple[Any, tuple[str, ...], str | None]:
    """The statement that inserts a row, its columns, and the one that the database numbers."""
    mapped = entity.__mapper__
    key = mapped.primary_key[0]
    number = key.key if key.type.python_type is int and len(mapped.primary_key) == 1 else None
    columns = tuple(attribute.key for attribute in mapped.column_attrs if attribute.key != number)
    statement = (sqlite if database == "sqlite" else postgresql).insert(mapped.local_table)
    if unless:
        statement = statement.on_conflict_do_nothing(index_elements=unless)
    if number or unless:
        statement = statement.returning(key, sort_by_parameter_order=not unless)
    return statement, columns, number


def advisory_lock(session: Session, name: str) -> None:
    """Wait until this transaction is the first in the line of that name, where it stays until it ends.

    On SQLite, all that write are in one line.
    """
    connection = connection_of(session)
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


UNIQUE_ON_SQLITE = frozenset(
    {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID}
)
UNIQUE_ON_POSTGRESQL = "23505"
"""The SQLSTATE `unique_violation`."""


def broken_constraint(error: IntegrityError) -> tuple[str, bool]:
    """Which constraint a statement broke, in words without any of its values; and whether it is one of uniqueness."""
    cause: Any = error.orig
    if isinstance(cause, sqlite3.Error):
        return str(cause), cause.sqlite_errorcode in UNIQUE_ON_SQLITE  # names tables and columns, and no value
    return cause.diag.constraint_name or cause.diag.message_primary, cause.sqlstate == UNIQUE_ON_POSTGRESQL


def upsert(session: Session | Connection, table: type[Base]) -> Any:
    """An INSERT that knows `on_conflict_do_update`, in the words of the session's database."""
    made = sqlite if connection_of(session).dialect.name == "sqlite" else postgresql
    return made.insert(table)


def _postgresql(url: URL, limits: Limits, *, connections: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=limits.lock or BUSY,
        connect_args={"autocommit": True, "connect_timeout": CONNECT_TIMEOUT},
        json_serializer=_json,
        hide_parameters=True,  # they are customers' data, and errors are logged
    )
    prepared = (
        "SET TIME ZONE 'UTC'",  # see Instant
        f"SET lock_timeout = {round(limits.lock * 1000)}",
        f"SET statement_timeout = {round(limits.statement * 1000)}",
        f"SET idle_in_transaction_session_timeout = {round(limits.idle_in_transaction * 1000)}",
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.execute("; ".join(prepared))

    engine.dialect.use_insertmanyvalues_wo_returning = True  # several rows in one statement, as psycopg2 has it
    return engine


def _beginning(statement: str, engine: Engine, *, patience: float = 0.0) -> Engine:
    """The same engine, whose transactions begin with `statement`.

    The drivers are told to leave that to us: SQLite's begins too late to protect a read-modify-write, PostgreSQL's
    takes several steps to begin one that only reads. `patience`: seconds that it is tried while SQLite is locked by
    another process. SQLite itself would wait with the whole process, where one thread serves many clients.
    """
    begun = engine.execution_options()

    @event.listens_for(begun, "begin")
    def begin(connection: Connection) -> None:
        # not by the cursor: SQLAlchemy must hear of a connection that is gone
        _in_spite_of_others(lambda: connection.exec_driver_sql(statement), patience)

    return begun


def _in_spite_of_others(work: Callable[[], object], patience: float) -> None:
    """Do it; for so many seconds again and again, while SQLite is locked by another process or put in order by one."""
    ends = time.monotonic() + patience
    while True:
        try:
            work()
        except (OperationalError, sqlite3.OperationalError) as fault:
            code = getattr(getattr(fault, "orig", fault), "sqlite_errorcode", 0)
            if code & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:  # the rest says what kind of busy it is
                raise
            time.sleep(0.005)
        else:
            return


def _sqlite(url: URL, limits: Limits, *, connections: int, query_only: bool = False) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=limits.lock or BUSY,
        connect_args={"check_same_thread": False, "timeout": limits.lock or BUSY},
        json_serializer=_json,
        hide_parameters=True,  # they are customers' data, and errors are logged
    )

    @event.listens_for(engine, "do_connect")
    def keep_private(*_: Any) -> None:
        _for_the_owner_alone(Path(url.database or ""))

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows ASCII only
        connection.create_function("clock_timestamp", 0, _from_now)  # see shared.clock
        connection.create_function("from_now", 1, _from_now)
        # for this, SQLite does not wait for others by itself
        _in_spite_of_others(lambda: connection.execute("PRAGMA journal_mode=WAL"), limits.lock or BUSY)
        for pragma in (
            *("synchronous=FULL", "foreign_keys=ON"),
            "recursive_triggers=ON",  # what REPLACE deletes is deleted for the triggers, too
            f"query_only={int(query_only)}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if not query_only:
            connection.execute("PRAGMA busy_timeout=0")  # see _beginning; from there on nobody is in the way

    return engine


def _for_the_owner_alone(file: Path) -> None:
    """Let nobody else read the database, which is made when missing; SQLite gives its `-wal` and `-shm` the same mode.

    One that is there is never opened here: to close it again would end the locks that this process holds on it. What
    goes wrong is left for SQLite to say.
    """
    with suppress(OSError):
        if not file.exists():
            private.create(file)
        for ending in ("", "-wal", "-shm"):
            private.close_to_others(file.with_name(file.name + ending))


def _lower(value: str | None) -> str | None:
    return value if value is None else str(value).lower()


def _from_now(seconds: float | None = 0.0) -> str | None:
    return None if seconds is None else (now() + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S.%f")


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
