"""The Python that the product starts on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared import python


@pytest.mark.parametrize("version", [(3, 11, 7), (3, 11, 15), (3, 12, 5), (3, 13, 0), (3, 14, 1), (4, 0, 0)])
def test_it_starts_where_letters_are_safe(version: tuple[int, ...]) -> None:
    python.check(version)


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 99), (3, 11, 6), (3, 12, 0), (3, 12, 4)])
def test_it_says_which_it_needs_where_they_are_not(version: tuple[int, ...]) -> None:
    with pytest.raises(SystemExit, match=r"is too old: 3\.11\.7, 3\.12\.5 or a later one of each is needed"):
        python.check(version)


OLD = """
import sys
from collections import namedtuple

names = "major minor micro releaselevel serial"
sys.version_info = namedtuple("version_info", names)(3, 11, 6, "final", 0)
"""


@pytest.mark.parametrize(
    "command",
    [
        ["deploy.run", "serve", "budgets"],
        ["deploy.run", "relay", "budgets"],
        ["deploy.run", "migrate", "budgets"],
        ["deploy.laptop"],
        ["deploy.supervise"],
        ["gateway.keys", "create", "--workspace", "Acme"],
    ],
    ids=" ".join,
)
def test_every_command_refuses_an_old_python_before_it_does_anything(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(OLD)
    root = Path(__file__).parents[2]
    told = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}:{root}", "VAR": str(tmp_path / "var")}
    done = subprocess.run(
        [sys.executable, "-m", *command], env=told, cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Python 3.11.6 is too old: 3.11.7, 3.12.5 or a later one of each is needed\n"
    assert not (tmp_path / "var").exists()
