"""Invoices, their payments, history and settings as the `finance` document spells them."""

from services.invoices.api.finance import invoices, settings

ROUTES = (invoices.routes, settings.routes)
