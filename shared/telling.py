"""How a service tells of its history: to clients, of one thing; to the gateway, which has four to ask, of a workspace.

`tell_history` is for a service's `internal.py`; the schemas are those of every list of entries.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from flask import Response
from marshmallow import Schema, fields

from shared import chain, history
from shared.chain import Head
from shared.describe import ListSchema, listed
from shared.fields import Day, Text, WholeNumber
from shared.history import Event, Vocabulary
from shared.lengths import LARGEST_ID
from shared.page import DEFAULT_LIMIT, MAX_LIMIT, Page
from shared.web import Routes, answer, caller, db, listing, service

ENTRY_SHOWN = {
    "data": {
        "service": "invoices",
        "id": 2,
        "at": "2024-03-01T09:31:00Z",
        "subject": "invoice",
        "subject_id": "1f0e8a52-6c1b-4a57-9d3e-0c5a7be1f001",
        "action": "sent",
        "member_id": 7,
        "key_id": "1f0e8a52-6c1b-4a57-9d3e-0c5a7be1f006",
        "request_id": "6f1d3c6f5f4c4b6b8f5f1d3c6f5f4c4b",
        "changes": {"status": ["draft", "sent"], "sent_at": [None, "2024-03-01T09:31:00Z"]},
    }
}
ENTRIES_SHOWN = listed(ENTRY_SHOWN)


class EntryOut(Schema):
    """One change of one thing. `service` and `id` together are unique."""

    service = fields.String(metadata={"description": "Where the thing is kept."})
    id = fields.Integer()
    at = fields.AwareDateTime()
    subject = fields.String(metadata={"description": "What kind of thing."})
    subject_id = fields.String()
    action = fields.String()
    member_id = fields.Integer(allow_none=True, metadata={"description": "Whose key it was."})
    key_id = fields.String(metadata={"description": "The key, or the service that acted by itself."})
    request_id = fields.String()
    changes = fields.Dict(metadata={"description": "Field name -> [before, after]"})


class EntryList(ListSchema):
    data = fields.List(fields.Nested(EntryOut))


class EntryQuery(Schema):
    """How the history of one thing is paged."""

    limit = WholeNumber(most=MAX_LIMIT, text=True, load_default=DEFAULT_LIMIT)
    cursor = Text(load_default=None, metadata={"description": "`next_cursor` of the page before."})
    sort = Text(load_default="at", metadata={"description": "`at`, the oldest first, or `-at`."})


class EntryFilters(Schema):
    """What narrows the history of a workspace."""

    limit = WholeNumber(most=MAX_LIMIT, text=True, load_default=DEFAULT_LIMIT)
    subject = Text(metadata={"description": "`invoice`, `expense`, `budget`, `key`, ..."})
    subject_id = Text()
    action = Text(metadata={"description": "`created`, `updated`, `deleted`, `sent`, ..."})
    member_id = WholeNumber(most=2**31 - 1, text=True)
    key_id = Text()
    request_id = Text()
    from_ = Day(data_key="from", metadata={"description": "On this day or later, in the workspace's time zone."})
    to = Day(metadata={"description": "On this day or before."})


class EntryAsk(EntryFilters):
    """The same, and where to go on."""

    before_at = fields.AwareDateTime()
    before_id = WholeNumber(least=0, most=LARGEST_ID, text=True, load_default=0)


def told(page: Page[Event], vocabulary: Vocabulary) -> Response:
    """A page of a history."""
    return listing(page, partial(history.spelled, vocabulary=vocabulary, service=service().name))


def ours(asked: Mapping[str, Any], vocabulary: Vocabulary, name: str) -> dict[str, Any]:
    """What one database tells of the caller's workspace: entries, the newest first, and whether there are more."""
    by = dict(asked)
    limit, at, number = by.pop("limit"), by.pop("before_at", None), by.pop("before_id")
    page = history.newest(db(), caller(), by, limit=limit, before=(at, number) if at else None)
    entries = [history.spelled(each, vocabulary, name) for each in page.rows]
    return {"data": entries, "has_more": page.next_cursor is not None}


def spelled_head(head: Head) -> dict[str, str | int | datetime | None]:
    """The end of a chain."""
    return {"position": head.position, "hash": head.hash, "at": head.at}


def tell_history(routes: Routes, vocabulary: Vocabulary) -> None:
    """Add the routes on which the gateway asks for a workspace's history, and for the end of its chain."""

    @routes.get("/history")
    @routes.arguments(EntryAsk, location="query")
    @routes.response(200, description="Entries, the newest first, and whether there are more.")
    def list_history(asked: dict[str, Any]) -> Response:
        """List what happened in a workspace."""
        return answer(ours(asked, vocabulary, service().name))

    @routes.get("/history/head")
    @routes.response(200, description="Position, hash and instant of the last entry in the chain.")
    def get_head() -> Response:
        """Get the end of a workspace's chain, with all in it that is committed."""
        return answer(spelled_head(chain.head(db(), caller().workspace_id)))
