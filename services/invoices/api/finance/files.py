"""Files as answers: a PDF, or an image."""

import unicodedata
from urllib.parse import quote

from flask import Response, request

BINARY = {"type": "string", "format": "binary"}


def file(data: bytes, kind: str, *, etag: str, name: str | None = None) -> Response:
    """The bytes, to be shown where they are asked for; 304 when the client has them. `name`: what to save them as."""
    response = Response(data, content_type=kind)
    response.headers["Content-Disposition"] = _inline(name) if name else "inline"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(etag)
    response.make_conditional(request)
    return response


def _inline(name: str) -> str:
    """RFC 6266: the name as ASCII has it, and beside it the whole (RFC 5987) where ASCII has not all of it."""
    stem, dot, ending = name.rpartition(".")
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().strip(" -") or "invoice"
    plain += dot + ending
    whole = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'inline; filename="{plain}"{whole}'
