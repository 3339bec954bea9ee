"""Start values of records: reading them, and the rule for late ones (intake steps 1 and 2; section 2).

Accepted: ISO 8601 date and time (``2026-03-01T09:30``, seconds and fractions optional) with an offset, ``Z`` or nothing
behind it (nothing = the flow's zone), a blank instead of ``T``, the malformed ``Z+05:30`` (the offset counts), relative
values ``+20s``, ``+5m``, ``+2h`` (from now), and the empty value (now). A date without a time is not a start time, nor is
a moment out of the range that all moments of callers have (``moments.py``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from central.domain.moments import END
from central.domain.statuses import FlowStatus

STRICT_TOLERANCE = timedelta(seconds=60)
MAX_OFFSET = timedelta(hours=14)
"""Kiritimati is the farthest from UTC; a larger offset is a typing error."""

_MIN_YEAR = 2
"""One year inside of what Python's datetime can hold, so that an offset cannot leave its range; such a date is past."""

_ABSOLUTE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r"(?:([Zz])?([+-])(\d\d)(?::?(\d\d))?|([Zz]))?",
    re.ASCII,
)
_RELATIVE = re.compile(r"\+(\d{1,9})([smh])", re.ASCII)
_UNIT = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class StartTime:
    """When the record asks to start: ``at`` aware in UTC, ``offset_minutes`` the offset that came in (or the zone's)."""

    at: datetime
    offset_minutes: int


@dataclass(frozen=True, slots=True)
class StartFailure:
    """Why a start value is refused: the flow status, a reason code and a sentence."""

    status: FlowStatus
    reason: str
    sentence: str


class _Reading(NamedTuple):
    """What a value says, independent of now: an instant with its date in its own offset, or a delay."""

    start: StartTime
    day: date
    delay: timedelta | None = None


_UNREADABLE = StartFailure(
    FlowStatus.INVALID_CALL_START_TIME_FORMAT,
    "start_time_unreadable",
    "The start time cannot be read as a date and time in any accepted form.",
)
_EARLIER_DATE = StartFailure(
    FlowStatus.INVALID_CALL_START_TIME, "start_date_past", "The start time lies on a calendar date before today."
)
_TOO_OLD = StartFailure(
    FlowStatus.INVALID_CALL_START_TIME,
    "start_time_past",
    "The start time is more than 60 seconds ago, and the flow insists on exact start times.",
)


def read_start(raw: str, *, now: datetime, zone: ZoneInfo, strict: bool = False) -> StartTime | StartFailure:
    """Read a start value and judge it against ``now`` (aware); ``zone`` is the flow's.

    A time earlier today, in the value's own offset, is accepted as it stands (its turn is now); an earlier date is
    refused. With ``strict``, whatever is more than 60 s old is refused.
    """
    if not raw:
        return _now(now, zone)
    reading = _read(raw, zone)
    if reading is None:
        return _UNREADABLE if raw.strip() else _now(now, zone)
    if reading.delay is not None:
        return _later(now, zone, reading.delay)
    start = reading.start
    if start.at >= now:
        return start
    if strict:
        return _TOO_OLD if now - start.at > STRICT_TOLERANCE else start
    today = (now.astimezone(UTC) + timedelta(minutes=start.offset_minutes)).date()
    return _EARLIER_DATE if reading.day < today else start


@lru_cache(maxsize=8)
def _now(now: datetime, zone: ZoneInfo) -> StartTime:
    return StartTime(now.astimezone(UTC), _minutes(now.astimezone(zone)))


@lru_cache(maxsize=256)
def _later(now: datetime, zone: ZoneInfo, delay: timedelta) -> StartTime | StartFailure:
    try:
        at = now + delay
    except OverflowError:
        return _UNREADABLE
    return _now(at, zone) if at < END else _UNREADABLE


@lru_cache(maxsize=8192)
def _read(raw: str, zone: ZoneInfo) -> _Reading | None:
    """Read a value; None when it fits no form or names no real moment (30 February, hour 24, second 60)."""
    text = raw.strip(" ")
    relative = _RELATIVE.fullmatch(text)
    if relative:
        return _Reading(StartTime(END, 0), END.date(), int(relative[1]) * _UNIT[relative[2]])
    found = _ABSOLUTE.fullmatch(text)
    if found is None or not _MIN_YEAR <= int(found[1]) <= END.year:
        return None
    micros = int(((found[7] or "") + "000000")[:6])
    parts = (int(found[1]), int(found[2]), int(found[3]), int(found[4]), int(found[5]), int(found[6] or 0), micros)
    try:
        local = datetime(*parts, tzinfo=UTC)
    except ValueError:
        return None
    return _placed(local, found, zone)


def _placed(local: datetime, found: re.Match[str], zone: ZoneInfo) -> _Reading | None:
    """Give the wall-clock reading its offset: the written one, zero for Z, else the zone's at that moment."""
    if found[9]:
        minutes = int(found[11] or 0)
        offset = timedelta(hours=int(found[10]), minutes=minutes) * (-1 if found[9] == "-" else 1)
        if minutes > 59 or abs(offset) > MAX_OFFSET:  # noqa: PLR2004 - minutes of an hour
            return None
    elif found[12]:
        offset = timedelta()
    else:
        offset = timedelta(minutes=_minutes(local.replace(tzinfo=zone)))
    at = local - offset
    return _Reading(StartTime(at, offset // timedelta(minutes=1)), local.date()) if at < END else None


def _minutes(moment: datetime) -> int:
    """The UTC offset of an aware moment in whole minutes (zones before 1972 had seconds; they are cut off)."""
    return (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
