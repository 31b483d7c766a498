"""`make run`, up to the moment where it would start the processes."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from deploy import laptop

ROOT = Path(__file__).parents[2]

FREE = 20_000
"""Where this worker's four ports may be; below those that the system gives away."""

PREPARE = "import os; os.execv = lambda *_: None; from deploy.laptop import main; main()"
"""Everything but the supervisor."""

ENVIRONMENT = {"PATH": os.environ["PATH"]}

Prepare = Callable[..., CompletedProcess[str]]


def port() -> str:
    """The first of this worker's ports."""
    return str(FREE + 10 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")))


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "var"


@pytest.fixture
def here(var: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a process that runs it, which this one has for a while."""
    mask = os.umask(0o077)
    monkeypatch.setattr(os, "environ", ENVIRONMENT | {"VAR": str(var), "PORT": port()})
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("it would start"))
    yield
    os.umask(mask)


@pytest.fixture
def prepare(var: Path) -> Prepare:
    """Runs it as a process of its own. Keywords are variables of its environment."""

    def ran(**variables: str) -> CompletedProcess[str]:
        ours = {**ENVIRONMENT, "VAR": str(var), "PORT": port()}
        command = [sys.executable, "-c", PREPARE]
        return subprocess.run(
            command, env=ours | variables, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )

    return ran


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("PORT", "abc", "PORT must be a number from 1 to 65532"),
        ("PORT", "0", "PORT must be a number from 1 to 65532"),
        ("PORT", "65533", "PORT must be a number from 1 to 65532"),
        ("PORT", "-1", "PORT must be a number from 1 to 65532"),
        ("BUDGETS_PORT", "high", "BUDGETS_PORT must be a number from 1 to 65535"),
        ("DATABASE_URL", "mysql://host/books", "DATABASE_URL is not valid: it is postgresql://"),
        ("DATABASE_URL", "books", "DATABASE_URL is not valid: it is postgresql://"),
        ("DATABASE_URL", "postgresql://host", "DATABASE_URL is not valid: it is postgresql://"),
        ("DATABASE_URL", "sqlite://", "DATABASE_URL is not valid: it is postgresql://"),
        ("EXPENSES_DATABASE_URL", "mysql://host/books", "services.expenses.settings: DATABASE_URL is not valid"),
        ("RATE_LIMIT", "abc", "gateway.settings: RATE_LIMIT is not valid"),
        ("SEPARATION_OF_DUTIES", "maybe", "services.invoices.settings: SEPARATION_OF_DUTIES is not valid"),
        ("MAIL_CHANNEL", "pigeon", "services.invoices.settings: MAIL_CHANNEL must be one of"),
        ("SPEND_DEADLINE", "soon", "services.expenses.settings: SPEND_DEADLINE is not valid"),
        ("VAR", "/dev/null/var", "VAR: /dev/null/var cannot be made"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_before_anything_starts(
    here: None, var: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any, variable: str, value: str, why: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit, match=f"^{re.escape(why)}.*$") as refusal:
        laptop.main()
    assert "\n" not in str(refusal.value)
    assert capfd.readouterr() == ("", "")
    assert not list(var.glob("*.db"))


def test_what_is_wrong_ends_the_process_with_1(prepare: Prepare, var: Path) -> None:
    done = prepare(PORT="abc")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "PORT must be a number from 1 to 65532\n"
    assert not var.exists() or not list(var.glob("*.db"))


def test_the_first_start_makes_everything_for_its_owner_alone(prepare: Prepare, var: Path) -> None:
    done = prepare()
    assert (done.returncode, done.stderr) == (0, "")
    names = {
        "gateway.db",
        "invoices.db",
        "budgets.db",
        "expenses.db",
        "caller-secret",
        "key-secret",
        "history-key",
        "demo-key",
    }
    assert names <= {file.name for file in var.iterdir()}
    assert [stat.S_IMODE(file.stat().st_mode) & 0o077 for file in (var, *var.iterdir())] == [0] * (
        1 + len(list(var.iterdir()))
    )
    assert (var / "demo-key").read_text().strip() in done.stdout


def test_the_second_start_shows_no_key(prepare: Prepare, var: Path) -> None:
    prepare()
    key = (var / "demo-key").read_text().strip()
    again = prepare()
    assert again.returncode == 0
    assert key not in again.stdout
    assert (var / "demo-key").read_text().strip() == key


def test_the_key_of_another_database_is_not_lost(prepare: Prepare, var: Path, tmp_path: Path) -> None:
    prepare()
    first = (var / "demo-key").read_text()
    done = [prepare(DATABASE_URL=f"sqlite:///{tmp_path / name}") for name in ("second.db", "third.db")]
    assert [each.returncode for each in done] == [0, 0]
    assert f"is now in {var / 'demo-key.old'}." in done[0].stdout
    assert f"is now in {var / 'demo-key.old2'}." in done[1].stdout
    assert (var / "demo-key.old").read_text() == first
    assert len({file.read_text() for file in var.glob("demo-key*")}) == 3


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        (None, "receipts"),
        ("postgresql://ada@host/books", "receipts-books"),
        ("postgres://host/a%2Fb.v1", "receipts-a%2Fb.v1"),
        ("sqlite:////data/books.db", "receipts-books"),
    ],
)
def test_each_database_has_a_folder_of_receipts(
    monkeypatch: pytest.MonkeyPatch, var: Path, url: str | None, folder: str
) -> None:
    for name in ("PORT", "RECEIPTS_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    if url:
        monkeypatch.setenv("DATABASE_URL", url)
    assert laptop._environment(var)["RECEIPTS_URL"] == (var / folder).as_uri()


def test_where_receipts_are_can_be_said(monkeypatch: pytest.MonkeyPatch, var: Path) -> None:
    monkeypatch.setenv("RECEIPTS_URL", "s3://bucket/receipts")
    assert laptop._environment(var)["RECEIPTS_URL"] == "s3://bucket/receipts"
