"""Each receipt that an expense names is there, byte for byte; and none is kept that no expense names."""

from collections.abc import Iterator

from sqlalchemy import Connection

from deploy.copies import receipts
from services.expenses.receipts import ORPHAN_AGE, Receipt, Receipts
from shared.db import Database
from shared.errors import Unavailable
from shared.verify import Wrong

FORGOTTEN = 2 * ORPHAN_AGE
"""The relay sweeps once an hour what is older than an hour; what is older than this should be gone."""


def wrong(connection: Connection, store: Receipts, expenses: Database) -> Iterator[Wrong]:
    """What is wrong with receipts. What was removed since the moment of `connection` is nothing wrong."""
    for row in receipts.named(connection):
        thing = f"expense {row.uuid}"
        try:
            same = Receipt(store.fetch(row.receipt_key), "").digest == row.receipt_digest
        except Unavailable:
            if receipts.is_named(expenses, row.receipt_key):
                yield Wrong(row.workspace_id, thing, f"its receipt {row.receipt_key} cannot be read")
            continue
        if not same:
            yield Wrong(row.workspace_id, thing, f"its receipt {row.receipt_key} is another file than was uploaded")
    for key in store.orphans(expenses, FORGOTTEN):
        yield Wrong(key.partition("/")[0], f"receipt {key}", "is kept, and no expense names it")
