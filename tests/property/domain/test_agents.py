"""Offers of calls to agents: nobody twice, nobody unfit, nobody passed over, whatever waits and whoever is free."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from central.domain.agents import FreeAgent, Membership, QueueRule, Strategy, WaitingCall, assign

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
QUEUES = [UUID(int=n) for n in range(1, 5)]
SKILLS = ["hindi", "billing"]
moments = st.integers(0, 7200).map(lambda s: NOW - timedelta(seconds=s))
levels = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5))
rules = st.builds(
    QueueRule, id=st.none(), strategy=st.sampled_from(Strategy), ages_s=st.sampled_from([0, 30]),
    last=st.none() | st.tuples(st.integers(0, 5), st.integers(100, 130).map(lambda n: UUID(int=n))),
)  # fmt: skip
centers = st.lists(rules, min_size=3, max_size=3).map(
    lambda made: {
        q: QueueRule(id=q, strategy=r.strategy, last=r.last, ages_s=r.ages_s)
        for q, r in zip(QUEUES, made, strict=False)
    }
)
agents = st.integers(0, 12).flatmap(
    lambda n: st.tuples(
        *(
            st.builds(
                FreeAgent, id=st.just(UUID(int=100 + i)), since=moments, calls=st.integers(0, 5), skills=levels,
                queues=st.dictionaries(
                    st.sampled_from(QUEUES), st.builds(Membership, tier=st.integers(1, 3), order=st.integers(0, 5))
                ),
            )
            for i in range(n)
        )
    )
)  # fmt: skip
calls = st.integers(0, 12).flatmap(
    lambda n: st.tuples(
        *(
            st.builds(
                WaitingCall, id=st.just(UUID(int=1000 + i)), queue=st.sampled_from(QUEUES), since=moments,
                priority=st.integers(0, 9), skills=levels,
                agent=st.none() | st.integers(100, 112).map(lambda n: UUID(int=n)),
                passed=st.frozensets(st.integers(100, 112).map(lambda n: UUID(int=n))),
            )
            for i in range(n)
        )
    )
)  # fmt: skip


def may(agent: FreeAgent, call: WaitingCall, queues: dict[UUID, QueueRule]) -> bool:
    if call.agent is not None:
        return agent.id == call.agent
    if call.queue not in queues or call.queue not in agent.queues:
        return False
    return all(agent.skills.get(name, 0) >= level for name, level in call.skills.items())


@given(centers, calls, agents, st.integers(0, 1000))
def test_nobody_twice_nobody_unfit_and_nobody_waits_beside_a_free_agent(
    queues: dict[UUID, QueueRule], waiting: tuple[WaitingCall, ...], free: tuple[FreeAgent, ...], lot: int
) -> None:
    matches = assign(queues, waiting, free, NOW, lambda n: lot % n)
    by_call, by_agent = {call.id: call for call in waiting}, {agent.id: agent for agent in free}
    rung = [agent for match in matches for agent in match.agents]
    assert len(rung) == len(set(rung))
    assert len(matches) == len({match.call for match in matches})
    for match in matches:
        call = by_call[match.call]
        assert match.agents
        assert all(may(by_agent[agent], call, queues) for agent in match.agents)
        several = call.agent is None and queues[call.queue or UUID(int=0)].strategy is Strategy.RING_ALL
        assert several or len(match.agents) == 1
    served = {match.call for match in matches}
    idle = [agent for agent in free if agent.id not in rung]
    for call in waiting:
        if call.id not in served:
            assert not any(may(agent, call, queues) for agent in idle)


@given(centers, calls, agents)
def test_an_earlier_or_more_urgent_call_is_never_passed_over_by_its_like(
    queues: dict[UUID, QueueRule], waiting: tuple[WaitingCall, ...], free: tuple[FreeAgent, ...]
) -> None:
    served = {match.call for match in assign(queues, waiting, free, NOW, lambda _: 0)}
    for one in waiting:
        for other in waiting:
            alike = (
                one.agent is None and other.agent is None and one.queue == other.queue and one.skills == other.skills
            )
            if alike and one.since <= other.since and one.priority >= other.priority and one.id < other.id:
                assert one.id in served or other.id not in served


@given(st.lists(st.integers(0, 30), min_size=2, max_size=8, unique=True), st.data())
def test_round_robin_asks_each_in_turn_whoever_is_busy_meanwhile(orders: list[int], data: st.DataObject) -> None:
    queue = QUEUES[0]
    staff = [
        FreeAgent(id=UUID(int=100 + i), since=NOW, queues={queue: Membership(1, order)})
        for i, order in enumerate(sorted(orders))
    ]
    last: tuple[int, UUID] | None = None
    asked: list[int] = []
    busy: frozenset[UUID] = frozenset()
    for n in range(3 * len(staff)):
        free = [agent for agent in staff if agent.id not in busy]
        rule = QueueRule(id=queue, strategy=Strategy.ROUND_ROBIN, last=last)
        call = WaitingCall(id=UUID(int=5000 + n), queue=queue, since=NOW)
        (match,) = assign({queue: rule}, [call], free, NOW, lambda _: 0)
        place = next(i for i, agent in enumerate(staff) if agent.id == match.agents[0])
        if asked:  # nobody free stands between the one asked before and this one, around the row
            steps = [(asked[-1] + k) % len(staff) for k in range(1, len(staff) + 1)]
            assert place == next(i for i in steps if staff[i].id not in busy)
        asked.append(place)
        last = (staff[place].queues[queue].order, staff[place].id)
        busy = data.draw(st.frozensets(st.sampled_from([agent.id for agent in staff]), max_size=len(staff) - 1))
