"""Log time that was spent on a project, change what was logged, and delete it."""

from datetime import time
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.actions import billing
from services.invoices.actions.writing import Facts, Told
from services.invoices.models import Invoice, Project, TimeEntry
from services.invoices.queries import TIME_ENTRIES, may_see, of_workspace, today
from shared import audit, people
from shared.caller import Caller
from shared.db import Database, insert, new_id, now
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.versions import IfMatch

PLAIN = ("description", "billable")
"""Facts that are a column as they are."""


def log_time(db: Database, caller: Caller, project_id: int, facts: Facts) -> TimeEntry:
    """Log time on a project: `hours` and `minutes` of it, begun on `date` (today) at `time` (midnight).

    If told, with `description`, `billable` (yes) and `person_id` (the caller). Date and time are the workspace's.

    Raises:
        NotFound: there is no such project, or no such person.
        Invalid: no time at all; a year out of bounds; or nobody is named, and the key is nobody's.
    """
    with db.write() as session:
        of_workspace(session, Project, caller, project_id)
        entry = TIME_ENTRIES.new(
            uuid=new_id(),
            workspace_id=caller.workspace_id,
            project_id=project_id,
            person_id=_person(session, caller, facts.get("person_id")),
            logged_at=rules.moment(facts.get("date") or today(caller), facts.get("time") or time(), caller.time_zone),
            minutes=rules.spent(facts.get("hours"), facts.get("minutes")),
            billable=True,
            created_by=caller.member_id,
            version=1,
            created_at=(moment := now()),
            updated_at=moment,
        )
        _apply(entry, facts)
        audit.record(session, caller, "created", entry)
        insert(session, entry)
        return entry


def update_time(db: Database, caller: Caller, entry_id: int, facts: Facts, expected: IfMatch) -> TimeEntry:
    """Change what is named of a time entry, as `log_time` names it; what it costs on an invoice follows.

    Raises:
        NotFound (also the person), PreconditionFailed, Conflict.
        Invalid: no time would be left; or a year out of bounds.
        Forbidden: its invoice is in an account that the key may not use.
        Refused: its invoice is completed or sent.
    """
    with db.write() as session, session.no_autoflush:
        entry, invoice = _locked(session, caller, entry_id, expected)
        person = entry.person_id
        _apply(entry, facts)
        if "hours" in facts or "minutes" in facts:
            hours, minutes = divmod(entry.minutes, 60)
            entry.minutes = rules.spent(facts.get("hours", hours), facts.get("minutes", minutes))
        if "date" in facts or "time" in facts:
            was = entry.logged_at.astimezone(ZoneInfo(caller.time_zone))
            entry.logged_at = rules.moment(
                facts.get("date", was.date()), facts.get("time", was.time()), caller.time_zone
            )
        if facts.get("person_id") is not None:
            entry.person_id = _person(session, caller, facts["person_id"])
        if invoice:
            _reprice(session, invoice, entry, other_person=person != entry.person_id)
        if session.is_modified(entry):
            if invoice:
                rules.check_amounts_open(invoice.lifecycle)
            audit.record(session, caller, "updated", entry, _currency(invoice))
            session.flush()
            if invoice:
                billing.recount(session, caller, invoice, {"time_entries": [[entry.id], [entry.id]]})
        return entry


def delete_time(db: Database, caller: Caller, entry_id: int, expected: IfMatch) -> None:
    """Delete a time entry, and take it off its invoice.

    Raises:
        NotFound, PreconditionFailed, Conflict.
        Forbidden: its invoice is in an account that the key may not use.
        Refused: its invoice is completed or sent.
    """
    with db.write() as session, session.no_autoflush:
        entry, invoice = _locked(session, caller, entry_id, expected)
        if invoice:
            rules.check_amounts_open(invoice.lifecycle)
        audit.record(session, caller, "deleted", entry)
        session.delete(entry)
        session.flush()
        if invoice:
            billing.recount(session, caller, invoice, {"time_entries": [[entry_id], []]})


def _locked(session: Session, caller: Caller, entry_id: int, expected: IfMatch) -> tuple[TimeEntry, Invoice | None]:
    """A time entry and the invoice it is on, whose lock is taken first, and which is open."""
    its = (TimeEntry.workspace_id == caller.workspace_id, TimeEntry.id == entry_id)
    on = session.scalar(select(TimeEntry.invoice_id).where(*its))  # with no lock yet, not even one to share
    mine = (Invoice.workspace_id == caller.workspace_id, Invoice.id == on)
    invoice = session.scalar(select(Invoice).where(*mine).with_for_update()) if on else None
    entry = of_workspace(session, TimeEntry, caller, entry_id, lock=True)
    if entry.invoice_id != on:
        raise Conflict
    expected.check(entry.etag)
    if invoice:
        if not may_see(caller, invoice.account_id):
            raise Forbidden
        rules.check_open(completed=invoice.completed)
    return entry, invoice


def _apply(entry: TimeEntry, facts: Facts) -> None:
    for name in PLAIN:
        if name in facts:
            setattr(entry, name, facts[name])


def _currency(invoice: Invoice | None) -> Told:
    """What a time entry's cost is in, for the history."""
    return {"currency": [invoice.currency] * 2} if invoice else {}


def _reprice(session: Session, invoice: Invoice, entry: TimeEntry, *, other_person: bool) -> None:
    """The rate stays the one it was put on the invoice with, unless it is another person's time now."""
    if other_person:
        billing.priced(session, invoice, entry)
    else:
        entry.cost_minor = rules.cost(entry.minutes, entry.rate_micros or 0, invoice.currency).minor


def _person(session: Session, caller: Caller, person_id: int | None) -> int:
    if person_id is None and caller.member_id is None:
        raise Invalid(errors={"person-id": ["Missing data for required field."]})
    if person_id is None or person_id == caller.member_id:
        return caller.member_id or 0
    if not people.is_known(session, caller.workspace_id, person_id):
        raise NotFound(f"There is no person {person_id}")
    return person_id
