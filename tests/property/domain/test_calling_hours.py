"""``next_opening`` against a search minute by minute, in zones with odd clock changes and around them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from central.domain.calling_hours import HoursRule, next_opening, open_at
from central.domain.weekly_hours import DAYS, WeeklyHours

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "America/Havana",
)
# around the clock changes of 2026 in these zones, and a quiet week
STARTS = tuple(
    datetime.fromisoformat(f"2026-{day}T00:00:00+00:00")
    for day in ("03-07", "03-28", "04-04", "04-23", "10-03", "10-24", "10-29", "10-31", "07-01")
)
MINUTE = timedelta(minutes=1)

minutes = st.integers(0, 1439)


def window(start: int, end: int) -> str:
    return f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"


windows = st.builds(window, minutes, minutes)
weeks: st.SearchStrategy[dict[str, list[str]]] = st.dictionaries(
    st.sampled_from(list[str](DAYS)), st.lists(windows, min_size=1, max_size=2), max_size=7
)
holidays = st.lists(st.sampled_from([start.date() + timedelta(days=1) for start in STARTS]), max_size=2)


@st.composite
def some_rules(draw: st.DrawFn) -> tuple[HoursRule, ...]:
    zones = draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=2))
    days: list[date] = draw(holidays)
    return tuple(HoursRule(zone, WeeklyHours.parse(draw(weeks), days), ZoneInfo(zone)) for zone in zones)


@settings(max_examples=120, deadline=None)
@given(rules=some_rules(), start=st.sampled_from(STARTS), offset=st.integers(0, 2 * 1440))
def test_the_first_open_minute_and_no_later(rules: tuple[HoursRule, ...], start: datetime, offset: int) -> None:
    moment = start + offset * MINUTE
    horizon = timedelta(days=2)
    found = next_opening(rules, moment, horizon)
    searched = (moment + n * MINUTE for n in range(2 * 1440 + 1))
    assert found == next((minute for minute in searched if open_at(rules, minute)), None)


@settings(max_examples=200)
@given(rules=some_rules(), start=st.sampled_from(STARTS), seconds=st.integers(0, 14 * 86400))
def test_what_is_found_is_open_not_before_and_in_utc(
    rules: tuple[HoursRule, ...], start: datetime, seconds: int
) -> None:
    moment = start + timedelta(seconds=seconds)
    found = next_opening(rules, moment)
    if found is None:
        assert not open_at(rules, moment)
        return
    assert moment <= found <= moment + timedelta(days=14)
    assert found.tzinfo is UTC
    assert open_at(rules, found)
    assert (found == moment) == open_at(rules, moment)
