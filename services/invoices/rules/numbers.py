"""Invoice numbers: how they are formed, and when one may change."""

import re

from services.invoices.rules.lifecycle import DRAFT
from shared.errors import Invalid, Refused

NUMBER_FORMAT = "INV-{year}-{number:04d}"

_PLACE = re.compile(r"\{(?:(year)|number(?::0(\d)d)?)\}", re.ASCII)


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
