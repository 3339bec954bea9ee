"""Weekly windows and holidays as plain values; ``calling_hours`` does the arithmetic with them.

Used for a flow's business hours (domain 4.5) and for a policy's calling hours (domain 3). All times are wall-clock times
of a zone that is named elsewhere; a window runs from its first minute up to, not including, its last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from central.domain.errors import InvalidInput

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES: Final = 1440

Span = tuple[int, int]
"""Minutes since midnight, from inclusive, to exclusive; ``to`` above 1440 reaches into the next day."""

_WINDOW: Final = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*-\s*(\d{1,2})(?::(\d{2}))?")


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """When something is open: seven tuples of spans (Monday first) and the dates on which it is closed all day.

    A window across midnight belongs to the day on which it begins: a holiday removes the windows that begin on it and
    also cuts what reaches into it.
    """

    days: tuple[tuple[Span, ...], ...]
    holidays: frozenset[date] = frozenset()

    @classmethod
    def parse(cls, windows: Mapping[str, Sequence[str] | str], holidays: Iterable[date | str] = ()) -> WeeklyHours:
        """Read ``{"mon": ["09:00-18:00"], ...}``; keys are days, ``all``, or a range such as ``mon-fri``.

        A value is a list of windows ``HH:MM-HH:MM`` (24:00 allowed as end; an end at or before the start means the next
        day) or one such text; a missing day is closed. Raises InvalidInput ``invalid_hours``.
        """
        days: list[list[Span]] = [[] for _ in DAYS]
        for key, texts in windows.items():
            spans = [parse_span(text) for text in ([texts] if isinstance(texts, str) else texts)]
            for day in parse_days(key):
                days[day].extend(spans)
        return cls(tuple(_merged(spans) for spans in days), frozenset(parse_date(day) for day in holidays))

    @classmethod
    def always(cls) -> WeeklyHours:
        """Open at all times."""
        return _ALWAYS

    @property
    def is_always(self) -> bool:
        """True when no moment is closed, so that nothing needs to be computed."""
        return self.days == _ALWAYS.days and not self.holidays

    def spans_on(self, day: date) -> tuple[Span, ...]:
        """The open spans of one date, within 0..1440, with what reaches over from the day before."""
        if day in self.holidays:
            return ()
        weekday = day.weekday()
        own = tuple((start, min(end, DAY_MINUTES)) for start, end in self.days[weekday])
        spill = tuple((0, end - DAY_MINUTES) for _, end in self.days[weekday - 1] if end > DAY_MINUTES)
        if spill and date.fromordinal(day.toordinal() - 1) not in self.holidays:
            return spill + own
        return own

    def render(self) -> dict[str, list[str]]:
        """The windows as ``parse`` reads them, for storing and for showing."""
        return {
            name: [
                f"{_clock(start)}-{_clock(end if end <= DAY_MINUTES else end - DAY_MINUTES)}" for start, end in spans
            ]
            for name, spans in zip(DAYS, self.days, strict=True)
            if spans
        }


def parse_span(text: str) -> Span:
    """Read ``HH:MM-HH:MM``; an end at or before the start lies on the next day. Raises InvalidInput ``invalid_hours``."""
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise _invalid(f"{text!r} is not a window like 09:00-18:00")
    start, end = (_minute(text, match[i], match[i + 1]) for i in (1, 3))
    if start == DAY_MINUTES:
        raise _invalid(f"{text!r}: a window cannot begin at 24:00")
    return (start, end) if end > start else (start, end + DAY_MINUTES)


def _minute(text: str, hours: str, minutes: str | None) -> int:
    hour, minute = int(hours), int(minutes or 0)
    if minute > 59 or hour * 60 + minute > DAY_MINUTES:  # noqa: PLR2004 -- minutes of an hour
        raise _invalid(f"{text!r} has a time that does not exist")
    return hour * 60 + minute


def parse_days(key: str) -> range | tuple[int, ...]:
    """Read a weekday, a range such as ``mon-fri``, or ``all``; Monday is 0. Raises InvalidInput ``invalid_hours``."""
    name = key.strip().lower()
    if name == "all":
        return range(7)
    first, dash, last = (part.strip() for part in name.partition("-"))
    try:
        start, end = DAYS.index(first), DAYS.index(last if dash else first)
    except ValueError as error:
        raise _invalid(f"{key!r} is not a weekday; use {', '.join(DAYS)}, a range of them, or all") from error
    return tuple((start + step) % 7 for step in range((end - start) % 7 + 1))


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def parse_date(day: date | str) -> date:
    """Read ``YYYY-MM-DD``. Raises InvalidInput ``invalid_hours``."""
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise _invalid(f"{day!r} is not a date like 2026-12-25") from error


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _invalid(message: str) -> InvalidInput:
    return InvalidInput("invalid_hours", f"{message}.")


_ALWAYS: Final = WeeklyHours(((((0, DAY_MINUTES)),),) * 7)
