"""The key that a request shows. Whatever else is in the header, the password of Basic too, is left unread."""

from base64 import b64decode
from collections.abc import Collection

from werkzeug.datastructures import Headers

BASIC = "Basic"


def key(header: str, schemes: Collection[str]) -> str | None:
    """The key in an Authorization header of one of these schemes; None when it is of another, or cannot be read."""
    scheme, _, shown = header.partition(" ")
    if scheme.capitalize() not in schemes:
        return None
    return _user_name(shown.strip(" ")) if scheme.capitalize() == BASIC else shown.strip(" ")


def sent_by_another_site(headers: Headers) -> bool:
    """Whether a browser sends HTTP Basic, which it remembers and adds by itself, because a page of another site asks.

    Nobody else says where a request comes from. Sec-Fetch-Site is the browser's own judgement (W3C Fetch Metadata);
    one that does not give it names the page's origin at least, which is then compared with the host it talks to.
    """
    if headers.get("Authorization", "").partition(" ")[0].capitalize() != BASIC:
        return False
    if site := headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    origin = headers.get("Origin")
    return origin is not None and origin.partition("://")[2].lower() != headers.get("Host", "").lower()


def _user_name(shown: str) -> str | None:
    """The user name of HTTP Basic (RFC 7617), which must be followed by a colon."""
    try:
        name, colon, _ = b64decode(shown, validate=True).decode().partition(":")
    except ValueError:  # it is not base64, or not UTF-8
        return None
    return name if colon else None
