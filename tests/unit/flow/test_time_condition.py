"""Time Condition: windows by weekday, date and time in the flow's zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from central.flow.checker import check
from central.flow.document import parse
from tests.fakes.flow_player import Player, after_answer

KOLKATA = ZoneInfo("Asia/Kolkata")
HEAD = "time_zone: Asia/Kolkata\n"
STEPS = """  first:
    widget: time_condition
    holidays: ["2026-12-25"]
    windows:
      - {name: holiday, days: holidays, hours: "10:00-12:00", next: end}
      - {name: office, days: mon-fri, hours: ["09:00-13:00", "14:00-18:00"], next: end}
      - {name: night, days: [fri, sat], hours: "22:00-02:00", next: end}
      - {name: sale, dates: "2026-11-28..2026-11-30", hours: "08:00-24:00", next: end}
      - {name: noon, hours: "12:00-12:01", next: end}
    else: end
"""


def branch(at: str, steps: str = STEPS) -> object:
    player = Player.of(after_answer(steps, HEAD))
    player.at = datetime.fromisoformat(at).replace(tzinfo=KOLKATA)
    player.connected()
    return [note.data["branch"] for note in player.notes("branch") if note.step == "first"][-1]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23T09:00", "office"),  # a Monday
        ("2026-11-23T12:59", "office"),
        ("2026-11-23T13:00", "else"),
        ("2026-11-23T17:59:59", "office"),
        ("2026-11-23T18:00", "else"),
        ("2026-11-27T22:00", "night"),
        ("2026-11-28T01:59", "night"),
        ("2026-11-28T02:00", "else"),
        ("2026-11-28T08:00", "sale"),
        ("2026-11-30T23:59", "sale"),
        ("2026-11-29T01:59", "night"),  # Saturday's night
        ("2026-11-30T01:00", "else"),
        ("2026-12-25T10:00", "holiday"),  # a Friday
        ("2026-12-25T09:00", "else"),
        ("2026-12-25T12:00", "noon"),
        ("2026-12-25T22:30", "else"),
        ("2026-12-26T01:00", "else"),  # the holiday's own night
        ("2026-12-26T23:00", "night"),
    ],
)
def test_the_first_window_that_holds_decides(at: str, expected: str) -> None:
    assert branch(at) == expected


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ("{next: end}", "window_always"),
        ("{days: mo, next: end}", "hours_unreadable"),
        ("{hours: '25:00-26:00', next: end}", "hours_unreadable"),
        ("{dates: '2026-12-26..2026-12-24', next: end}", "hours_unreadable"),
        ("{dates: [[x]], next: end}", "hours_unreadable"),
        ("{days: holidays, next: end}", "holidays_missing"),
        ("{days: mon}", "branch_without_target"),
        ("{name: else, days: mon, next: end}", "window_name_twice"),
        ("monday", "field_not_mapping"),
    ],
)
def test_findings(window: str, code: str) -> None:
    steps = f"  first: {{widget: time_condition, windows: [{window}], else: end}}\n"
    assert code in {finding.code for finding in check(parse(after_answer(steps, HEAD)))}
