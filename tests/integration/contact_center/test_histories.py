"""Any order of orders and of calls, by clocks that lie: statuses move along the published edges, histories have no gaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Final, cast
from uuid import UUID

import pytest

from central.adapters.postgres.agent_statuses import PostgresAgentStatuses
from central.application.ports.agents import AgentTurn, AgentTurned
from central.domain.agent_orders import BUSY, RULES, SILENCE_S, Effect, Order, Rule
from central.domain.moves import lawful
from central.domain.statuses import AgentStatus
from tests.integration.contact_center.conftest import Center

S = AgentStatus
CALLS: Final = (
    Rule(S.INCOMING, "offered", frozenset({S.IDLE})),
    Rule(S.ON_CALL, "answered", frozenset({S.INCOMING})),
    Rule(S.IDLE, "offer_missed", frozenset({S.INCOMING})),
    Rule(S.WRAPPING_UP, "conversation_over", frozenset({S.ON_CALL})),
    Rule(S.ON_CALL, "manual_call", frozenset({S.IDLE, S.PAUSED})),
)
"""What calls do to an agent."""

ODD: Final = tuple(Rule(goal, "odd", frozenset(S)) for goal in S)
"""A rule that would allow everything: the table ``move`` does not."""

AGENTS, STEPS = 30, 80


def random_turn(center: Center, agent: UUID, random: Random) -> AgentTurn:
    begin = RULES[Order.LOG_IN]
    rule = random.choice([*RULES.values(), *CALLS, *CALLS, begin, begin, random.choice(ODD)])
    supervisor = random.random() < 0.3
    code = random.choice(["FORCED"] if supervisor else ["LUNCH", "TEA"]) if rule.goal is S.PAUSED else ""
    return AgentTurn(
        account_id=center.account, agent_id=agent, rule=rule, code=code, actor="key:test", supervisor=supervisor
    )


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_comes_in_whatever_order_the_history_is_lawful_and_without_gaps(
    center: Center, seed: int
) -> None:
    random, statuses = Random(seed), PostgresAgentStatuses(center.pool)
    agents = [center.agent(f"A{n}", status="LOGGED_OUT") for n in range(AGENTS)]
    began = dict(cast("list[tuple[UUID, datetime]]", center.stock.rows("select id, since from agent")))
    moved = 0
    for _ in range(STEPS):
        center.clock.forward(timedelta(milliseconds=random.choice([-4000, 0, 0, 1, 700, 5000, 30_000])))
        now = center.clock.now()
        turns = [random_turn(center, agent, random) for agent in random.sample(agents, random.randint(1, AGENTS))]
        for turned, turn in zip_by_agent(await statuses.turn(turns, now), turns):
            if turned.effect is Effect.MOVED:
                assert turned.before in turn.rule.at_once
            elif turned.effect is Effect.LATER:
                assert turned.before in turn.rule.later
                assert turned.status == turned.before
        await statuses.heard([(center.account, agent) for agent in random.sample(agents, 10)], now)
        center.stock.run(
            "update agent set wrap_up_until = %s where status = 'WRAPPING_UP' and wrap_up_until is null",
            now + timedelta(seconds=random.choice([0, 5, 60])),
        )
        moved += await statuses.tend(now, timedelta(seconds=SILENCE_S), random.choice([1, 500]))
    assert moved > 0
    assert sum(check_history(center, agent, began[agent]) for agent in agents) > 5 * AGENTS


def zip_by_agent(turned: Sequence[AgentTurned], turns: Sequence[AgentTurn]) -> list[tuple[AgentTurned, AgentTurn]]:
    by = {turn.agent_id: turn for turn in turns}
    return [(one, by[one.agent_id]) for one in turned]


def check_history(center: Center, agent: UUID, began: datetime) -> int:
    rows = center.stock.rows(
        "select from_status, to_status, at, lasted_ms from agent_event where agent_id = %s order by at", agent
    )
    events = cast("list[tuple[str, str, datetime, int]]", rows)
    ((status, since, wanted),) = center.stock.rows("select status, since, wanted from agent where id = %s", agent)
    assert events[0][0] == S.LOGGED_OUT
    assert all(lawful("agent", old, new) for old, new, _, _ in events)
    assert events[0][2] - began == pytest.approx(timedelta(milliseconds=events[0][3]), abs=timedelta(milliseconds=1))
    for (_, before, at, _), (old, _, later, lasted_ms) in pairwise(events):
        assert old == before
        assert later - at == timedelta(milliseconds=lasted_ms)
        assert lasted_ms > 0
    assert (events[-1][1], events[-1][2]) == (status, since)
    if wanted:
        assert status in BUSY or status in {S.IDLE, S.PAUSED}  # a missed offer leaves that to the next round
    return len(events)
