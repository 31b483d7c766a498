"""The faces of the product: which paths a dialect owns, and its words for an error.

One table serves the services, unmatched paths, wrong methods and the gateway's own errors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.errors import ApiError


@dataclass(frozen=True)
class Dialect:
    """One published API document."""

    name: str
    owns: Callable[[str], bool]
    word: Callable[[ApiError], dict[str, Any]]


def _in_finance(error: ApiError) -> dict[str, Any]:
    said: dict[str, Any] = {"message": str(error)}
    if error.errors:
        said["errors"] = error.errors
    return said


FINANCE = Dialect("finance", owns=lambda path: path.startswith("/v1/dev/finance/"), word=_in_finance)

DIALECTS = (FINANCE,)


def spoken_at(path: str) -> Dialect:
    """The dialect a path belongs to; a path nobody owns is answered in `finance`."""
    return next((dialect for dialect in DIALECTS if dialect.owns(path)), FINANCE)
