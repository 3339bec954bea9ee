"""The date and time formats that a flow can offer (section 4.2), compiled once into readers of text.

Dates: ``dd-MM-yyyy``, ``dd/MM/yyyy``, ``MM/dd/yyyy``, ``yyyy-MM-dd``, ``dd MMM yyyy``; times: ``HH:mm``, ``HH:mm:ss``,
``hh:mm a``; date-times: any pair with one blank between, or ``ISO-8601``. A value that fits several selected formats is
read by the first of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, time
from functools import lru_cache

DATES = ("dd-MM-yyyy", "dd/MM/yyyy", "MM/dd/yyyy", "yyyy-MM-dd", "dd MMM yyyy")
TIMES = ("HH:mm", "HH:mm:ss", "hh:mm a")
ISO = "ISO-8601"
OFFERED = (*DATES, *(f"{day} {clock}" for day in DATES for clock in TIMES), ISO)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TOKENS = {
    "yyyy": r"(?P<year>\d{4})",
    "MMM": r"(?P<name>[A-Za-z]{3})",
    "MM": r"(?P<month>\d\d)",
    "dd": r"(?P<day>\d\d)",
    "HH": r"(?P<hour>\d\d)",
    "hh": r"(?P<half>\d\d)",
    "mm": r"(?P<minute>\d\d)",
    "ss": r"(?P<second>\d\d)",
    "a": r"(?P<noon>[AaPp][Mm])",
}
_TOKEN = re.compile(r"yyyy|MMM|MM|dd|HH|hh|mm|ss|a")
_MAX_CHARS = 40
_HOURS_OF_HALF_DAY = 12

Reader = Callable[[str], datetime | None]


@lru_cache(maxsize=64)
def reader_of(pattern: str) -> Reader | None:
    """The function that reads one format into a datetime (naive, but for ISO-8601 with offset); None if not offered."""
    if pattern == ISO:
        return _read_iso
    if pattern not in OFFERED:
        return None
    shape = re.compile(_TOKEN.sub(lambda token: _TOKENS[token[0]], pattern), re.ASCII)

    def read(text: str) -> datetime | None:
        found = shape.fullmatch(text)
        return _moment(found.groupdict()) if found else None

    return read


def read_moment(text: str, patterns: Sequence[str]) -> datetime | None:
    """Read a value by the first of the formats that fits, None if none does."""
    return _read(text, tuple(patterns)) if len(text) <= _MAX_CHARS else None


@lru_cache(maxsize=8192)  # a list of a million appointments names a few hundred days
def _read(text: str, patterns: tuple[str, ...]) -> datetime | None:
    for pattern in patterns:
        read = reader_of(pattern)
        moment = read(text) if read else None
        if moment is not None:
            return moment
    return None


def write_moment(moment: datetime | time, pattern: str) -> str | None:
    """Write a date, date-time or time in one of the formats (times also alone); None where the format wants more than there is."""
    if pattern == ISO:
        return moment.isoformat() if isinstance(moment, datetime) else None
    if pattern not in (OFFERED if isinstance(moment, datetime) else TIMES) and pattern not in TIMES:
        return None
    parts = {
        "HH": f"{moment.hour:02d}", "hh": f"{(moment.hour - 1) % _HOURS_OF_HALF_DAY + 1:02d}", "mm": f"{moment.minute:02d}",
        "ss": f"{moment.second:02d}", "a": "AM" if moment.hour < _HOURS_OF_HALF_DAY else "PM",
    }  # fmt: skip
    if isinstance(moment, datetime):
        month = _MONTHS[moment.month - 1].capitalize()
        parts |= {"yyyy": f"{moment.year:04d}", "MMM": month, "MM": f"{moment.month:02d}", "dd": f"{moment.day:02d}"}
    return _TOKEN.sub(lambda token: parts[token[0]], pattern)


def _read_iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _moment(parts: dict[str, str | None]) -> datetime | None:
    name = (parts.get("name") or "").lower()
    month = _MONTHS.index(name) + 1 if name in _MONTHS else int(parts.get("month") or 0)
    hour = int(parts.get("hour") or 0)
    if half := parts.get("half"):
        if not 1 <= int(half) <= _HOURS_OF_HALF_DAY:
            return None
        hour = int(half) % _HOURS_OF_HALF_DAY
        if (parts.get("noon") or "").lower() == "pm":
            hour += _HOURS_OF_HALF_DAY
    try:
        return datetime(  # noqa: DTZ001 - a wall-clock reading; the flow's zone makes a moment of it
            int(parts.get("year") or 0),
            month,
            int(parts.get("day") or 0),
            hour,
            int(parts.get("minute") or 0),
            int(parts.get("second") or 0),
        )
    except ValueError:
        return None
