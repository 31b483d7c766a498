"""The history of a workspace as `finance` spells its things. It shows all that happens, and so needs `admin`."""

from typing import Any

from flask import Response, current_app
from marshmallow import Schema, fields

from gateway.history.sources import OWN, Sources, as_text
from gateway.history.vocabulary import VOCABULARY
from shared import chain, heads
from shared.db import now
from shared.errors import Unavailable
from shared.fields import Text
from shared.heads import Heads
from shared.telling import ENTRIES_SHOWN, EntryAsk, EntryFilters, EntryList, ours, spelled_head
from shared.web import Routes, caller, db, listing, one

routes = Routes("history", __name__, scope="admin", url_prefix="/v1/dev/finance/history")

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
HEAD_SHOWN = {
    "data": {
        "workspace_id": "1f0e8a52-6c1b-4a57-9d3e-0c5a7be1f000",
        "at": "2024-03-01T09:31:00Z",
        "heads": [{"service": "invoices", "position": 2, "hash": HASH, "at": "2024-03-01T09:31:00Z"}],
        "text": f"countinghouse history 1\nworkspace 1f0e8a52-...\nat 2024-03-01T09:31:00.000000Z\ninvoices 2 {HASH}\n",
        "signature": "b1yTx5mF...==",
        "public_key": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA...\n-----END PUBLIC KEY-----\n",
    }
}


class HistoryQuery(EntryFilters):
    """What narrows the history of a workspace, and pages it."""

    cursor = Text(load_default=None, metadata={"description": "`next_cursor` of the page before."})


class EndOut(Schema):
    """Where one service's chain ends; at position 0 where it has not begun."""

    service = fields.String()
    position = fields.Integer()
    hash = fields.String(metadata={"description": "SHA-256, in hexadecimal."})
    at = fields.AwareDateTime(allow_none=True, metadata={"description": "Of the last entry."})


class HeadOut(Schema):
    """Where the chains of a workspace end now, signed."""

    workspace_id = fields.UUID()
    at = fields.AwareDateTime()
    heads = fields.List(fields.Nested(EndOut))
    text = fields.String(metadata={"description": "What is signed: the same in a line each."})
    signature = fields.String(metadata={"description": "Ed25519, in base64."})
    public_key = fields.String(metadata={"description": "PEM. Keep it once, and compare it."})


class HeadAnswer(Schema):
    data = fields.Nested(HeadOut)


@routes.get("")
@routes.arguments(HistoryQuery, location="query")
@routes.response(200, EntryList, example=ENTRIES_SHOWN)
def list_history(query: dict[str, Any]) -> Response:
    """List what happened in the workspace, the newest first.

    From all services, narrowed by thing, action, person, key, request and time. Needs `admin`, and a key for all
    accounts. With a service away it is 503, never shorter.
    """
    caller().check_everywhere()  # there is no telling which entries are of which account
    limit, cursor = query.pop("limit"), query.pop("cursor")
    page = _sources().newest(caller(), dict(as_text(query)), _own, limit=limit, cursor=cursor)
    return listing(page, dict)


@routes.get("/head")
@routes.response(200, HeadAnswer, example=HEAD_SHOWN)
def get_history_head() -> Response:
    """Get the head of the history, signed, to be kept elsewhere: nothing before it can be changed unseen.

    Where the chain of each service ends, and a signature over that (Ed25519). Who has kept a head can show that
    nothing before it was changed since.
    """
    caller().check_everywhere()  # there is no telling which entries are of which account
    sources, workspace_id = _sources(), caller().workspace_id
    if not sources.key:
        raise Unavailable("This installation has no key to sign heads with", retry_after=3600)
    ends = sources.heads(caller(), chain.head(db(), workspace_id))
    facts = Heads(workspace_id, now(), ends)
    shown = [{"service": name, **spelled_head(ends[name])} for name in sorted(ends)]
    said = {"workspace_id": workspace_id, "at": facts.at, "heads": shown}
    return one(said | heads.signed(facts, sources.key))


def _own(query: dict[str, Any]) -> dict[str, Any]:
    return ours(EntryAsk().load({name: str(value) for name, value in query.items()}), VOCABULARY, OWN)


def _sources() -> Sources:
    known: Sources = current_app.extensions["history"]
    return known
