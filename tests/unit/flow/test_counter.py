"""Counter: counts visits of one execution, bounds a loop."""

from __future__ import annotations

import pytest

from central.flow.checker import check
from central.flow.document import parse
from central.flow.run import Run
from tests.fakes.flow_player import Player, after_answer

LOOP = "  first: {{widget: counter, {what}, on: {{below_limit: {back}, limit_reached: bye}}}}\n  bye: {{widget: hang_up}}\n"


def visits(what: str) -> int:
    player = Player.of(after_answer(LOOP.format(what=what, back="first"))).connected()
    assert player.path[-1] == "bye"
    return player.path.count("first")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("limit: 3", 3),
        ("limit: 1", 1),
        ("limit: 10, step: 4", 3),
        ("limit: 3, start: 1", 2),
        ("start: 3, step: -1, limit: 0", 3),
        ("limit: 0", 1),
    ],
)
def test_a_loop_runs_until_the_limit(what: str, expected: int) -> None:
    assert visits(what) == expected


def test_steps_of_one_name_count_together_and_the_count_can_be_kept() -> None:
    steps = (
        "  first: {widget: counter, name: tries, limit: 9, store: N, on: {below_limit: second, limit_reached: bye}}\n"
        "  second: {widget: counter, name: tries, step: 5, limit: 9, store: N, on: {below_limit: first, limit_reached: bye}}\n"
        "  bye: {widget: hang_up}\n"
    )
    player = Player.of(after_answer(steps)).connected()
    assert player.path[-5:] == ["first", "second", "first", "second", "bye"]
    assert player.run.variables["N"] == "12"
    assert [note.data["count"] for note in player.notes("count")] == [1, 6, 7, 12]


def test_a_stored_run_goes_on_counting() -> None:
    steps = LOOP.format(what="limit: 2", back="ask") + "  ask: {widget: menu, digits: {'1': first}}\n"
    player = Player.of(after_answer(steps)).connected()
    assert Run.from_json(player.run.to_json()) == player.run
    assert player.run.counters == {"first": 1}


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("limit: x", "field_out_of_range"),
        ("start: 1", "field_missing"),
        ("limit: 3, step: 0", "counter_stands_still"),
        ("limit: 3, step: -1", "counter_limit_behind"),
        ("limit: 3, name: 'a b'", "counter_name_invalid"),
    ],
)
def test_findings(what: str, code: str) -> None:
    found = check(parse(after_answer(LOOP.format(what=what, back="first"))))
    assert code in {finding.code for finding in found}
    assert "loop_without_wait" not in {finding.code for finding in found}
