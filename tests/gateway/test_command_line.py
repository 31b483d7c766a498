"""`python -m gateway.keys`, as it is typed."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import typer
from typer.testing import CliRunner

from gateway import laptop
from gateway.keys import HISTORY, queries
from gateway.keys.__main__ import _expiry, cli
from shared.db import Database, new_id, now
from tests.gateway.office import KEY_SECRET

ROOT = Path(__file__).parents[2]

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "new" / "var"


@pytest.fixture
def type_it(var: Path) -> Run:
    """Runs the command as a process of its own."""

    def ran(*arguments: str) -> CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "VAR": str(var)}
        command = [sys.executable, "-m", "gateway.keys", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    return ran


@pytest.fixture
def run(var: Path) -> Iterator[Run]:
    """Runs the command in this process, which is quicker. Keywords are variables of its environment."""
    clear = dict.fromkeys(("DATABASE_URL", "KEY_SECRET"))

    def ran(*arguments: str, **variables: str) -> CompletedProcess[str]:
        done = CliRunner().invoke(cli, arguments, env=clear | {"VAR": str(var), **variables})
        return CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    before = os.umask(0o022)
    yield ran
    os.umask(before)


def test_it_makes_everything_on_an_empty_folder_and_the_key_works(type_it: Run, var: Path) -> None:
    done = type_it("create", "--workspace", "Acme", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert set(said) == {"key", "workspace_id", "account_id", "company_id"}
    assert (said["company_id"], said["account_id"]) == (1, said["workspace_id"])
    assert stat.S_IMODE((var / "key-secret").stat().st_mode) == 0o600
    db = Database(f"sqlite:///{var / 'gateway.db'}")
    found = queries.find(db, laptop.secret(var, "key-secret"), said["key"])
    db.close()
    assert found is not None
    assert found.caller.workspace_id == said["workspace_id"]


def test_without_json_the_key_alone_is_on_standard_output(run: Run) -> None:
    done = run("create", "--workspace", "Acme")
    assert done.stdout.startswith("ch_")
    assert done.stdout.count("\n") == 1


def test_all_that_can_be_said_is_kept(run: Run) -> None:
    account = new_id()
    said = json.loads(
        run(
            *("create", "--workspace", "Acme", "--account", account, "--member", "Ada King Byron <ada@example.com>"),
            *("--scopes", "invoices:read, admin", "--expires", "30d", "--json"),
        ).stdout
    )
    assert said["account_id"] == account
    (listed,) = json.loads(run("list", "--json").stdout)
    assert listed["shown"] == said["key"][:11]
    assert (listed["workspace"], listed["scopes"], listed["account_ids"]) == (
        "Acme",
        ["invoices:read", "admin"],
        [account],
    )
    assert listed["expires_at"] is not None
    assert said["key"] not in run("list").stdout


def test_a_new_workspace_has_the_currency_and_time_zone_it_is_given(run: Run, var: Path) -> None:
    options = ("create", "--workspace", "Acme", "--currency", "JPY", "--time-zone", "Asia/Tokyo")
    keys = [run(*options).stdout.strip(), run(*options).stdout.strip(), run(*options[:3]).stdout.strip()]
    db = Database(f"sqlite:///{var / 'gateway.db'}")
    found = [queries.find(db, laptop.secret(var, "key-secret"), key) for key in keys]
    db.close()
    assert [each and (each.caller.currency, each.caller.time_zone) for each in found] == [("JPY", "Asia/Tokyo")] * 3


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--currency", "EUR", "The workspace 'Acme' has the currency USD, and keeps it"),
        ("--time-zone", "Europe/Berlin", "The workspace 'Acme' has the time zone UTC, and keeps it"),
    ],
)
def test_a_workspace_keeps_its_currency_and_time_zone(run: Run, option: str, value: str, why: str) -> None:
    assert run("create", "--workspace", "Acme").returncode == 0
    done = run("create", "--workspace", "Acme", option, value)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"gateway.keys: {why}\n")
    assert len(json.loads(run("list", "--json").stdout)) == 1


def test_a_key_can_be_revoked(run: Run) -> None:
    key = run("create", "--workspace", "Acme").stdout.strip()
    assert run("revoke", key).stdout == f"revoked {key[:11]}\n"
    assert f"{key[:11]}  revoked  Acme" in run("list").stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--scopes", "invoices:raed"), "Unknown scope: invoices:raed"),
        (("--scopes", "internal"), "Unknown scope: internal"),
        (("--expires", "3w"), "30d, 12h or 45m"),
        (("--expires", ""), "30d, 12h or 45m"),
        (("--account", "7"), "UUID"),
        (("--currency", "usd"), "ISO 4217"),
        (("--currency", "XAU"), "ISO 4217"),
        (("--time-zone", "Berlin"), "IANA"),
        (("--time-zone", "../etc/localtime"), "IANA"),
        (("--member", "Ada <nowhere>"), "First Last <mail>"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_nothing_is_made(
    run: Run, var: Path, arguments: tuple[str, str], why: str
) -> None:
    done = run("create", "--workspace", "Acme", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    if (var / "gateway.db").exists():
        db = Database(f"sqlite:///{var / 'gateway.db'}")
        assert queries.listing(db) == []
        db.close()


@pytest.mark.parametrize("span", ["0d", "-1d", "3w", "1.5h", "d", "30", " 1d", "1D", "٣d"])
def test_a_span_is_a_number_and_a_unit(span: str) -> None:
    with pytest.raises(typer.Exit):
        _expiry(span)


@pytest.mark.parametrize(
    ("span", "meant"), [("30d", timedelta(days=30)), ("12h", timedelta(hours=12)), ("45m", timedelta(minutes=45))]
)
def test_spans_are_days_hours_or_minutes(span: str, meant: timedelta) -> None:
    made = _expiry(span)
    assert made is not None
    assert timedelta(0) <= now() + meant - made < timedelta(minutes=1)


def test_another_workspaces_account_is_refused(run: Run) -> None:
    acme = json.loads(run("create", "--workspace", "Acme", "--json").stdout)
    done = run("create", "--workspace", "Beta", "--account", acme["account_id"])
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "gateway.keys: That account is another workspace's\n")


def test_without_scopes_a_key_may_read(run: Run) -> None:
    run("create", "--workspace", "Acme")
    (listed,) = json.loads(run("list", "--json").stdout)
    assert listed["scopes"] == ["invoices:read", "budgets:read", "expenses:read"]


def test_what_is_made_is_its_owners_alone(type_it: Run, var: Path) -> None:
    type_it("create", "--workspace", "Acme")
    db = Database(f"sqlite:///{var / 'gateway.db'}")
    assert len(queries.listing(db)) == 1  # what SQLite keeps beside an open database is as private as that
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (var, *var.iterdir())}
    db.close()
    assert modes.pop("var") == 0o700
    assert set(modes) >= {"gateway.db", "gateway.db-wal", "gateway.db-shm", "key-secret"}
    assert set(modes.values()) == {0o600}


def test_a_key_can_be_rotated(run: Run, var: Path) -> None:
    first = run("create", "--workspace", "Acme").stdout.strip()
    done = run("rotate", first, "--overlap", "12h")
    assert (done.returncode, done.stderr) == (0, "The one before ends in 12h. It is not shown again.\n")
    second = done.stdout.strip()
    assert "valid, its older secret valid until " in run("list").stdout
    third = run("rotate", second[:11], "--overlap", "0").stdout.strip()
    db = Database(f"sqlite:///{var / 'gateway.db'}")
    found = [queries.find(db, laptop.secret(var, "key-secret"), key) is not None for key in (first, second, third)]
    db.close()
    assert found == [False, False, True]
    (listed,) = json.loads(run("list", "--json").stdout)
    assert listed["last_used_at"] is None
    assert "never used" in run("list").stdout


def test_a_wrong_overlap_rotates_nothing(run: Run, var: Path) -> None:
    key = run("create", "--workspace", "Acme").stdout.strip()
    done = run("rotate", key, "--overlap", "soon")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gateway.keys: --overlap is a number with d, h or m, as in 30d, 12h or 45m, not 'soon'\n"
    db = Database(f"sqlite:///{var / 'gateway.db'}")
    assert queries.find(db, laptop.secret(var, "key-secret"), key) is not None
    db.close()


def test_an_unknown_key_cannot_be_revoked(run: Run) -> None:
    done = run("revoke", "ch_00000000")
    assert (done.returncode, done.stderr) == (2, "gateway.keys: There is no such key\n")


def test_it_uses_the_database_and_the_secret_it_is_given(
    run: Run, var: Path, fresh_database: Callable[[Path], str]
) -> None:
    url = fresh_database(HISTORY)
    key = run("create", "--workspace", "Acme", DATABASE_URL=url, KEY_SECRET=KEY_SECRET).stdout.strip()
    db = Database(url)
    assert queries.find(db, KEY_SECRET, key) is not None
    db.close()
    assert not var.exists()


def test_a_secret_that_the_gateway_would_refuse_makes_no_key(run: Run, fresh_database: Callable[[Path], str]) -> None:
    url = fresh_database(HISTORY)
    done = run("create", "--workspace", "Acme", DATABASE_URL=url, KEY_SECRET="x" * 31)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gateway.keys: KEY_SECRET has fewer than 32 bytes\n"
    db = Database(url)
    assert queries.listing(db) == []
    db.close()


def test_several_may_start_at_once_on_an_empty_folder(type_it: Run) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: type_it("create", "--workspace", "Acme", "--json"), range(4)))
    assert [each.returncode for each in done] == [0] * 4, done
    assert len({json.loads(each.stdout)["workspace_id"] for each in done}) == 1
    assert len(json.loads(type_it("list", "--json").stdout)) == 4


def test_all_who_ask_for_a_secret_get_the_same(var: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: laptop.secret(var, "caller-secret"), range(32)))) == 1
    assert [file.name for file in var.iterdir()] == ["caller-secret"]
    assert laptop.secret(var, "key-secret") != laptop.secret(var, "caller-secret")
