"""SECURITY.md names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")


def test_every_test_that_the_security_page_names_is_there() -> None:
    named = NAMED.findall((ROOT / "SECURITY.md").read_text())
    assert len(named) > 15
    gone = [(file, test) for file, test in named if f"def {test}" not in _text(ROOT / file)]
    assert gone == []


def _text(file: Path) -> str:
    return file.read_text() if file.is_file() else ""
