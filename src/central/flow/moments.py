"""Dates, times and date-times in variables, read by the flow's accepted formats and compared (domain 4.2)."""

from __future__ import annotations

from datetime import datetime, time, tzinfo

from central.domain.date_formats import read_moment
from central.flow.configuration import Formats

Moment = datetime | time
_LEAST_CHARS = 5  # "09:00"
_A_DAY = "2000-01-01"  # lets the domain's reader of date-times read a time alone


def parse_moment(text: str, formats: Formats, zone: tzinfo) -> Moment | None:
    """A date (its first moment), date-time or time; None when no format fits. What has no offset is in ``zone``."""
    if len(text) < _LEAST_CHARS or not text.isascii() or not text[0].isdigit():
        return None
    found = read_moment(text, formats.moments)
    if found is not None:
        return found if found.tzinfo else found.replace(tzinfo=zone)
    clock = read_moment(f"{_A_DAY} {text}", [f"yyyy-MM-dd {form}" for form in formats.times])
    return clock.time() if clock is not None else None


def order_moments(left: Moment, right: Moment) -> int | None:
    """-1, 0 or 1; None for a time against a date or date-time."""
    if isinstance(left, time) and isinstance(right, time):
        return (left > right) - (left < right)
    if isinstance(left, datetime) and isinstance(right, datetime):
        try:
            return (left > right) - (left < right)
        except OverflowError:  # a zone applied at the edge of the calendar, years 1 and 9999
            return None
    return None
