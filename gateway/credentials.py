"""The key that a request shows. Whatever else is in the header, the password of Basic too, is left unread."""

from base64 import b64decode
from collections.abc import Collection


def key(header: str, schemes: Collection[str]) -> str | None:
    """The key in an Authorization header of one of these schemes; None when it is of another, or cannot be read."""
    scheme, _, shown = header.partition(" ")
    if scheme.capitalize() not in schemes:
        return None
    return _user_name(shown.strip(" ")) if scheme.capitalize() == "Basic" else shown.strip(" ")


def _user_name(shown: str) -> str | None:
    """The user name of HTTP Basic (RFC 7617), which must be followed by a colon."""
    try:
        name, colon, _ = b64decode(shown, validate=True).decode().partition(":")
    except ValueError:  # it is not base64, or not UTF-8
        return None
    return name if colon else None
