"""Expenses as the `finance` document spells them."""

import hashlib
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, request
from marshmallow import Schema, fields
from werkzeug.formparser import FormDataParser

from services.expenses import queries, receipts, writes
from services.expenses.receipts import Receipt
from services.expenses.rules import RECEIPT_TYPES
from services.expenses.vocabulary import OF_SOME_ACCOUNTS, VOCABULARY
from shared.bodies import ListQuery, json_body, load
from shared.describe import ListSchema, listed
from shared.errors import Invalid, NotFound
from shared.fields import Amount, CurrencyCode, Day, Text, WebAddress
from shared.idempotency import IdempotencyKey
from shared.lengths import DESCRIPTION, NAME
from shared.telling import ENTRIES_SHOWN, EntryList, EntryQuery, told
from shared.web import (
    Routes,
    answers_once,
    caller,
    db,
    idempotency_key,
    listing,
    nothing,
    one,
)

if TYPE_CHECKING:
    from services.expenses.models import Expense

PATH = "/v1/dev/finance/expenses"
FILE = "receipt"
REPLACED = "\N{REPLACEMENT CHARACTER}"
"""What werkzeug puts where the bytes of a form's text are not UTF-8."""

routes = Routes("expenses", __name__, scope="expenses", url_prefix=PATH)

EXAMPLE = {"amount": 100.00, "description": "Office Supplies", "category": "supplies", "date": "2024-01-15"}
SHOWN = {
    "data": {
        "id": "82c6f1e8-b885-4485-9cfd-b4980a847aa1",
        **EXAMPLE,
        "currency": "USD",
        "receipt_url": None,
        "budget_id": "f213a6d9-9c55-4922-87b1-8e0a64114d64",
        "created_at": "2024-01-15T09:00:00.000000Z",
        "updated_at": "2024-01-15T09:00:00.000000Z",
    }
}


class ExpenseIn(Schema):
    """What can be written of an expense; everything is optional."""

    description = Text(DESCRIPTION, allow_none=True)
    amount = Amount(metadata={"description": "0.00, unless given."})
    date = Day(allow_none=True)
    category = Text(NAME, allow_none=True)
    receipt_url = WebAddress(allow_none=True, metadata={"description": "An uploaded file wins over it."})
    budget_id = fields.UUID(allow_none=True, metadata={"description": "Another one moves it, null unlinks it."})
    currency = CurrencyCode(metadata={"description": "The workspace's, unless given; the budget's, on a budget."})


class ExpenseForm(ExpenseIn):
    """The same as a form, where numbers are text and an empty field stands for null; the file goes beside it."""

    amount = Amount(text=True)
    receipt = fields.Raw(metadata={"type": "string", "format": "binary"}, dump_only=True)


AS_JSON, AS_FORM = ExpenseIn(), ExpenseForm()


class ExpenseOut(ExpenseIn):
    """An expense."""

    id = fields.UUID()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class ExpenseAnswer(Schema):
    data = fields.Nested(ExpenseOut)


class ExpenseList(ListSchema):
    data = fields.List(fields.Nested(ExpenseOut))


class ExpenseQuery(ListQuery):
    """Filters of the list of expenses."""

    from_ = Day(data_key="from", metadata={"description": "Dated on this day or later."})
    to = Day(metadata={"description": "Dated on this day or before."})
    category = Text(NAME)
    budget_id = fields.UUID()
    currency = CurrencyCode()
    min_amount = Amount(text=True)
    max_amount = Amount(text=True)


def _body(example: Mapping[str, Any]) -> dict[str, Any]:
    """How a body is described that may be JSON or a form."""
    return {
        "required": True,
        "content": {
            "application/json": {"schema": ExpenseIn, "example": example},
            "multipart/form-data": {"schema": ExpenseForm},
        },
    }


@routes.get("")
@routes.arguments(ExpenseQuery, location="query")
@routes.response(200, ExpenseList, example=listed(SHOWN))
def list_expenses(query: dict[str, Any]) -> Response:
    """List expenses.

    Filters may be combined. While `has_more`, `next_cursor` goes on: nothing that stays is skipped or repeated.
    """
    return listing(queries.listing(db(), caller(), **query), spelled)


@routes.post("")
@routes.doc(requestBody=_body(EXAMPLE))
@routes.response(201, ExpenseAnswer, example=SHOWN)
@routes.alt_response(404)
@answers_once
def create_expense() -> Response:
    """Create an expense, with a receipt or without, on a budget or on none.

    Everything is optional: without an amount it is 0.00. A hard budget that has too little left is 422, and nothing
    is made. A receipt (PDF, JPEG, PNG, WebP or HEIC, at most 10 MiB) comes with a form.
    """
    facts, receipt, key = _read()
    return writes.create(facts, receipt, key, _created)


@routes.get("/<uuid:expense_id>")
@routes.response(200, ExpenseAnswer, example=SHOWN)
def get_expense(expense_id: str) -> Response:
    """Get an expense.

    The `ETag` is what `If-Match` takes.
    """
    return _shown(queries.find(db(), caller(), expense_id))


@routes.put("/<uuid:expense_id>")
@routes.doc(
    requestBody=_body(
        {"amount": 150.00, "description": "Updated Office Supplies", "category": "supplies", "date": "2024-01-16"}
    )
)
@routes.response(200, ExpenseAnswer, example=SHOWN)
@answers_once
def update_expense(expense_id: str) -> Response:
    """Update an expense: what is named changes, the rest stays.

    Another `budget_id` moves it, null takes it off its budget. More money, another budget or another date is asked of
    the budget first, and 422 where that refuses; nothing has changed then.
    """
    facts, receipt, key = _read()
    return writes.update(expense_id, facts, receipt, key, _shown)


@routes.delete("/<uuid:expense_id>")
@routes.response(204)
@answers_once
def delete_expense(expense_id: str) -> Response:
    """Delete an expense with its receipt.

    Its budget gets the money back, and its history can still be read.
    """
    return writes.delete(expense_id, idempotency_key(), nothing)


@routes.get("/<uuid:expense_id>/receipt")
@routes.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
@routes.alt_response(206, description="The part asked for by `Range`.", success=True)
@routes.alt_response(304, description="`If-None-Match` names what it still is.")
@routes.alt_response(416, description="The part asked for lies behind the end.")
def get_receipt(expense_id: str) -> Response:
    """Download the receipt, byte for byte as it was uploaded.

    `Range` asks for a part of it. 404 where there is none.
    """
    expense = queries.find(db(), caller(), expense_id)
    if not (expense.receipt_key and expense.receipt_type and expense.receipt_digest):
        raise NotFound
    data = writes.peers().receipts.fetch(expense.receipt_key)
    response = Response(data, content_type=expense.receipt_type)
    name = f"receipt-{expense.uuid}.{RECEIPT_TYPES[expense.receipt_type]}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(expense.receipt_digest)
    response.headers["Accept-Ranges"] = "bytes"
    one_range = request.range is not None and len(request.range.ranges) == 1  # any other is ignored, as it may be
    response.make_conditional(request, accept_ranges=one_range, complete_length=len(data))
    return response


@routes.get("/<uuid:expense_id>/history")
@routes.arguments(EntryQuery, location="query")
@routes.response(200, EntryList, example=ENTRIES_SHOWN)
def list_expense_history(query: dict[str, Any], expense_id: str) -> Response:
    """List what happened to an expense, the oldest first. It can be read after the expense was deleted.

    Each entry says who changed what, from what to what, with which key and in which request.
    """
    words = VOCABULARY if caller().account_ids is None else OF_SOME_ACCOUNTS
    return told(queries.history(db(), caller(), expense_id, **query), words)


def spelled(expense: "Expense") -> dict[str, Any]:
    """An expense in the document's words; written by hand, because a list of them is a hot path."""
    return {
        "id": expense.uuid,
        "description": expense.about,
        "amount": expense.amount,
        "currency": expense.currency,
        "date": expense.spent_on,
        "category": expense.category,
        "receipt_url": _receipt_url(expense),
        "budget_id": expense.budget_id,
        "created_at": expense.created_at,
        "updated_at": expense.updated_at,
    }


def _receipt_url(expense: "Expense") -> str | None:
    if expense.receipt_key:
        return f"{current_app.config['PUBLIC_URL']}{PATH}/{expense.uuid}/receipt"
    return expense.receipt_url


def _shown(expense: "Expense") -> Response:
    return one(spelled(expense), etag=expense.etag)


def _created(expense: "Expense") -> Response:
    return one(spelled(expense), etag=expense.etag, status=201, location=f"{PATH}/{expense.uuid}")


def _read() -> tuple[dict[str, Any], Receipt | None, IdempotencyKey | None]:
    """The facts of the request, its file, and its key."""
    if request.mimetype != "multipart/form-data":
        return load(AS_JSON, json_body()), None, idempotency_key()
    texts, files = _form()
    for name in [*texts, *files]:
        if len(texts.get(name, ())) > 1 or len(files.get(name, ())) > 1 or (name in texts and name in files):
            raise Invalid(errors={name: ["Given more than once."]})
    if unknown := files.keys() - {FILE}:
        raise Invalid(errors={name: ["Unknown file."] for name in unknown})
    facts = load(AS_FORM, {name: values[0] or None for name, values in texts.items()})
    data = files[FILE][0] if files else None
    parts = [f"{name}={values[0]}".encode() for name, values in sorted(texts.items())]
    key = idempotency_key(b"form", *parts, hashlib.blake2b(data or b"").digest())
    return facts, receipts.read(data) if data is not None else None, key


def _form() -> tuple[dict[str, list[str]], dict[str, list[bytes | None]]]:
    """The fields and the files of a form that arrived whole.

    Raises:
        Invalid: it is cut short, has no boundary, nothing in it, or text that is not UTF-8.
    """
    parser = FormDataParser(  # werkzeug's own makes an empty form of a broken one
        silent=False,
        stream_factory=lambda *_, **__: BytesIO(),
        max_form_memory_size=request.max_form_memory_size,
        max_form_parts=request.max_form_parts,
    )
    try:
        _, form, files = parser.parse(request.stream, request.mimetype, request.content_length, request.mimetype_params)
    except ValueError:
        raise Invalid(errors={"form": ["Not a whole form."]}) from None
    taken = {
        name: [file.read() if file.filename else None for file in named]  # none where no file was chosen
        for name, named in files.lists()
    }
    if not form and not taken:
        raise Invalid(errors={"form": ["A form with at least one field is required."]})
    if REPLACED in "".join(value for _, value in form.items(multi=True)):
        raise Invalid(errors={"form": ["Not valid UTF-8."]})
    return dict(form.lists()), taken
