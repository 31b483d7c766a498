"""The `projects` document: invoices of projects, and what they bill. Paths end in `.json`."""

from services.invoices.api.projects import companies, invoices, projects, time_entries

ROUTES = (invoices.routes, projects.routes, companies.routes, time_entries.routes)
