"""Log time that was spent on a project, change what was logged, and delete it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.invoices import rules
from services.invoices.actions import billing
from services.invoices.actions.writing import Facts
from services.invoices.models import Invoice, Project, TimeEntry
from services.invoices.queries import TIME_ENTRIES, may_see, of_workspace
from shared import audit, people
from shared.caller import Caller
from shared.db import Database, insert, new_id, now
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.versions import IfMatch

PLAIN = ("logged_at", "minutes", "description", "billable")
"""Facts that are a column as they are."""


def log_time(db: Database, caller: Caller, project_id: int, facts: Facts) -> TimeEntry:
    """Log time on a project: `logged_at`, `minutes`; if told `description`, `billable` (yes), `person_id` (the caller).

    Raises:
        NotFound: there is no such project, or no such person.
        Invalid: nobody is named, and the key is nobody's.
    """
    with db.write() as session:
        of_workspace(session, Project, caller, project_id)
        entry = TIME_ENTRIES.new(
            uuid=new_id(),
            workspace_id=caller.workspace_id,
            project_id=project_id,
            person_id=_person(session, caller, facts.get("person_id")),
            billable=True,
            created_by=caller.member_id,
            version=1,
            created_at=(moment := now()),
            updated_at=moment,
        )
        for name in PLAIN:
            if name in facts:
                setattr(entry, name, facts[name])
        audit.record(session, caller, "created", entry)
        insert(session, entry)
        return entry


def update_time(db: Database, caller: Caller, entry_id: int, facts: Facts, expected: IfMatch) -> TimeEntry:
    """Change what is named of a time entry; what it costs on an invoice follows.

    Raises:
        NotFound (also the person), PreconditionFailed, Conflict.
        Forbidden: its invoice is in an account that the key may not use.
        Refused: its invoice is completed; or is sent, and would be over another amount.
    """
    with db.write() as session, session.no_autoflush:
        entry, invoice = _locked(session, caller, entry_id, expected)
        cost = (entry.cost_minor or 0) if entry.billable else 0
        person = entry.person_id
        for name in PLAIN:
            if name in facts:
                setattr(entry, name, facts[name])
        if facts.get("person_id") is not None:
            entry.person_id = _person(session, caller, facts["person_id"])
        if invoice:
            _reprice(session, invoice, entry, other_person=person != entry.person_id)
            if cost != ((entry.cost_minor or 0) if entry.billable else 0):
                rules.check_amounts_open(invoice.lifecycle)
        if session.is_modified(entry):
            audit.record(session, caller, "updated", entry)
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
    on = of_workspace(session, TimeEntry, caller, entry_id).invoice_id
    mine = (Invoice.workspace_id == caller.workspace_id, Invoice.id == on)
    invoice = session.scalar(select(Invoice).where(*mine).with_for_update()) if on else None
    entry = of_workspace(session, TimeEntry, caller, entry_id, lock=True)
    if entry.invoice_id != on:
        raise Conflict
    expected.check(str(entry.version))
    if invoice:
        if not may_see(caller, invoice.account_id):
            raise Forbidden
        rules.check_open(completed=invoice.completed)
    return entry, invoice


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
