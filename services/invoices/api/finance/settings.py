"""The routes of a workspace's settings."""

from typing import TYPE_CHECKING, Any

from flask import Response

from services.invoices import actions, queries
from services.invoices.api.finance.schemas import SETTINGS, SETTINGS_SHOWN, SettingsAnswer, SettingsIn
from services.invoices.api.finance.spelling import spelled_settings
from shared.web import Routes, caller, db, if_match, one

if TYPE_CHECKING:
    from services.invoices.models import Profile

routes = Routes("settings", __name__, scope="admin", url_prefix="/v1/dev/finance/settings")


@routes.get("")
@routes.response(200, SettingsAnswer, example=SETTINGS_SHOWN)
def get_settings() -> Response:
    """Get the settings of the workspace."""
    return _shown(queries.profile(db(), caller()))


@routes.put("")
@routes.arguments(SettingsIn, example=SETTINGS)
@routes.response(200, SettingsAnswer, example=SETTINGS_SHOWN)
def update_settings(facts: dict[str, Any]) -> Response:
    """Update the settings: what is named changes, the rest stays."""
    return _shown(actions.configure(db(), caller(), facts, if_match()))


def _shown(profile: "Profile") -> Response:
    return one(spelled_settings(profile), tag=str(profile.version))
