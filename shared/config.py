"""Settings from the environment. All that is missing or wrong is said at once, and the process does not start."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self, get_type_hints

from environs import Env, EnvValidationError, ValidationError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from shared.db import Limits

Secret = str

SECRET_BYTES = 32
"""The least that a secret has: with fewer it can be guessed by trying."""

DRIVERS = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")
"""What a DATABASE_URL may begin with."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is the variable of the same name in capitals; one without a default must be set."""

    database_url: str
    caller_secret: Secret  # or several, by commas: see `shared.caller`
    threads: int = 8  # connections of a process to its database, and so how many requests can be at work in it
    connections: int = 8192  # of clients, at once; fewer where the system allows too few open files
    connections_per_address: int = 0  # of these, the most of one client address; 0 is no bound
    deadline: float = 30.0  # seconds a client has to send a body, or to take an answer, and a little more for long ones
    log_level: str = "INFO"
    lock_timeout: float = 3.0  # seconds to wait for a row, or SQLite's file, that somebody else has locked
    statement_timeout: float = 10.0  # seconds for a statement of a request
    idle_in_transaction_timeout: float = 30.0  # seconds until PostgreSQL ends a transaction that nobody goes on with

    @property
    def limits(self) -> Limits:
        """How long the database may keep a request waiting."""
        return Limits(
            lock=self.lock_timeout,
            statement=self.statement_timeout,
            idle_in_transaction=self.idle_in_transaction_timeout,
        )

    @classmethod
    def from_environment(cls) -> Self:
        """Read and check every setting.

        Raises:
            SystemExit: with one line that names all that is missing and all that is wrong.
        """
        env = Env(eager=False)
        kinds = get_type_hints(cls)
        values: dict[str, Any] = {}
        for field in fields(cls):
            read = getattr(env, kinds[field.name].__name__)
            default = {} if field.default is MISSING else {"default": field.default}
            values[field.name] = read(field.name.upper(), **default, validate=CHECKS.get(field.name))
        try:
            env.seal()
        except EnvValidationError as wrong:
            said: dict[str, Any] = dict(wrong.error_messages)  # type: ignore[arg-type]
            missing = [name for name in said if "not set" in str(said[name])]
            bad = [name for name in said if name not in missing]
            parts = [f"set {', '.join(missing)}"] if missing else []
            parts += [f"{name} is not valid" for name in bad]
            raise SystemExit(f"{cls.__module__}: {'; '.join(parts)}") from None
        return cls(**values)


def is_database_url(url: str) -> bool:
    """Whether this names a database of a kind that we support. Nothing is connected to."""
    try:
        return make_url(url).drivername in DRIVERS
    except (ArgumentError, ValueError):  # not a URL; a port that is no number
        return False


def is_secret(text: str) -> bool:
    """Whether this is long enough to be a secret."""
    return len(text.strip().encode()) >= SECRET_BYTES


def _check(holds: Callable[[Any], bool]) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if not holds(value):
            raise ValidationError("Not valid.")

    return check


CHECKS: Mapping[str, Callable[[Any], None]] = {
    "database_url": _check(is_database_url),
    "caller_secret": _check(lambda secrets: all(map(is_secret, secrets.split(",")))),
    "key_secret": _check(is_secret),
    "threads": _check(lambda number: number > 0),
    "connections": _check(lambda number: number > 0),
    "connections_per_address": _check(lambda number: number >= 0),
    "deadline": _check(lambda seconds: seconds > 0),
    "lock_timeout": _check(lambda seconds: seconds > 0),
    "statement_timeout": _check(lambda seconds: seconds > 0),
    "idle_in_transaction_timeout": _check(lambda seconds: seconds > 0),
    "log_level": _check(lambda level: level.upper() in logging.getLevelNamesMapping()),
}
"""What must hold of a field beyond its type."""
