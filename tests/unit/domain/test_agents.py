"""Each strategy of a queue chooses as its name says (domain 9.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from central.domain.agents import FreeAgent, Membership, QueueRule, Strategy, WaitingCall, assign

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
Q = UUID(int=1)


def agent(n: int, *, idle_s: float = 60, calls: int = 0, tier: int = 1, order: int = 0, **skills: int) -> FreeAgent:
    since = NOW - timedelta(seconds=idle_s)
    return FreeAgent(id=UUID(int=n), since=since, calls=calls, skills=skills, queues={Q: Membership(tier, order)})


def call(
    n: int = 900, *, waits_s: float = 5, priority: int = 0, passed: tuple[int, ...] = (), **skills: int
) -> WaitingCall:
    since = NOW - timedelta(seconds=waits_s)
    return WaitingCall(
        id=UUID(int=n), queue=Q, since=since, priority=priority, skills=skills,
        passed=frozenset(UUID(int=one) for one in passed),
    )  # fmt: skip


def rung(strategy: Strategy, free: list[FreeAgent], waiting: WaitingCall | None = None, lot: int = 0) -> list[int]:
    matches = assign({Q: QueueRule(id=Q, strategy=strategy)}, [waiting or call()], free, NOW, lambda _: lot)
    return [one.int for match in matches for one in match.agents]


STAFF = [
    agent(11, idle_s=10, calls=1, order=3),
    agent(12, idle_s=90, calls=5, order=2),
    agent(13, idle_s=50, calls=0, order=1),
]


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [
        (Strategy.LONGEST_IDLE, [12]), (Strategy.FEWEST_CALLS, [13]), (Strategy.LINEAR, [13]), (Strategy.ROUND_ROBIN, [13]),
        (Strategy.RING_ALL, [12, 13, 11]), (Strategy.RANDOM, [13]),
    ],
)  # fmt: skip
def test_a_strategy_chooses_as_its_name_says(strategy: Strategy, wanted: list[int]) -> None:
    assert rung(strategy, STAFF, lot=1) == wanted


def test_skills_filter_first_and_the_best_takes_it() -> None:
    staff = [agent(11, hindi=2), agent(12, hindi=5), agent(13, billing=5)]
    assert rung(Strategy.SKILL_BASED, staff, call(hindi=2)) == [12]
    assert rung(Strategy.LONGEST_IDLE, staff, call(hindi=3)) == [12]
    assert rung(Strategy.RING_ALL, staff, call(hindi=6)) == []


def test_who_has_rare_skills_is_kept_free_where_none_is_asked_for() -> None:
    staff = [agent(11, idle_s=99, hindi=5, billing=2), agent(12, hindi=1)]
    assert rung(Strategy.SKILL_BASED, staff) == [12]


def test_the_first_tier_is_asked_first() -> None:
    assert rung(Strategy.LONGEST_IDLE, [agent(11, idle_s=500, tier=2), agent(12, tier=1)]) == [12]


def test_who_missed_it_is_asked_again_only_when_there_is_nobody_else() -> None:
    staff = [agent(11, idle_s=500), agent(12)]
    assert rung(Strategy.LONGEST_IDLE, staff, call(passed=(11,))) == [12]
    assert rung(Strategy.LONGEST_IDLE, staff, call(passed=(11, 12))) == [11]


@pytest.mark.parametrize(("ages_s", "first"), [(0, 902), (10, 901)])
def test_priority_goes_before_age_unless_the_queue_lets_it_age(ages_s: float, first: int) -> None:
    waiting = [call(901, waits_s=60), call(902, waits_s=1, priority=5)]
    (match,) = assign({Q: QueueRule(id=Q, ages_s=ages_s)}, waiting, [agent(11)], NOW, lambda _: 0)
    assert match.call.int == first
