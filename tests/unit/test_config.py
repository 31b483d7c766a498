"""Settings: read from the environment, and refused with everything that is wrong in one line."""

from dataclasses import FrozenInstanceError, dataclass

import pytest

from gateway.settings import Settings as GatewaySettings
from shared import config

SECRET = "a secret of more than 32 letters for tests"

NAMES = ("DATABASE_URL", "CALLER_SECRET", "THREADS", "LOG_LEVEL", "LIMIT", "SWITCH", "WAIT", "KEY_SECRET")


@dataclass(frozen=True, kw_only=True)
class Settings(config.Settings):
    limit: int
    switch: bool = False
    wait: float = 2.0


@pytest.fixture(autouse=True)
def _an_empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def set_all(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    for name, value in ({"DATABASE_URL": "sqlite://", "CALLER_SECRET": SECRET, "LIMIT": "3"} | more).items():
        monkeypatch.setenv(name, value)


def test_what_is_set_is_read_and_the_rest_has_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, WAIT="0.5")
    assert Settings.from_environment() == Settings(
        database_url="sqlite://", caller_secret=SECRET, limit=3, wait=0.5, threads=8, log_level="INFO", switch=False
    )


def test_settings_never_change(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch)
    settings = Settings.from_environment()
    with pytest.raises(FrozenInstanceError):
        settings.limit = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("word", "meaning"), [("true", True), ("1", True), ("yes", True), ("false", False), ("0", False), ("no", False)]
)
def test_booleans_are_words(monkeypatch: pytest.MonkeyPatch, word: str, meaning: bool) -> None:
    set_all(monkeypatch, SWITCH=word)
    assert Settings.from_environment().switch is meaning


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(SystemExit) as why:
        Settings.from_environment()
    prefix, _, said = str(why.value).partition(": ")
    assert prefix == Settings.__module__
    assert said == "set DATABASE_URL, CALLER_SECRET, LIMIT"


def test_all_that_is_wrong_is_said_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LIMIT": "many", "SWITCH": "perhaps", "WAIT": "long", "THREADS": "2.5"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as why:
        Settings.from_environment()
    _, _, said = str(why.value).partition(": ")
    missing, *wrong = said.split("; ")
    assert missing == "set DATABASE_URL, CALLER_SECRET"
    assert sorted(wrong) == ["LIMIT is not valid", "SWITCH is not valid", "THREADS is not valid", "WAIT is not valid"]


def test_a_wrong_value_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, LIMIT="hunter2")
    with pytest.raises(SystemExit) as why:
        Settings.from_environment()
    assert "hunter2" not in str(why.value)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:////data/gateway.db",
        "postgresql://ada:secret@db:5432/books",
        "postgres://db/books",
        "postgresql+psycopg:///books?host=/run/postgresql",
    ],
)
def test_sqlite_and_postgresql_are_the_databases(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    set_all(monkeypatch, DATABASE_URL=url)
    assert Settings.from_environment().database_url == url


@pytest.mark.parametrize("secret", ["x" * 32, "\N{EURO SIGN}" * 11, f"{SECRET}, {'x' * 32}"])
def test_a_secret_has_32_bytes_or_more_and_there_may_be_several(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    set_all(monkeypatch, CALLER_SECRET=secret)
    assert Settings.from_environment().caller_secret == secret


@pytest.mark.parametrize("secret", ["", "x" * 31])
def test_the_secret_of_the_keys_has_32_bytes_or_more(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    set_all(monkeypatch, KEY_SECRET=secret)
    with pytest.raises(SystemExit, match=r"^gateway\.settings: KEY_SECRET is not valid$"):
        GatewaySettings.from_environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://db/books"),
        ("DATABASE_URL", "postgresql+asyncpg://db/books"),
        ("DATABASE_URL", "postgresql://db:port/books"),
        ("DATABASE_URL", "books"),
        ("DATABASE_URL", ""),
        ("CALLER_SECRET", ""),
        ("CALLER_SECRET", "x" * 31),
        ("CALLER_SECRET", " " * 32),
        ("CALLER_SECRET", f"{SECRET},"),
        ("CALLER_SECRET", f"{SECRET},too short"),
        ("THREADS", "0"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_value_that_nothing_could_be_done_with_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    set_all(monkeypatch, **{name: value})
    with pytest.raises(SystemExit, match=f": {name} is not valid$"):
        Settings.from_environment()
