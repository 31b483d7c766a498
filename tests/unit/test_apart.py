"""Where one thread serves everybody, nobody waits for another's work: in a process that gevent has patched."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from shared.apart import apart, original
from shared.db import Database
from tests.product import ROOT

PATCHED = """
from gevent import monkey
sleep = __import__("time").sleep  # as a library of its own waits
monkey.patch_all()
import sys, threading, time
done = []
"""

APART = """
from shared.apart import apart
waiting = threading.Thread(target=lambda: done.append(apart(sleep, 0.5)))
waiting.start()
time.sleep(0.05)
assert done == []
waiting.join()
assert done == [None]
"""

LOCKED = """
from sqlalchemy import text
from shared.db import Database
db = Database(sys.argv[1])
def write():
    with db.write() as session:
        session.execute(text("INSERT INTO things VALUES (2)"))
    done.append(True)
waiting = threading.Thread(target=write)
waiting.start()
time.sleep(0.2)
print("others go on", flush=True)
waiting.join(20)
assert done == [True]
"""

ASLEEP = """
from sqlalchemy import text
from shared.db import Database
db = Database(sys.argv[1])
def ask():
    with db.read() as session:
        session.execute(text("SELECT pg_sleep(1)"))
    done.append(True)
waiting = threading.Thread(target=ask)
waiting.start()
passed = 0
while waiting.is_alive():
    time.sleep(0.01)
    passed += 1
assert done == [True]
assert passed > 3
"""


def patched(script: str, *arguments: str) -> subprocess.Popen[str]:
    """A process that gevent has patched."""
    command = [sys.executable, "-c", PATCHED + script, *arguments]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE)


def test_elsewhere_work_is_done_where_it_is_asked_for() -> None:
    assert apart(max, 3, 4) == 4
    assert original("time", "sleep") is time.sleep


def test_others_go_on_while_work_is_done_apart() -> None:
    with patched(APART) as process:
        assert process.wait(60) == 0


def test_others_go_on_while_another_process_writes_to_sqlite(tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    Database(f"sqlite:///{file}").close()
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE things (id INTEGER)")
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO things VALUES (1)")
        with patched(LOCKED, f"sqlite:///{file}") as process:
            assert process.stdout
            assert process.stdout.readline() == "others go on\n"
            other.execute("COMMIT")
            assert process.wait(60) == 0
        assert other.execute("SELECT id FROM things ORDER BY id").fetchall() == [(1,), (2,)]
    other.close()


def test_others_go_on_while_postgresql_works(postgres_url: str) -> None:
    with patched(ASLEEP, postgres_url) as process:
        assert process.wait(60) == 0
