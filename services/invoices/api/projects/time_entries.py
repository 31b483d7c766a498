"""The routes of time entries."""

from datetime import time, timedelta
from typing import Any

from flask import Response
from marshmallow import Schema, fields

from services.invoices import actions, queries, rules
from services.invoices.api.projects.schemas import TimeEntryIn, TimeEntryQuery
from services.invoices.api.projects.spelling import spelled_entry
from shared.page import Place
from shared.projects_dialect import created, does, done, lists, makes, paged, queried, spelled, takes
from shared.web import Routes, caller, db, if_match, tagged, whole_id

routes = Routes("time-entries", __name__, scope="invoices")

ID = "<id:entry_id>"
EXAMPLE = {
    "description": "Painting decal on engine housing",
    "person-id": "414",
    "date": "20150617",
    "time": "12:25",
    "hours": "2",
    "minutes": "20",
    "isbillable": "1",
}
SHOWN = {
    "id": "938",
    "project-id": "1149",
    "project-name": "API Private Items",
    "company-id": "51",
    "company-name": "Kent Farms",
    "person-id": "414",
    "person-first-name": "Daniel",
    "person-last-name": "Mackey",
    "date": "2015-06-17T12:25:00Z",
    "description": "Painting decal on engine housing",
    "hours": "2",
    "minutes": "20",
    "isbillable": "1",
    "isbilled": "0",
    "invoice-id": "",
    "invoiceNo": "",
    "updated-date": "2015-06-17T15:00:00Z",
}


class TimeEntryOut(Schema):
    """A time entry."""

    class Meta:
        include = {name: fields.String() for name in SHOWN}  # noqa: RUF012


class TimeEntryAnswer(Schema):
    entry = fields.Nested(TimeEntryOut, data_key="time-entry")


class TimeEntryList(Schema):
    entries = fields.List(fields.Nested(TimeEntryOut), data_key="time-entries")


@routes.get("/time_entries.json")
@queried(routes, TimeEntryQuery)
@lists(routes, TimeEntryList, example={"time-entries": [SHOWN]})
def list_time_entries(query: dict[str, Any]) -> Response:
    """List the time entries of all projects."""
    return _listed(query)


@routes.get("/projects/<id:project_id>/time_entries.json")
@queried(routes, TimeEntryQuery)
@lists(routes, TimeEntryList, example={"time-entries": [SHOWN]})
def list_time_entries_of_project(query: dict[str, Any], project_id: str) -> Response:
    """List the time entries of one project."""
    return _listed(query, project_id=whole_id(project_id))


@routes.post("/projects/<id:project_id>/time_entries.json")
@takes(routes, "time-entry", TimeEntryIn, example=EXAMPLE)
@makes(routes)
def create_time_entry(facts: dict[str, Any], project_id: str) -> Response:
    """Log time on a project. Date and time are those of the workspace's time zone."""
    return created(actions.log_time(db(), caller(), whole_id(project_id), _plain(facts)).id)


@routes.get(f"/time_entries/{ID}.json")
@routes.response(200, TimeEntryAnswer, example={"time-entry": SHOWN})
def get_time_entry(entry_id: str) -> Response:
    """Get a time entry."""
    entry = queries.entry(db(), caller(), whole_id(entry_id))
    return tagged({"time-entry": spelled(spelled_entry(entry))}, etag=entry.entry.etag)


@routes.put(f"/time_entries/{ID}.json")
@takes(routes, "time-entry", TimeEntryIn, example={"hours": "2", "minutes": "30"})
@does(routes)
def update_time_entry(facts: dict[str, Any], entry_id: str) -> Response:
    """Update a time entry: what is named changes, the rest stays, be it only the hours or only the minutes."""
    actions.update_time(db(), caller(), whole_id(entry_id), _plain(facts), if_match())
    return done()


@routes.delete(f"/time_entries/{ID}.json")
@does(routes)
def delete_time_entry(entry_id: str) -> Response:
    """Delete a time entry, and take it off its invoice."""
    actions.delete_time(db(), caller(), whole_id(entry_id), if_match())
    return done()


def _listed(query: dict[str, Any], *, project_id: int | None = None) -> Response:
    place = Place(query.pop("page"), query.pop("size"), "id", descending=False)
    first, last, zone = query.pop("from_", None), query.pop("to", None), caller().time_zone
    span = {
        "from_": rules.moment(first, time(), zone) if first else None,
        "until": rules.moment(last + timedelta(days=1), time(), zone) if last else None,
    }
    found, count = queries.entries(db(), caller(), place, project_id=project_id, **span, **query)
    return paged("time-entries", map(spelled_entry, found), count, place)


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """What is a fact of the domain as it is; nothing stands for what can be nothing alone."""
    return {name: value for name, value in facts.items() if value is not None or name == "description"}
