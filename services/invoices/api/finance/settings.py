"""The routes of a workspace's settings, and of its logo."""

from typing import TYPE_CHECKING, Any

from flask import Response, request

from services.invoices import actions, queries
from services.invoices.api.finance.files import BINARY, file
from services.invoices.api.finance.schemas import (
    LOGO_SHOWN,
    SETTINGS,
    SETTINGS_SHOWN,
    LogoAnswer,
    SettingsAnswer,
    SettingsIn,
)
from services.invoices.api.finance.spelling import spelled_logo, spelled_settings
from services.invoices.papers import logos
from services.invoices.papers.logos import KINDS
from services.invoices.places import drawing
from shared.web import Routes, answers_once, caller, db, idempotency_key, if_match, nothing, one, run_idempotent

if TYPE_CHECKING:
    from services.invoices.models import Profile

routes = Routes("settings", __name__, scope="admin", url_prefix="/v1/dev/finance/settings")


@routes.get("")
@routes.response(200, SettingsAnswer, example=SETTINGS_SHOWN)
def get_settings() -> Response:
    """Get the settings of the workspace.

    Who sends the invoices, how they are numbered and drawn, and who approves them. Before anything is written, these
    are the defaults.
    """
    return _shown(queries.profile(db(), caller()))


@routes.put("")
@routes.arguments(SettingsIn, example=SETTINGS)
@routes.response(200, SettingsAnswer, example=SETTINGS_SHOWN)
def update_settings(facts: dict[str, Any]) -> Response:
    """Update the settings: what is named changes, the rest stays.

    Another `seller_name`, other `bank_details` and a stricter `approval_policy` ask for approval again of what is
    approved and not paid.
    """
    return _shown(actions.configure(db(), caller(), facts, if_match()))


def _shown(profile: "Profile") -> Response:
    return one(spelled_settings(profile), etag=profile.etag)


@routes.get("/logo")
@routes.response(200, BINARY, content_type="image/png")
@routes.alt_response(304, description="`If-None-Match` names what it still is.")
@routes.alt_response(404)
def get_logo() -> Response:
    """Download the logo of the workspace, byte for byte as it was uploaded.

    404 where there is none.
    """
    logo = queries.logo(db(), caller())
    return file(logo.data, logo.kind, etag=logo.digest)


@routes.put("/logo")
@routes.doc(requestBody={"required": True, "content": {kind: {"schema": BINARY} for kind in KINDS}})
@routes.response(200, LogoAnswer, example=LOGO_SHOWN)
@answers_once
def put_logo() -> Response:
    """Put a logo on all PDFs from now on: the body is a PNG or JPEG image of at most 512 KiB.

    It has at most four million pixels. It is drawn once before it is taken, so that no document fails by it.
    """
    with drawing().taken(caller().workspace_id):
        image = logos.read(request.get_data())
    key, expected = idempotency_key(), if_match()

    def work() -> Response:
        logo = actions.put_logo(db(), caller(), image, expected)
        return one(spelled_logo(logo), etag=logo.digest)

    return run_idempotent(key, work)  # not one transaction with the reading of the image, which takes its time


@routes.delete("/logo")
@routes.response(204)
@routes.alt_response(404)
def delete_logo() -> Response:
    """Leave all PDFs from now on without a logo.

    404 where there is none.
    """
    actions.remove_logo(db(), caller(), if_match())
    return nothing()
