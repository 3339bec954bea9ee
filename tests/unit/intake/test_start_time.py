"""Start values: what is accepted, what is unreadable, what is too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from central.domain.start_time import StartFailure, StartTime, read_start

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KOLKATA = ZoneInfo("Asia/Kolkata")


def at(raw: str, *, strict: bool = False) -> StartTime | StartFailure:
    return read_start(raw, now=NOW, zone=KOLKATA, strict=strict)


@pytest.mark.parametrize(
    ("raw", "moment", "offset"),
    [
        ("", NOW, 330),
        ("   ", NOW, 330),
        ("+20s", NOW + timedelta(seconds=20), 330),
        ("+5m", NOW + timedelta(minutes=5), 330),
        ("+2h", NOW + timedelta(hours=2), 330),
        ("2026-03-02T09:30:00Z", datetime(2026, 3, 2, 9, 30, tzinfo=UTC), 0),
        ("2026-03-02T09:30:00.250Z", datetime(2026, 3, 2, 9, 30, 0, 250_000, tzinfo=UTC), 0),
        ("2026-03-02T09:30:00+05:30", datetime(2026, 3, 2, 4, 0, tzinfo=UTC), 330),
        ("2026-03-02T09:30:00+0530", datetime(2026, 3, 2, 4, 0, tzinfo=UTC), 330),
        ("2026-03-02T09:30:00-08", datetime(2026, 3, 2, 17, 30, tzinfo=UTC), -480),
        ("2026-03-02T09:30:00.000Z+05:30", datetime(2026, 3, 2, 4, 0, tzinfo=UTC), 330),
        ("2026-03-02 09:30:00", datetime(2026, 3, 2, 4, 0, tzinfo=UTC), 330),
        ("2026-03-02T09:30", datetime(2026, 3, 2, 4, 0, tzinfo=UTC), 330),
        ("2026-03-01T00:30:00+05:30", datetime(2026, 2, 28, 19, 0, tzinfo=UTC), 330),
    ],
)
def test_accepted_forms(raw: str, moment: datetime, offset: int) -> None:
    assert at(raw) == StartTime(moment, offset)


@pytest.mark.parametrize(
    "raw",
    [
        "tomorrow", "2026-03-02", "09:30", "02/03/2026 09:30", "2026-13-01T00:00", "2026-02-30T10:00:00Z", "0000-01-01T00:00",
        "2026-03-02T24:00:00", "2026-03-02T10:60", "2026-03-02T10:00:60Z", "2026-03-02T10:00:00+25:00", "2026-03-02T10:00+05:60",
        "2026-03-02  10:00", "2026-03-02T10:00:00ZZ", "2026-03-02T10:00:00.Z", "+20", "20s", "-20s", "+20d", "+1.5h", "+" + "9" * 20 + "s",
        "+999999999h", "9999-12-31T23:59:59-12:00", "2200-01-01T00:00:00Z", "2199-12-31T23:00:00-01:00", "+9999999h", "=NOW()", "2026-03-02T10:00\0", "\u0662026-03-02T10:00", "2026-03-02T10:00" * 500,
    ],
)  # fmt: skip
def test_unreadable_values(raw: str) -> None:
    result = at(raw)
    assert isinstance(result, StartFailure)
    assert result.status == "INVALID_CALL_START_TIME_FORMAT"


def test_earlier_today_counts_in_the_offset_of_the_value() -> None:
    """12:00 UTC is 17:30 in Kolkata and 04:00 in California: midnight there is today, but a date earlier in Kolkata."""
    assert isinstance(at("2026-03-01T00:00:00-08:00"), StartTime)
    late = at("2026-02-28T23:59:00+05:30")
    assert isinstance(late, StartFailure)
    assert (late.status, late.reason) == ("INVALID_CALL_START_TIME", "start_date_past")


def test_the_flow_zone_decides_the_date_of_a_value_without_offset() -> None:
    evening = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)  # already 2 March in Kolkata
    result = read_start("2026-03-01T23:00", now=evening, zone=KOLKATA)
    assert isinstance(result, StartFailure)


@pytest.mark.parametrize(("seconds", "accepted"), [(0, True), (60, True), (61, False)])
def test_strict_mode_allows_sixty_seconds(seconds: int, accepted: bool) -> None:
    raw = (NOW - timedelta(seconds=seconds)).isoformat()
    assert isinstance(at(raw, strict=True), StartTime) is accepted
    assert isinstance(at(raw), StartTime)


def test_a_wall_clock_reading_in_a_gap_of_daylight_saving_is_still_a_moment() -> None:
    result = read_start("2026-03-29T02:30", now=NOW, zone=ZoneInfo("Europe/Berlin"))
    assert result == StartTime(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), 60)
