"""What time and expenses cost on an invoice, and what may be put on it."""

from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from services.invoices.rules.amounts import MICRO, Amounts
from shared.errors import Conflict, Invalid, Refused
from shared.money import MAX_MINOR, Imprecise, Money

LINES = 1000
"""Of an invoice at most: items, or time entries and expenses together."""


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
