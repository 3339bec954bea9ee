"""Whole shifts, simulated: the policy in the world of its benchmark, and in worlds it was not made for."""

from __future__ import annotations

import pytest

from tests.benchmarks.pacing.contact_centre import Laws, Run, Shift
from tests.benchmarks.pacing.policies import LookAhead, Peer, Progressive

SLOW = Laws(delay_s=14.0, talk_s=240.0, wrap_s=40.0)
QUICK = Laws(delay_s=5.0, longest_delay_s=15.0, talk_s=25.0, talk_cv=0.4, wrap_s=3.0)
HOUR = 1.0


def test_the_same_seed_plays_the_same_shift() -> None:
    shift = Shift(10, 0.2, 0.3, seed=4)
    assert Run(shift, LookAhead()).play() == Run(shift, LookAhead()).play()


def test_one_line_for_each_free_agent_abandons_nobody() -> None:
    found = Run(Shift(25, 0.2, HOUR, seed=1), Progressive()).play()
    assert found.abandons == 0
    assert found.occupancy == pytest.approx(0.535, abs=0.02)  # 53 % in the published comparison


def test_the_peers_defaults_gain_little_and_end_above_the_cap() -> None:
    found = Run(Shift(25, 0.2, 8.0, seed=1), Peer()).play()
    assert 0.50 < found.occupancy < 0.60
    assert 0.030 < found.share < 0.036


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("agents", "rate", "laws", "least"),
    [
        (25, 0.2, Laws(), 0.83),
        (5, 0.2, Laws(), 0.58),
        (25, 0.2, SLOW, 0.80),
        (25, 0.3, QUICK, 0.60),
    ],
)
def test_an_hour_is_well_used_and_keeps_the_cap(agents: int, rate: float, laws: Laws, least: float, seed: int) -> None:
    found = Run(Shift(agents, rate, HOUR, seed=seed, laws=laws), LookAhead()).play()
    plain = Run(Shift(agents, rate, HOUR, seed=seed, laws=laws), Progressive()).play()
    assert found.share <= 0.03
    assert found.occupancy > max(least, plain.occupancy + 0.05)


@pytest.mark.parametrize(("drift", "coming"), [(True, False), (False, True)])
def test_drifting_answers_and_agents_who_come_and_go_keep_the_cap(drift: bool, coming: bool) -> None:
    found = Run(Shift(12, 0.2, 2.0, seed=3, drift=drift, coming=coming), LookAhead()).play()
    assert found.share <= 0.03
    assert found.occupancy > 0.72


def test_a_large_team_begins_its_day_without_a_burst_of_unserved_answers() -> None:
    """500 agents dial at once: what ends first must not make the rate look higher or lower than it is."""
    found = Run(Shift(500, 0.2, 0.05, seed=1), LookAhead()).play()
    assert found.abandons <= 0.03 * found.answers
    assert found.worst_share <= 0.03


def test_a_stricter_cap_is_kept_too() -> None:
    found = Run(Shift(25, 0.2, 2.0, seed=1), LookAhead(cap=0.01)).play()
    assert found.share <= 0.01
    assert found.occupancy > 0.75
