"""Who gets the next call: waiting calls and free agents in, offers out (domain 9.4). Pure; path step 4b.

Calls are served in the order of priority (which may age), then of waiting. A call goes to the agents of its queue who have its
skills, of the best tier first (``Membership.tier``), among them by the queue's strategy. An agent is offered one call at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

TOP_PRIORITY: Final = 9
"""Calls have a priority of 0 to 9, the highest first; age can carry one above it."""


class Strategy(StrEnum):
    """How a queue chooses among equals."""

    RING_ALL = "ring_all"
    ROUND_ROBIN = "round_robin"
    LONGEST_IDLE = "longest_idle"
    FEWEST_CALLS = "fewest_calls"
    RANDOM = "random"
    LINEAR = "linear"
    SKILL_BASED = "skill_based"


class Membership(msgspec.Struct, frozen=True):
    """An agent's place in a queue. tier: 1 is asked first. order: his place in it, for round robin and linear."""

    tier: int = 1
    order: int = 0


class FreeAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent who is IDLE. since: from when on; calls: how many he took today; skills: name -> level from 1.

    node: where his SIP phone has registered, "" = any node can call him.
    """

    id: UUID
    since: datetime
    calls: int = 0
    skills: Mapping[str, int] = {}
    queues: Mapping[UUID, Membership] = {}
    node: str = ""


class QueueRule(msgspec.Struct, frozen=True, kw_only=True):
    """How a queue hands out its calls. last: the place (order, agent) asked last. ages_s: seconds for one step of priority, 0 = none."""

    id: UUID
    strategy: Strategy = Strategy.LONGEST_IDLE
    last: tuple[int, UUID] | None = None
    ages_s: float = 0


class WaitingCall(msgspec.Struct, frozen=True, kw_only=True):
    """A customer who waits. agent: only this one will do. skills: name -> least level. passed: who missed or refused him, they come last.

    node: the voice node that has his call.
    preferred: who has promised to call him back; he goes before all others as long as he is free and has not passed it.
    """

    id: UUID
    queue: UUID | None
    since: datetime
    priority: int = 0
    agent: UUID | None = None
    skills: Mapping[str, int] = {}
    passed: frozenset[UUID] = frozenset()
    node: str = ""
    preferred: UUID | None = None


class Match(msgspec.Struct, frozen=True):
    """Whom to ring for a call; several only where the queue rings all, and the first who answers has it."""

    call: UUID
    agents: tuple[UUID, ...]


def assign(
    queues: Mapping[UUID, QueueRule],
    waiting: Sequence[WaitingCall],
    free: Sequence[FreeAgent],
    now: datetime,
    roll: Callable[[int], int],
) -> list[Match]:
    """Whom to ring for whom; no agent and no call is in two matches. ``roll(n)``: a random number below n.

    A queue that is not in ``queues`` serves nobody. Round robin goes on behind the agent whom it chose before in the same batch.
    """
    left = {agent.id: agent for agent in free}
    staff = _staff(free)
    turn = {key: rule.last for key, rule in queues.items()}
    matches: list[Match] = []
    for call in sorted(waiting, key=lambda one: _place(one, queues, now)):
        rule = queues.get(call.queue) if call.queue is not None else None
        fit = _fit(call, rule, left, staff)
        if not fit:
            continue
        chosen = _choose(call, rule, fit, turn, roll)
        for agent in chosen:
            del left[agent.id]
        if rule is not None and call.agent is None:
            turn[rule.id] = (chosen[-1].queues[rule.id].order, chosen[-1].id)
        matches.append(Match(call.id, tuple(agent.id for agent in chosen)))
        if not left:
            break
    return matches


def _staff(free: Sequence[FreeAgent]) -> dict[UUID, list[FreeAgent]]:
    staff: dict[UUID, list[FreeAgent]] = {}
    for agent in free:
        for queue in agent.queues:
            staff.setdefault(queue, []).append(agent)
    return staff


def _place(call: WaitingCall, queues: Mapping[UUID, QueueRule], now: datetime) -> tuple[int, datetime, bytes]:
    """Its place among those who wait, the smallest first."""
    rule = queues.get(call.queue) if call.queue is not None else None
    aged = (now - call.since) // timedelta(seconds=rule.ages_s) if rule is not None and rule.ages_s > 0 else 0
    return -(call.priority + max(0, aged)), call.since, call.id.bytes


def _fit(
    call: WaitingCall,
    rule: QueueRule | None,
    left: Mapping[UUID, FreeAgent],
    staff: Mapping[UUID, Sequence[FreeAgent]],
) -> list[FreeAgent]:
    """The free agents who may take it: of the best tier, and not again who passed it while there is another."""
    if call.agent is not None:
        wanted = left.get(call.agent)
        return [wanted] if wanted is not None and wanted.node in ("", call.node) else []
    if rule is None:
        return []
    able = [
        agent
        for agent in staff.get(rule.id, ())
        if agent.id in left
        and agent.node in ("", call.node)
        and all(agent.skills.get(name, 0) >= level for name, level in call.skills.items())
    ]
    promised = [agent for agent in able if agent.id == call.preferred and agent.id not in call.passed]
    if promised:
        return promised
    fresh = [agent for agent in able if agent.id not in call.passed] or able
    best = min((agent.queues[rule.id].tier for agent in fresh), default=0)
    return [agent for agent in fresh if agent.queues[rule.id].tier == best]


def _choose(
    call: WaitingCall,
    rule: QueueRule | None,
    fit: Sequence[FreeAgent],
    turn: Mapping[UUID, tuple[int, UUID] | None],
    roll: Callable[[int], int],
) -> Sequence[FreeAgent]:
    """At least one of those who fit. Equals are told apart by who is idle longest, then by id, so that the same answer comes twice."""
    if rule is None or call.agent is not None or len(fit) == 1:
        return fit[:1]
    queue = rule.id

    def idle(agent: FreeAgent) -> tuple[datetime, bytes]:
        return agent.since, agent.id.bytes

    def row(agent: FreeAgent) -> tuple[int, UUID]:
        return agent.queues[queue].order, agent.id

    match rule.strategy:
        case Strategy.RING_ALL:
            return sorted(fit, key=idle)
        case Strategy.ROUND_ROBIN:
            last = turn[queue]
            return [
                min(
                    (agent for agent in fit if last is not None and row(agent) > last),
                    key=row,
                    default=min(fit, key=row),
                )
            ]
        case Strategy.LINEAR:
            return [min(fit, key=row)]
        case Strategy.FEWEST_CALLS:
            return [min(fit, key=lambda agent: (agent.calls, *idle(agent)))]
        case Strategy.RANDOM:
            return [sorted(fit, key=idle)[roll(len(fit))]]
        case (
            Strategy.SKILL_BASED
        ):  # the best in what is asked for; where nothing is asked for, the least gifted, who is needed least
            asked = call.skills
            return [min(fit, key=lambda agent: (*_gift(agent, asked), *idle(agent)))]
        case Strategy.LONGEST_IDLE:
            return [min(fit, key=idle)]


def _gift(agent: FreeAgent, asked: Mapping[str, int]) -> tuple[int, int]:
    return -sum(agent.skills.get(name, 0) for name in asked), sum(agent.skills.values())
