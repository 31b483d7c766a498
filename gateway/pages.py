"""The pages that a stranger may see: health, the descriptions of the API, and Swagger UI to read them with."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory, url_for

from gateway.components import components
from shared.dialects import DIALECTS
from shared.errors import NotFound
from shared.web import answer

STATIC = Path(__file__).parent / "static"
DESCRIPTIONS = STATIC / "openapi"
"""A file for each dialect. `make openapi` writes them, and `make check` compares."""

ASSETS = {
    "docs.css": STATIC,
    "docs.js": STATIC,
    "swagger-ui.css": STATIC / "swagger-ui",
    "swagger-ui-bundle.js": STATIC / "swagger-ui",
    "swagger-ui-standalone-preset.js": STATIC / "swagger-ui",
    "favicon-32x32.png": STATIC / "swagger-ui",
}
"""What the page is made of, and where it lies. Nothing comes from elsewhere."""

CSP = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Swagger UI draws its icons from `data:` addresses; nothing else is inline."""

NAMES = [dialect.name for dialect in DIALECTS]

pages = Blueprint("pages", __name__)


@pages.get("/")
def start() -> Response:
    """Where somebody begins who has only the address."""
    return Response(status=302, headers={"Location": url_for("pages.docs")})


@pages.get("/healthz")
def healthz() -> Response:
    """The process is alive."""
    return answer({"status": "ok"})


@pages.get("/readyz")
def readyz() -> Response:
    """The product can answer: this database is current and every service is ready."""
    away = components().readiness.missing()
    if away:
        return answer({"status": "not ready", "message": f"not ready: {', '.join(away)}", "not_ready": away}, 503)
    return answer({"status": "ready"})


@pages.get(f"/openapi/<any({', '.join(NAMES)}):name>.json")
def description(name: str) -> Response:
    """The description of a dialect. Another name is no open page: a stranger hears 401 as everywhere, a key 404."""
    return send_from_directory(DESCRIPTIONS, f"{name}.json")


@pages.get("/docs")
def docs() -> Response:
    """Swagger UI on these descriptions."""
    return _static(STATIC, "docs.html")


@pages.get("/openapi.json")
def descriptions() -> Response:
    """Which descriptions there are. The page above has them in its menu."""
    return answer([{"name": name, "url": url_for("pages.description", name=name)} for name in NAMES])


@pages.get("/docs/<name>")
def asset(name: str) -> Response:
    """A file of that page."""
    if name not in ASSETS:
        raise NotFound
    return _static(ASSETS[name], name)


def _static(folder: Path, name: str) -> Response:
    response = send_from_directory(folder, name, max_age=3600)
    response.headers["Content-Security-Policy"] = CSP
    return response
