"""What an invoice may do, and what it adds up to. Plain values in, a plain value or an error out.

The state of an invoice is four separate axes (api.md, section 2): lifecycle, payment, completed, approval.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from shared.amounts import exact
from shared.currencies import EXPONENT
from shared.errors import Conflict, Forbidden, Invalid, Refused
from shared.money import MAX_MINOR, Imprecise, Money

DRAFT, SENT, OVERDUE, PAID, CANCELLED = "draft", "sent", "overdue", "paid", "cancelled"
STATUSES = (DRAFT, SENT, PAID, OVERDUE, CANCELLED)
MOVES: Mapping[str, frozenset[str]] = {
    DRAFT: frozenset({SENT, OVERDUE, PAID, CANCELLED}),
    SENT: frozenset({OVERDUE, PAID, CANCELLED}),
    OVERDUE: frozenset({SENT, PAID, CANCELLED}),
}
"""Where a status can go. Paid and cancelled are final."""

LINES = 1000
"""Of an invoice at most: items, or time entries and expenses together."""

PENDING, IN_PROGRESS, APPROVED, DENIED = "pending", "in progress", "approved", "denied"
APPROVALS = (PENDING, IN_PROGRESS, APPROVED, DENIED)

OPEN, MEMBERS, FOUR_EYES = "open", "members", "four_eyes"
POLICIES = (OPEN, MEMBERS, FOUR_EYES)
"""Who may decide: whoever has the scope; of those, the member who is named; and besides, no member twice."""

UNPAID, PARTIALLY_PAID = "unpaid", "partially paid"
PAYMENT_STATUSES = (UNPAID, PARTIALLY_PAID, PAID)

NUMBER_FORMAT = "INV-{year}-{number:04d}"
MICRO = 6
"""Decimals kept of a unit price (api.md, section 1)."""

_PLACE = re.compile(r"\{(?:(year)|number(?::0(\d)d)?)\}", re.ASCII)


# Lifecycle


def move(status: str, to: str) -> str:
    """The status after moving `to`. Raises Refused when an invoice cannot make that move; the same again is fine."""
    if to != status and to not in MOVES.get(status, ()):
        raise Refused(f"An invoice that is {status} cannot become {to}")
    return to


def shown(lifecycle: str, due_on: date | None, due: Money, today: date) -> str:
    """The status a client sees: `sent` is called `overdue` after its due date, with money still owed."""
    late = lifecycle == SENT and due_on is not None and due_on < today and due.minor > 0
    return OVERDUE if late else lifecycle


def check_open(*, completed: bool) -> None:
    """Raise Refused when the invoice is completed: then every change but `uncomplete` is."""
    if completed:
        raise Refused("The invoice is completed")


def check_released(*, denied: bool) -> None:
    """Raise Refused when the invoice was denied and not approved since: then it is neither sent nor paid."""
    if denied:
        raise Refused("A denied invoice cannot be sent or paid until it is approved anew")


def check_sendable(lifecycle: str, client_email: str | None) -> None:
    """Raise Refused unless the invoice can be mailed."""
    if lifecycle == CANCELLED:
        raise Refused("A cancelled invoice cannot be sent")
    if not client_email:
        raise Refused("The invoice has no client_email")


def check_deletable(paid: Money, *, has_payments: bool, series: bool) -> None:
    """Raise Refused when deleting would erase money that moved, or leave a gap in the numbers."""
    if has_payments or paid.minor:
        raise Refused("An invoice with a payment cannot be deleted; cancel it")
    if series:
        raise Refused("An invoice with a number from the series cannot be deleted; cancel it")


def check_own(user_email: str | None, email: str) -> None:
    """Raise Forbidden unless the invoice is that user's."""
    if user_email is None or not same_address(user_email, email):
        raise Forbidden("The invoice belongs to another user")


def check_unpaid(payment: str) -> None:
    """Raise Refused when something has been paid."""
    if payment != UNPAID:
        raise Refused(f"An invoice that is {payment} cannot be deleted")


def today(time_zone: str) -> date:
    """The date it is now, in a workspace's time zone."""
    return datetime.now(ZoneInfo(time_zone)).date()


# Amounts


@dataclass(frozen=True, slots=True)
class Line:
    """What is billed: `price_micros` is the unit price in millionths, exactly."""

    description: str
    quantity: int
    price_micros: int

    def amount(self, currency: str) -> Money:
        """Quantity x unit price, rounded half up per line. Raises Imprecise when it is too large."""
        return Money.of(Decimal(self.quantity * self.price_micros).scaleb(-MICRO), currency)


def priced(micros: int, currency: str) -> Decimal:
    """Millionths as an exact price, with its own decimals but at least those of the currency."""
    decimals = MICRO
    while decimals > EXPONENT[currency] and micros % 10 == 0:
        micros, decimals = micros // 10, decimals - 1
    return Decimal(micros).scaleb(-decimals)


@dataclass(frozen=True, slots=True)
class Amounts:
    """The three figures at the foot of an invoice."""

    subtotal: Money
    tax: Money
    total: Money


def totals(
    currency: str,
    lines: Money | None = None,
    *,
    subtotal: Money | None = None,
    tax: Money | None = None,
    total: Money | None = None,
) -> Amounts:
    """The figures of an invoice whose items, if it has any, add up to `lines`. Missing ones are computed.

    Raises:
        Refused: a given one does not agree with what it can be checked against.
        Invalid: the total is too large to be kept.
    """
    zero = Money(0, currency)
    if lines is not None:
        if subtotal is not None and subtotal != lines:
            raise Refused(f"subtotal must be {lines}, the sum of the items")
        subtotal = lines
    if subtotal is None:
        subtotal = zero if total is None else _rest(total, tax or zero, "tax")
    if tax is None:
        tax = zero if total is None else _rest(total, subtotal, "subtotal")
    expected = subtotal + tax
    if total is not None and total != expected:
        raise Refused(f"total must be {expected}, the subtotal and the tax")
    if expected.minor > MAX_MINOR:
        raise Invalid(errors={"total": ["Too large."]})
    return Amounts(subtotal, tax, expected)


def amended(old: Amounts, named: Mapping[str, Money], lines: Money | None, *, relined: bool) -> Amounts:
    """The figures after a change that names some of them; the tax stays unless it is named or follows from the others.

    `relined`: the items were replaced, so the old subtotal says nothing any more.
    """
    currency = old.total.currency
    subtotal, tax, total = (named.get(name) for name in ("subtotal", "tax", "total"))
    if lines is None and subtotal is None and total is None:
        subtotal = Money(0, currency) if relined else old.subtotal
    if tax is None and (lines is not None or subtotal is None or total is None):
        tax = old.tax
    return totals(currency, lines, subtotal=subtotal, tax=tax, total=total)


def summed(lines: list[Line], currency: str) -> Money | None:
    """What the lines add up to; None when there are none. Raises Invalid, naming the line, when it is too large."""
    if not lines:
        return None
    total = 0
    for index, line in enumerate(lines):
        try:
            total += line.amount(currency).minor
        except Imprecise as why:
            raise Invalid(errors={"items": {str(index): {"unit_price": [str(why)]}}}) from None
    if total > MAX_MINOR:
        raise Invalid(errors={"items": ["Too large."]})
    return Money(total, currency)


def converted(amounts: Amounts, currency: str, *, itemised: bool) -> Amounts:
    """The same figures in another currency; with items, only the tax counts, since the items are added up anew.

    Raises:
        Invalid: the currency has fewer decimals than they need.
    """
    figures = (Money(0), amounts.tax, Money(0)) if itemised else (amounts.subtotal, amounts.tax, amounts.total)
    return Amounts(*(exact(each.amount, currency, "currency") for each in figures))


def check_amounts_open(lifecycle: str) -> None:
    """Raise Refused when lines and amounts can no longer change: from the moment the invoice leaves draft."""
    if lifecycle != DRAFT:
        raise Refused("Items and amounts are fixed once the invoice is sent")


def check_requested(requested: Money, total: Money) -> None:
    """Raise Refused when more is asked for than the invoice is over."""
    if total < requested:
        raise Refused(f"amount_requested must be at most {total}, the total")


def fixed_at(old: Amounts, cost: Money) -> Amounts:
    """The figures of an invoice whose total is written as such; the tax in it stays.

    Raises:
        Refused: the total is less than the tax.
    """
    return totals(cost.currency, tax=old.tax, total=cost)


def check_items_open(*, billed: bool, relined: bool) -> None:
    """Raise Refused when items are written over the time entries and expenses that an invoice is made of."""
    if billed and relined:
        raise Refused("The items are time entries and expenses; change those, or take them off the invoice")


def check_currency_open(*, carries: bool) -> None:
    """Raise Refused when the currency would change under time entries and expenses."""
    if carries:
        raise Refused("The currency is that of the time entries and expenses on the invoice")


def check_project_open(*, carries: bool) -> None:
    """Raise Refused when the project would change under time entries and expenses."""
    if carries:
        raise Refused("The project is that of the time entries and expenses on the invoice")


def _rest(total: Money, part: Money, name: str) -> Money:
    if total < part:
        raise Refused(f"total must be at least {part}, the {name}")
    return total - part


# Time and expenses


def cost(minutes: int, rate_micros: int, currency: str) -> Money:
    """What so much time costs at a rate an hour, rounded half up, from the minutes (api.md, section 4).

    Raises:
        Invalid: it is too large to be kept.
    """
    try:
        return Money.of(Decimal(minutes * rate_micros).scaleb(-MICRO) / 60, currency)
    except Imprecise as why:
        raise Invalid(errors={"minutes": [str(why)]}) from None


def spent(hours: Decimal | None, minutes: int | None) -> int:
    """How many minutes hours and minutes make. Raises Invalid unless that is a whole number of at least one."""
    total = (hours or 0) * 60 + (minutes or 0)
    if total != int(total) or total < 1:
        raise Invalid(errors={"hours": ["With the minutes, must make one whole minute or more."]})
    return int(total)


def moment(day: date, at: time, time_zone: str) -> datetime:
    """That time of that day in a time zone. Raises Invalid at the two ends of the calendar."""
    if not 1900 <= day.year < 9999:
        raise Invalid(errors={"date": ["Must be between the years 1900 and 9998."]})
    return datetime.combine(day, at, ZoneInfo(time_zone))


def hours(minutes: int) -> Decimal:
    """Minutes as hours with two decimals, rounded half up."""
    return (Decimal(minutes) / 60).quantize(Decimal("0.01"), ROUND_HALF_UP)


def added_up(old: Amounts, time: Money, expenses: Money) -> Amounts:
    """The figures of an invoice that is made of its time entries and expenses; the tax stays."""
    subtotal = time + expenses
    return Amounts(subtotal, old.tax, subtotal + old.tax)


def check_total(total: Money) -> None:
    """Raise Refused when an invoice would be over more than can be kept."""
    if total.minor > MAX_MINOR:
        raise Refused("The total would be too large")


def check_lines(count: int) -> None:
    """Raise Refused when an invoice would have more lines than it may have."""
    if count > LINES:
        raise Refused(f"An invoice has at most {LINES} lines")


def check_billable(project_id: int | None, of_invoice: int | None, on: int | None, invoice_id: int) -> None:
    """Raise Refused unless a time entry or an expense of a project can be put on an invoice."""
    if project_id is None or project_id != of_invoice:
        raise Refused("The invoice is in another project")
    if on not in (None, invoice_id):
        raise Refused("It is on another invoice")


def check_expense_stays(*, project_id: int | None, to: int | None) -> None:
    """Raise Refused when an expense on an invoice would change its project."""
    if project_id != to:
        raise Refused("The expense is on an invoice of its project; take it off first")


def check_currency(currency: str, amount: Money) -> None:
    """Raise Refused when an amount on an invoice would be in another currency."""
    if amount.currency != currency:
        raise Refused(f"The invoice is in {currency}")


def check_not_held(*, held: bool) -> None:
    """Raise Conflict while an expense on the invoice, or about to be, is being changed."""
    if held:
        raise Conflict("An expense is being changed; try again")


# Payment


def payment_status(lifecycle: str, paid: Money, total: Money) -> str:
    """What has been paid of the total. Where nothing was ever owed, it is unpaid until its status says `paid`."""
    if lifecycle == PAID:
        return PAID
    if not paid.minor:
        return UNPAID
    return PAID if total <= paid else PARTIALLY_PAID


def check_payable(lifecycle: str, amount: Money, due: Money) -> None:
    """Raise Refused unless this much can be paid now."""
    if lifecycle in (DRAFT, PAID, CANCELLED):
        raise Refused(f"An invoice that is {lifecycle} takes no payment")
    if due < amount:
        raise Refused(f"Only {due} is due")


# Approval


def approved(approval: str, *, yes: bool) -> str:
    """The approval after the manager's decision. Raises Refused when it was not the manager's turn."""
    if approval != PENDING:
        raise Refused(f"The approval is {approval}")
    return IN_PROGRESS if yes else DENIED


def finance_approved(approval: str, *, yes: bool) -> str:
    """The approval after the finance department's decision. It may deny at either step.

    Raises:
        Refused: it was not its turn.
    """
    if approval == IN_PROGRESS or (approval == PENDING and not yes):
        return APPROVED if yes else DENIED
    raise Refused(f"The approval is {approval}")


def check_manager(email: str, relationship_manager: str | None) -> None:
    """Raise Forbidden when the workspace's invoices are decided on by another manager."""
    if relationship_manager is not None and not same_address(email, relationship_manager):
        raise Forbidden("Another manager decides on these invoices")


@dataclass(frozen=True, slots=True)
class Hand:
    """Who did something: the key, and the member whose it is."""

    member_id: int | None
    key_id: str

    def is_of(self, other: "Hand") -> bool:
        """Whether it is the same person's. All keys of a member are; a key without one is like itself alone."""
        return self.key_id == other.key_id or (self.member_id is not None and self.member_id == other.member_id)


def check_apart(submitters: Collection[Hand], decider: Hand) -> None:
    """Raise Forbidden when who made the invoice, or wrote its amounts or its payee, decides on it."""
    if any(decider.is_of(each) for each in submitters):
        raise Forbidden("The member who submitted an invoice may not decide on it")


def check_second(manager: Hand | None, decider: Hand) -> None:
    """Raise Forbidden when the manager who approved an invoice decides on it once more, as the finance department."""
    if manager is not None and decider.is_of(manager):
        raise Forbidden("The manager who approved an invoice may not decide for the finance department")


def check_named(named: str, email: str | None) -> None:
    """Raise Forbidden unless the member whose key it is has the e-mail address that is named."""
    if not email or not same_address(named, email):
        raise Forbidden("The decision is that of another member than the one of this API key")


def check_two(manager: str, finance_approver: str | None) -> None:
    """Raise Refused when a manager names himself as the one who decides next."""
    if finance_approver is not None and same_address(manager, finance_approver):
        raise Refused("The manager and the finance approver must be two members")


def same_address(one: str, other: str) -> bool:
    """Whether two e-mail addresses are the same; nobody's differ in capitals alone."""
    return one.lower() == other.lower()


# Numbers


def check_number(old: str | None, new: str | None, lifecycle: str, *, series: bool) -> None:
    """Raise Refused when a number may not become another: one from the series stays, and so does having one."""
    if old == new:
        return
    if series:
        raise Refused("A number from the series cannot be changed")
    if new is None and lifecycle != DRAFT:
        raise Refused("An invoice that has left draft keeps a number")


def check_format(number_format: str) -> None:
    """Raise Invalid unless it is text with `{number}` or `{number:04d}` in it, and at most `{year}` besides."""
    places = list(_PLACE.finditer(number_format))
    rest = _PLACE.sub("", number_format)
    numbers = sum(place[1] is None for place in places)
    if "{" in rest or "}" in rest or numbers != 1 or not number_format.isprintable():
        said = "Text with {number} or {number:04d} once, and {year} if you like."
        raise Invalid(errors={"number_format": [said]})


def numbered(number_format: str, year: int, number: int) -> str:
    """The number as it is printed. Not `str.format`: a setting must not reach into objects."""

    def filled(place: re.Match[str]) -> str:
        return str(year) if place[1] else f"{number:0{place[2] or 0}d}"

    return _PLACE.sub(filled, number_format)


def series_year(number_format: str, year: int) -> int:
    """The series a number comes from: each year has its own where the number tells the year; else there is one, 0."""
    return year if "{year}" in number_format else 0
