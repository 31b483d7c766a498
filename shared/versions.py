"""Versions: the strong ETag of a resource, and the If-Match that insists on one."""

from typing import TYPE_CHECKING

from werkzeug.http import parse_etags

from shared.errors import PreconditionFailed

if TYPE_CHECKING:
    from sqlalchemy.orm import Mapped


class Versioned:
    """A row of which clients see the version."""

    if TYPE_CHECKING:
        version: Mapped[int]

    @property
    def etag(self) -> str:
        """Its version, as `If-Match` names it."""
        return str(self.version)


class IfMatch:
    """The version a client insists on; without the header, any version will do."""

    def __init__(self, header: str | None = None) -> None:
        self._tags = None if header is None else parse_etags(header)

    def check(self, tag: str) -> None:
        """Raise PreconditionFailed unless `tag` is the version insisted on."""
        if self._tags is not None and not self._tags.contains(tag):
            raise PreconditionFailed
