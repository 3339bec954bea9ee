"""Policy rows: those that come along, those from JSON, and those that are refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from central.domain import policies
from central.domain.calling_hours import effective_rules, open_at
from central.domain.errors import InvalidInput
from central.domain.policies import Policy, Purpose, in_force, parse_policies
from central.domain.weekly_hours import WeeklyHours

PACKAGED = parse_policies((Path(policies.__file__).parent / "policies.toml").read_text(encoding="utf-8"))
BY_ID = {policy.id: policy for policy in PACKAGED}
ROW: dict[str, Any] = {
    "id": "XX",
    "version": 2,
    "effective_from": "2026-06-01",
    "hours": {"marketing": {"windows": {"mon-fri": ["09:00-12:00", "14:00-18:00"]}, "holidays": ["2026-12-25"]}},
    "attempts": {"per_day": 3, "per_window": 10, "window_h": 168},
}


def test_the_packaged_rows_are_those_of_the_specification() -> None:
    assert set(BY_ID) == {"IN", "US", "UK", "LAB"}
    hours = {id_: policy.hours[Purpose.MARKETING].hours.render()["sun"] for id_, policy in BY_ID.items()}
    assert hours == {"IN": ["09:00-21:00"], "US": ["08:00-21:00"], "UK": ["09:00-20:00"], "LAB": ["00:00-24:00"]}
    assert {id_: policy.min_ring_s for id_, policy in BY_ID.items()} == {"IN": 15, "US": 15, "UK": 15, "LAB": 3}
    assert BY_ID["IN"].series[Purpose.MARKETING] == ("140",)
    caps = BY_ID["UK"].abandon
    assert caps is not None
    assert (caps.cap, caps.target, caps.redial_hold) == (0.03, 0.01, timedelta(hours=72))
    assert all(policy.version == 1 and policy.name.endswith("version 1") for policy in PACKAGED)


def test_scrubbing_depends_on_purpose_and_channel() -> None:
    scrub = BY_ID["IN"].scrubs(Purpose.MARKETING, "sms")
    assert scrub is not None
    assert (scrub.registers, scrub.max_age, scrub.on_stale) == (("NCPR",), timedelta(hours=24), "block")
    assert BY_ID["US"].scrubs(Purpose.MARKETING, "sms") is None
    assert BY_ID["IN"].scrubs(Purpose.SERVICE, "voice") is None


def test_the_laboratory_calls_at_any_hour_for_every_purpose() -> None:
    for purpose in Purpose:
        assert effective_rules(None, UTC, BY_ID["LAB"].calling_hours(purpose), []) == ()


def test_transactional_flows_have_no_policy_hours_but_their_own() -> None:
    assert BY_ID["IN"].calling_hours(Purpose.TRANSACTIONAL) is None
    own = WeeklyHours.parse({"all": ["09:00-10:00"]})
    rules = effective_rules(own, UTC, BY_ID["IN"].calling_hours(Purpose.TRANSACTIONAL), [])
    assert not open_at(rules, datetime(2026, 11, 23, 11, tzinfo=UTC))


def test_a_row_from_json_reads_the_same() -> None:
    policy = Policy.parse(json.loads(json.dumps(ROW)))
    hours = policy.hours[Purpose.MARKETING]
    assert hours.clock == "callee"
    assert hours.hours.render()["mon"] == ["09:00-12:00", "14:00-18:00"]
    assert (policy.attempts.per_day, policy.attempts.window) == (3, timedelta(days=7))
    assert policy.attempts.per_window == 10


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"id": None}, "id"),
        ({"effective_from": "soon"}, "effective_from"),
        ({"hourz": {}}, "hourz"),
        ({"hours": {"advertising": {}}}, "hours.advertising"),
        ({"hours": {"marketing": {"from": "09:00"}}}, "hours.marketing.to"),
        ({"hours": {"marketing": {"from": "09:00", "to": "21:00", "clock": "ours"}}}, "hours.marketing.clock"),
        ({"scrub": {"marketing": {"registers": ["NCPR"], "channels": ["voice"], "max_age_h": -1}}}, "max_age_h"),
        ({"series": {"advertising": ["140"]}}, "series.advertising"),
        ({"series": {"marketing": [140]}}, "series.marketing"),
        ({"abandon": {"cap": 0.03}}, "abandon.of"),
        ({"min_ring_s": float("nan")}, "min_ring_s"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match="invalid_policy") as caught:
        Policy.parse({**ROW, **change})
    assert str(caught.value.details["field"]).endswith(field)


def test_the_newest_version_in_effect_is_in_force() -> None:
    rows = [
        Policy.parse({**ROW, "version": n, "effective_from": day}) for n, day in ((1, "2026-01-01"), (2, "2026-06-01"))
    ]
    assert in_force(rows, "XX", datetime(2026, 5, 31, 23, 59, tzinfo=UTC)) is rows[0]
    assert in_force(rows, "XX", datetime(2026, 6, 1, tzinfo=UTC)) is rows[1]
    assert in_force(rows, "XX", datetime(2025, 6, 1, tzinfo=UTC)) is None
    assert in_force(rows, "YY", datetime(2026, 6, 1, tzinfo=UTC)) is None


def test_a_file_with_the_same_row_twice_is_refused() -> None:
    row = '[[policy]]\nid = "A"\nversion = 1\neffective_from = 2026-01-01\n'
    with pytest.raises(InvalidInput, match="same id and version"):
        parse_policies(row + row)
    with pytest.raises(InvalidInput, match="no TOML"):
        parse_policies("[[policy")
