"""Whether the series of numbers are whole: each number up to the last is an invoice's, or was a client's own."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from services.invoices import rules
from services.invoices.models import Invoice, Profile, Series
from shared.audit import Audit
from shared.verify import Wrong


def wrong_numbers(connection: Connection) -> Iterator[Wrong]:
    """Gaps in the series, and numbers beyond them."""
    for (workspace_id,) in connection.execute(select(Invoice.workspace_id).union(select(Series.workspace_id))).all():
        yield from _of_workspace(connection, workspace_id)


def _of_workspace(connection: Connection, workspace_id: str) -> Iterator[Wrong]:
    mine = select(Invoice.number, Invoice.series, Invoice.uuid).where(Invoice.workspace_id == workspace_id)
    invoices = connection.execute(mine.where(Invoice.number.is_not(None))).all()
    there, formats, given = {row.number for row in invoices}, _formats(connection, workspace_id), set[str]()
    missing = []
    series = select(Series.year, Series.last).where(Series.workspace_id == workspace_id)
    for year, last in connection.execute(series.order_by(Series.year)):
        for number in range(1, last + 1):
            names = {rules.numbered(each, year, number) for each in formats if rules.series_year(each, year) == year}
            given |= names
            if not names & there:
                missing.append((year, number, names))
    if missing:
        once = _once(connection, workspace_id)
        for year, number, names in missing:
            if not names & once:
                yield Wrong(workspace_id, f"series {year or 'of all years'}", f"number {number} is missing")
    for row in invoices:
        if row.series and row.number not in given:
            yield Wrong(workspace_id, f"invoice {row.uuid}", f"its number {row.number} is of no series")


def _formats(connection: Connection, workspace_id: str) -> set[str]:
    """Every format that the workspace's numbers have had."""
    formats = {rules.NUMBER_FORMAT}
    now = select(Profile.number_format).where(Profile.workspace_id == workspace_id)
    formats.update(connection.execute(now).scalars())
    told = select(Audit.changes).where(Audit.workspace_id == workspace_id, Audit.subject_id == workspace_id)
    for changes in connection.execute(told).scalars():
        formats.update(side for side in changes.get("number_format", ()) if side)
    return formats


def _once(connection: Connection, workspace_id: str) -> set[str]:
    """Every number that an invoice had once: a client may have deleted its own invoice, or numbered it anew."""
    told = select(Audit.changes).where(Audit.workspace_id == workspace_id, Audit.subject == "invoice")
    numbers: set[str] = set()
    for changes in connection.execute(told.execution_options(yield_per=500)).scalars():
        numbers.update(side for side in changes.get("number", ()) if side)
    return numbers
