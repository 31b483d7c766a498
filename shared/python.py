"""Which Python the product starts on: the oldest patch release of each version on which letters cannot be forged.

CVE-2024-6923 let a line break in an encoded word of a header become one: mended in 3.11.10, 3.12.5 and 3.13.0.
Before, `services.invoices.papers.mime` keeps it from doing harm, which is shown on 3.11.7: hence the oldest 3.11 that
is taken.
"""

import sys

OLDEST = {(3, 11): 7, (3, 12): 5}
"""Version -> patch release; of a later version every one will do."""


def check(version: tuple[int, ...] = sys.version_info[:3]) -> None:
    """Raises SystemExit, with a line that says what is needed, on a Python that is too old."""
    patch = OLDEST.get((version[0], version[1]), 0)
    if version < min((*release, first) for release, first in OLDEST.items()) or version[2] < patch:
        needed = ", ".join(f"{major}.{minor}.{first}" for (major, minor), first in OLDEST.items())
        raise SystemExit(f"Python {'.'.join(map(str, version))} is too old: {needed} or a later one of each is needed")
