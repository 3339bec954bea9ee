"""A seed orders the same every time, and twenty of them strike every stage of a call."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.resilience.load import contacts
from tests.resilience.plan import POINTS, STAND_S, draw, sleeper_plan


@pytest.mark.parametrize("seed", [0, 1, 4, 199])
def test_a_seed_is_drawn_the_same_every_time(seed: int) -> None:
    assert draw(seed) == draw(seed)
    assert contacts(seed, 100) == contacts(seed, 100)


def test_seeds_differ() -> None:
    assert len({str(draw(seed).strokes) for seed in range(200)}) == 200


@pytest.mark.parametrize("first", [0, 20, 100, 180])
def test_twenty_seeds_strike_each_stage_several_times_and_put_nodes_to_sleep(first: int) -> None:
    plans = [draw(seed) for seed in range(first, first + 20)]
    ordered = Counter(stroke.point for plan in plans for stroke in plan.strokes)
    for stage, points in POINTS.items():
        assert sum(ordered[point] for point in points) >= 3, stage
    asleep = [stroke for plan in plans for stroke in plan.strokes if stroke.action == "stand"]
    assert sum(stroke.point == "node.finish/gathered" for stroke in asleep) >= 5
    assert all(stroke.for_s == STAND_S for stroke in asleep)


def test_no_number_stands_twice_in_a_list() -> None:
    numbers = [number for contact in contacts(7, 200) if contact.may_answer is not None for number in contact.numbers]
    assert len(numbers) == len(set(numbers))


def test_the_plan_for_the_fence_holds_nothing_else() -> None:
    plan = sleeper_plan(1)
    assert plan.slow_second
    assert [stroke.point for stroke in plan.strokes] == ["node.finish/gathered"]
