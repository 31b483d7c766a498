"""Numbers: the workspace's series, without gaps, and transaction ids.

A series is a row that is counted up in the transaction of the invoice that takes the number, so a number is gone only
when the invoice has it. That row's lock makes invoices of one workspace leave draft one after the other.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.models import Invoice, Series
from services.invoices.queries import known_profile, today
from shared.caller import Caller
from shared.db import broken_constraint, insert, savepoint, upsert
from shared.errors import Conflict, Refused

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 letters and digits that nobody takes for one another: a byte picks each with the same chance."""

CHUNK = 500
"""How many numbers are looked at at once when clients have used the next ones."""

TRIES = 20

Made = TypeVar("Made")


class Taken(Exception):
    """A client gave an invoice, at this very moment, the number that the series had come to."""


def retry_on_taken_number(session: Session, work: Callable[[], Made]) -> Made:
    """Do `work`, which takes a number from the series; once more when a client was quicker with that very number.

    Raises:
        Conflict: a client was quicker every time.
    """
    for _ in range(TRIES):
        try:
            with savepoint(session):
                return work()
        except Taken:
            continue
    raise Conflict


def take(session: Session, caller: Caller) -> str:
    """The next number of the workspace's series that no client has used."""
    number_format = known_profile(session, caller).number_format
    year = today(caller).year
    series = rules.series_year(number_format, year)
    start = _counted_up(session, caller, series)
    for first in _chunks(start):
        numbers = {
            rules.numbered(number_format, year, n): n for n in range(first, first + (1 if first == start else CHUNK))
        }
        used = select(Invoice.number).where(Invoice.workspace_id == caller.workspace_id, Invoice.number.in_(numbers))
        taken = set(session.scalars(used))
        if free := next((number for number in numbers if number not in taken), None):
            if numbers[free] != start:
                _set_last(session, caller, series, numbers[free])
            return free
    raise AssertionError("the chunks never end")


def flushed(session: Session, invoice: Invoice) -> None:
    """Write the changes of an invoice to the database.

    Raises:
        Refused: a client gave it a number that another invoice has.
        Taken: the series did.
    """
    with _numbered(invoice):
        session.flush()


def inserted(session: Session, invoice: Invoice, prefix: str) -> None:
    """Write a new invoice to the database, under a transaction id that is free.

    Raises:
        Refused, Taken: as in `flushed`.
    """
    with _numbered(invoice):
        for _ in range(TRIES):
            invoice.transaction_id = prefix + "".join(ALPHABET[byte % len(ALPHABET)] for byte in secrets.token_bytes(6))
            if insert(session, invoice, unless=("workspace_id", "transaction_id")):
                return
    raise Conflict


@contextmanager
def _numbered(invoice: Invoice) -> Iterator[None]:
    """What the database says of the number, in our words."""
    number, series = invoice.number, invoice.series
    try:
        yield
    except IntegrityError as clash:
        if not _about_number(clash):
            raise
        if series:
            raise Taken from None
        raise Refused(f"The invoice number {number} is already used") from None


def _counted_up(session: Session, caller: Caller, year: int) -> int:
    insert = upsert(session, Series).values(workspace_id=caller.workspace_id, year=year, last=1)
    insert = insert.on_conflict_do_update(index_elements=["workspace_id", "year"], set_={"last": Series.last + 1})
    number: int = session.execute(insert.returning(Series.last)).scalar_one()
    return number


def _set_last(session: Session, caller: Caller, year: int, last: int) -> None:
    mine = (Series.workspace_id == caller.workspace_id, Series.year == year)
    session.execute(update(Series).where(*mine).values(last=last), execution_options={"synchronize_session": False})


def _chunks(start: int) -> Iterator[int]:
    """The first number of each look: one number alone, which is nearly always free, then many at once."""
    yield start
    first = start + 1
    while True:
        yield first
        first += CHUNK


def _about_number(clash: IntegrityError) -> bool:
    name, _ = broken_constraint(clash)
    return "ix_invoices_workspace_id_number" in name or "invoices.number" in name
