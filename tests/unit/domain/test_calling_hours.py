"""Calling windows: several zones, midnight, holidays, and the nights on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from central.domain.calling_hours import HoursRule, effective_rules, judge, next_opening, open_at
from central.domain.errors import DefectError, InvalidInput
from central.domain.weekly_hours import WeeklyHours

BERLIN = ZoneInfo("Europe/Berlin")
NINE_TO_SIX = WeeklyHours.parse({"mon-fri": ["09:00-18:00"]})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def rules(windows: dict[str, list[str]], zone: str, *holidays: str) -> tuple[HoursRule, ...]:
    return (HoursRule("flow hours", WeeklyHours.parse(windows, holidays), ZoneInfo(zone)),)


def test_a_window_includes_its_first_minute_and_not_its_last() -> None:
    office = (HoursRule("flow hours", NINE_TO_SIX, UTC),)
    assert not open_at(office, at("2026-11-23T08:59:59.999+00:00"))
    assert open_at(office, at("2026-11-23T09:00:00+00:00"))
    assert open_at(office, at("2026-11-23T17:59:59+00:00"))
    assert not open_at(office, at("2026-11-23T18:00:00+00:00"))


def test_the_weekend_moves_to_monday() -> None:
    office = rules({"mon-fri": ["09:00-18:00"]}, "Asia/Kolkata")
    assert next_opening(office, at("2026-11-21T12:00:00+05:30")) == at("2026-11-23T09:00:00+05:30")


def test_an_open_moment_is_its_own_next_opening() -> None:
    moment = at("2026-11-23T10:00:00+01:00")
    assert next_opening((HoursRule("x", NINE_TO_SIX, BERLIN),), moment) == moment
    assert next_opening((), moment) == moment


def test_a_window_across_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    night = rules({"mon": ["22:00-02:00"]}, "UTC")
    assert open_at(night, at("2026-11-23T23:30:00+00:00"))
    assert open_at(night, at("2026-11-24T01:59:00+00:00"))
    assert not open_at(night, at("2026-11-24T02:00:00+00:00"))
    assert not open_at(night, at("2026-11-23T01:00:00+00:00"))


def test_a_holiday_takes_its_own_windows_and_what_reaches_into_it() -> None:
    into = rules({"mon": ["22:00-02:00"]}, "UTC", "2026-11-24")
    assert open_at(into, at("2026-11-23T23:00:00+00:00"))
    assert not open_at(into, at("2026-11-24T01:00:00+00:00"))
    out_of = rules({"mon": ["22:00-02:00"]}, "UTC", "2026-11-23")
    assert not open_at(out_of, at("2026-11-23T23:00:00+00:00"))
    assert not open_at(out_of, at("2026-11-24T01:00:00+00:00"))
    assert next_opening(out_of, at("2026-11-23T00:00:00+00:00")) == at("2026-11-30T22:00:00+00:00")


def test_the_whole_day_ends_at_24_00() -> None:
    whole = WeeklyHours.parse({"all": "00:00-24:00"})
    assert whole.is_always
    assert effective_rules(whole, UTC, None, []) == ()
    assert open_at((HoursRule("x", WeeklyHours.parse({"sun": ["12-24:00"]}), UTC),), at("2026-11-22T23:59:59+00:00"))


def test_flow_hours_and_policy_hours_must_both_be_open_in_every_callee_zone() -> None:
    policy = WeeklyHours.parse({"all": ["08:00-21:00"]})
    zones = [ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles")]
    both = effective_rules(NINE_TO_SIX, BERLIN, ("policy US version 1", policy, "callee"), zones)
    assert len(both) == 3
    verdict = judge(both, at("2026-11-23T15:00:00+01:00"))  # 09:00 in New York, 06:00 in Los Angeles
    assert (verdict.open, verdict.rule) == (False, "policy US version 1")
    assert verdict.opens_at == at("2026-11-23T17:00:00+01:00")
    assert "06:00 in America/Los_Angeles" in verdict.sentence
    assert "2026-11-23T16:00:00Z" in verdict.sentence
    assert open_at(both, at("2026-11-23T17:00:00+01:00"))


def test_the_flow_zone_stands_in_for_an_unknown_callee_zone_and_where_its_clock_counts() -> None:
    policy = WeeklyHours.parse({"all": ["09:00-21:00"]})
    tokyo = ZoneInfo("Asia/Tokyo")
    assert [rule.zone for rule in effective_rules(None, BERLIN, ("p", policy, "callee"), [])] == [BERLIN]
    assert [rule.zone for rule in effective_rules(None, BERLIN, ("p", policy, "flow"), [tokyo])] == [BERLIN]
    assert [rule.zone for rule in effective_rules(None, BERLIN, ("p", policy, "callee"), [tokyo, tokyo])] == [tokyo]


def test_hours_that_never_meet_never_open() -> None:
    early = HoursRule("flow hours", WeeklyHours.parse({"all": ["08:00-09:00"]}), UTC)
    late = HoursRule("policy", WeeklyHours.parse({"all": ["10:00-11:00"]}), UTC)
    verdict = judge((early, late), at("2026-11-23T08:30:00+00:00"))
    assert verdict.opens_at is None
    assert "nothing opens within 14 days" in verdict.sentence
    assert next_opening((HoursRule("x", WeeklyHours.parse({}), UTC),), at("2026-11-23T08:30:00+00:00")) is None


def test_spring_an_hour_that_does_not_exist_opens_at_the_change() -> None:
    # Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC
    window = rules({"sun": ["02:30-05:00"]}, "Europe/Berlin")
    assert next_opening(window, at("2026-03-29T00:30:00+00:00")) == at("2026-03-29T01:00:00+00:00")
    lost = rules({"sun": ["02:15-02:45"]}, "Europe/Berlin")
    assert next_opening(lost, at("2026-03-28T12:00:00+00:00")) == at("2026-04-05T00:15:00+00:00")


def test_autumn_an_hour_that_comes_twice_is_open_twice() -> None:
    # Berlin, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC
    window = rules({"sun": ["02:30-02:45"]}, "Europe/Berlin")
    first = next_opening(window, at("2026-10-25T00:00:00+00:00"))
    assert first == at("2026-10-25T00:30:00+00:00")
    assert not open_at(window, at("2026-10-25T00:50:00+00:00"))
    assert next_opening(window, at("2026-10-25T00:50:00+00:00")) == at("2026-10-25T01:30:00+00:00")
    back_in = rules({"sun": ["01:00-02:30"]}, "Europe/Berlin")  # at 01:00 UTC the clock steps back into the window
    assert next_opening(back_in, at("2026-10-25T00:45:00+00:00")) == at("2026-10-25T01:00:00+00:00")


def test_a_clock_change_at_midnight() -> None:
    # Cairo, 24 April 2026: 00:00 becomes 01:00 at 22:00 UTC of the day before
    window = rules({"fri": ["00:00-09:00"]}, "Africa/Cairo")
    assert next_opening(window, at("2026-04-23T12:00:00+00:00")) == at("2026-04-23T22:00:00+00:00")


def test_local_datetimes_with_a_zone_are_compared_as_moments() -> None:
    # 02:45 comes twice in Berlin; Python compares two such values by the clock on the wall, which would be wrong here
    window = rules({"sun": ["02:30-02:40"]}, "Europe/Berlin")
    first_pass = datetime(2026, 10, 25, 2, 45, tzinfo=BERLIN)
    assert next_opening(window, first_pass) == at("2026-10-25T01:30:00+00:00")


def test_a_naive_moment_is_a_defect() -> None:
    with pytest.raises(DefectError, match="naive_datetime"):
        open_at((HoursRule("x", NINE_TO_SIX, UTC),), datetime(2026, 11, 23, 9, 0))  # noqa: DTZ001


@pytest.mark.parametrize(
    "windows",
    [
        {"mon": ["9-25"]},
        {"mon": ["09:60-10:00"]},
        {"monday": ["09:00-10:00"]},
        {"mon": ["all day"]},
        {"mon": ["24:00-25:00"]},
    ],
)
def test_unreadable_windows_are_refused(windows: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidInput, match="invalid_hours"):
        WeeklyHours.parse(windows)


def test_an_unreadable_holiday_is_refused() -> None:
    with pytest.raises(InvalidInput, match="invalid_hours"):
        WeeklyHours.parse({"mon": ["09:00-10:00"]}, ["25.12.2026"])


def test_windows_are_merged_and_rendered_as_they_are_read() -> None:
    hours = WeeklyHours.parse({"fri-mon": ["09:00-12:00", "11:00-13:00", "22:00-02:00"]}, [date(2026, 12, 25)])
    assert hours.render()["sun"] == ["09:00-13:00", "22:00-02:00"]
    assert set(hours.render()) == {"fri", "sat", "sun", "mon"}
    assert WeeklyHours.parse(hours.render(), hours.holidays) == hours
