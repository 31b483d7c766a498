"""The routes of a workspace's settings."""

from typing import Any

from flask import Response

from services.invoices import actions, queries
from services.invoices.api.finance.schemas import SettingsAnswer, SettingsIn
from services.invoices.api.finance.spelling import spelled_settings
from services.invoices.models import Profile
from shared.web import Routes, caller, db, if_match, one

routes = Routes("settings", __name__, scope="admin", url_prefix="/v1/dev/finance/settings")


@routes.get("")
@routes.response(200, SettingsAnswer)
def get_settings() -> Response:
    """Get the settings of the workspace."""
    return _shown(queries.profile(db(), caller()))


@routes.put("")
@routes.arguments(SettingsIn, example={"seller_name": "Example Ltd", "number_format": "INV-{year}-{number:04d}"})
@routes.response(200, SettingsAnswer)
def update_settings(facts: dict[str, Any]) -> Response:
    """Update the settings: what is named changes, the rest stays."""
    return _shown(actions.configure(db(), caller(), facts, if_match()))


def _shown(profile: Profile) -> Response:
    return one(spelled_settings(profile), tag=str(profile.version))
