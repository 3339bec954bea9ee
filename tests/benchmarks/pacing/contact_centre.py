"""The world in which pacing is measured: agents, callees and a clock of its own. Discrete events, the same for the same seed.

Laws: issue 5 and the comparison's set-up. Who gets a call is decided by the production code (``domain.agents.assign``), and every
change of an agent's status must be a lawful move of the catalogue.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Final, Protocol
from uuid import UUID

from central.domain.agents import FreeAgent, Membership, QueueRule, WaitingCall, assign
from central.domain.moves import lawful

TICK_S: Final = 0.5
PATIENCE_S: Final = 2.0
EPOCH: Final = datetime(2026, 1, 5, 13, tzinfo=UTC)
QUEUE: Final = UUID(int=1)
QUEUES: Final = {QUEUE: QueueRule(id=QUEUE)}
STAFFED: Final = {QUEUE: Membership()}
SETTLED: Final = 200  # answers after which a share of abandons means something
IDLE, TALKING, WRAPPING, AWAY = "IDLE", "ON_CALL", "WRAPPING_UP", "LOGGED_OUT"


@dataclass(frozen=True, slots=True)
class Laws:
    """How people behave; seconds. The means and spreads of the comparison, unless a run asks how others would do."""

    delay_s: float = 10.0
    delay_shape: float = 4.0
    longest_delay_s: float = 25.5
    talk_s: float = 90.0
    talk_cv: float = 1.0
    wrap_s: float = 15.0
    wrap_cv: float = 0.6


@dataclass(frozen=True, slots=True)
class Shift:
    """One run. rate: live answers per dial. drift: it swings by 40 % every two hours. coming: agents log in bit by bit, a third has breaks."""

    agents: int
    rate: float
    hours: float
    seed: int
    drift: bool = False
    coming: bool = False
    laws: Laws = Laws()

    @property
    def seconds(self) -> float:
        return self.hours * 3600


@dataclass(slots=True)
class Agent:
    number: int
    status: str = AWAY
    since: float = 0.0
    leaving: bool = False


@dataclass(slots=True)
class Centre:
    """The state of a run that a policy may look at, and what it counts.

    ended_dials: when, after how many seconds, whether by a live answer; with ended_talks and ended_wraps for the policy to hear and clear.
    """

    shift: Shift
    now: float = 0.0
    idle: dict[UUID, FreeAgent] = field(default_factory=dict[UUID, FreeAgent])
    talking: dict[int, float] = field(default_factory=dict[int, float])
    wrapping: dict[int, float] = field(default_factory=dict[int, float])
    ringing: dict[float, int] = field(default_factory=dict[float, int])
    rings: int = 0
    waiting: dict[UUID, WaitingCall] = field(default_factory=dict[UUID, WaitingCall])
    dials: int = 0
    answers: int = 0
    abandons: int = 0
    busy_s: float = 0.0
    staffed_s: float = 0.0
    worst_share: float = 0.0
    ended_dials: list[tuple[float, float, bool]] = field(default_factory=list[tuple[float, float, bool]])
    ended_talks: list[float] = field(default_factory=list[float])
    ended_wraps: list[float] = field(default_factory=list[float])


class Policy(Protocol):
    """Decides every ``every`` ticks of half a second."""

    every: int

    def dials(self, centre: Centre) -> int:
        """How many calls to start now."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. worst_share: the highest share of abandons at any moment after ``SETTLED`` answers."""

    occupancy: float
    share: float
    worst_share: float
    answers: int
    abandons: int
    dials: int


class Run:
    """A shift, from its first to its last second."""

    def __init__(self, shift: Shift, policy: Policy) -> None:
        self.centre, self._shift, self._policy, self._laws = Centre(shift), shift, policy, shift.laws
        self._luck = random.Random(shift.seed)
        self._agents = [Agent(number) for number in range(shift.agents)]
        self._events: list[tuple[float, int, str, int]] = []
        self._live: dict[int, float] = {}
        self._serial = 0
        self._handlers = {
            "ring": self._ring_over,
            "patience": self._patience_over,
            "talk": self._talk_over,
            "wrap": self._wrap_over,
            "come": self._come,
            "go": self._go,
        }
        for at, what, agent in roster(shift):
            self._later(at, what, agent)

    def play(self) -> Outcome:
        """Play it; the outcome counts what lies inside the shift."""
        centre, events, end, every = self.centre, self._events, self._shift.seconds, self._policy.every
        for tick in range(0, int(end / TICK_S), every):
            now = tick * TICK_S
            while events and events[0][0] <= now:
                self._next()
            centre.now = now
            for _ in range(self._policy.dials(centre)):
                self._dial()
        while events and events[0][0] <= end:
            self._next()
        for agent in self._agents:
            if agent.status != AWAY:
                self._account(agent, end)
        share = centre.abandons / centre.answers if centre.answers else 0.0
        return Outcome(
            centre.busy_s / centre.staffed_s, share, centre.worst_share, centre.answers, centre.abandons, centre.dials
        )

    def _later(self, at: float, what: str, about: int) -> None:
        self._serial += 1
        heappush(self._events, (at, self._serial, what, about))

    def _next(self) -> None:
        at, _, what, about = heappop(self._events)
        self.centre.now = at
        self._handlers[what](about)

    def _dial(self) -> None:
        centre, luck, laws, now = self.centre, self._luck, self._laws, self.centre.now
        centre.dials += 1
        centre.rings += 1
        centre.ringing[now] = centre.ringing.get(now, 0) + 1
        rate = (
            self._shift.rate * (1 + 0.4 * math.sin(2 * math.pi * now / 7200)) if self._shift.drift else self._shift.rate
        )
        call = self._serial + 1
        if luck.random() < rate:
            after = min(laws.longest_delay_s, luck.gammavariate(laws.delay_shape, laws.delay_s / laws.delay_shape))
            self._live[call] = now
        else:
            fate = luck.random()
            after = 26.0 if fate < 0.6 else 18.0 if fate < 0.85 else 4.0
            self._live[call] = -now - 1
        self._later(now + after, "ring", call)

    def _ring_over(self, call: int) -> None:
        centre, mark = self.centre, self._live.pop(call)
        begun = mark if mark >= 0 else -mark - 1
        centre.rings -= 1
        centre.ringing[begun] -= 1
        if not centre.ringing[begun]:
            del centre.ringing[begun]
        centre.ended_dials.append((centre.now, centre.now - begun, mark >= 0))
        if mark < 0:
            return
        centre.answers += 1
        key = UUID(int=call)
        centre.waiting[key] = WaitingCall(id=key, queue=QUEUE, since=_moment(centre.now))
        if centre.idle:
            self._assign()
        if key in centre.waiting:
            self._later(centre.now + PATIENCE_S, "patience", call)

    def _patience_over(self, call: int) -> None:
        centre = self.centre
        if centre.waiting.pop(UUID(int=call), None) is not None:
            centre.abandons += 1
        if centre.answers > SETTLED:
            centre.worst_share = max(centre.worst_share, centre.abandons / centre.answers)

    def _assign(self) -> None:
        """The production code chooses; the agent's phone is answered at once."""
        centre, laws = self.centre, self._laws
        found = assign(
            QUEUES, list(centre.waiting.values()), list(centre.idle.values()), _moment(centre.now), lambda _: 0
        )
        for match in found:
            del centre.waiting[match.call]
            agent = self._agents[match.agents[0].int]
            self._move(agent, "INCOMING")
            self._move(agent, TALKING)
            self._later(centre.now + _lognormal(self._luck, laws.talk_s, laws.talk_cv), "talk", agent.number)

    def _talk_over(self, number: int) -> None:
        agent, laws = self._agents[number], self._laws
        self.centre.ended_talks.append(self.centre.now - agent.since)
        self._move(agent, WRAPPING)
        self._later(self.centre.now + _lognormal(self._luck, laws.wrap_s, laws.wrap_cv), "wrap", number)

    def _wrap_over(self, number: int) -> None:
        agent = self._agents[number]
        self.centre.ended_wraps.append(self.centre.now - agent.since)
        self._move(agent, AWAY if agent.leaving else IDLE)

    def _come(self, number: int) -> None:
        agent = self._agents[number]
        agent.leaving = False
        if agent.status == AWAY:
            self._move(agent, IDLE)

    def _go(self, number: int) -> None:
        agent = self._agents[number]
        agent.leaving = True
        if agent.status == IDLE:
            self._move(agent, AWAY)

    def _account(self, agent: Agent, until: float) -> None:
        lasted = until - agent.since
        self.centre.staffed_s += lasted if agent.status != AWAY else 0
        self.centre.busy_s += lasted if agent.status in {TALKING, WRAPPING} else 0

    def _move(self, agent: Agent, to: str) -> None:
        centre, now, number = self.centre, self.centre.now, agent.number
        if not lawful("agent", agent.status, to):
            raise RuntimeError(f"agent {number}: {agent.status} -> {to} is no lawful move")
        self._account(agent, now)
        if agent.status == IDLE:
            del centre.idle[UUID(int=number)]
        elif agent.status == TALKING:
            del centre.talking[number]
        elif agent.status == WRAPPING:
            del centre.wrapping[number]
        agent.status, agent.since = to, now
        if to == IDLE:
            key = UUID(int=number)
            centre.idle[key] = FreeAgent(id=key, since=_moment(now), queues=STAFFED)
            if centre.waiting:
                self._assign()
        elif to == TALKING:
            centre.talking[number] = now
        elif to == WRAPPING:
            centre.wrapping[number] = now


def roster(shift: Shift) -> Sequence[tuple[float, str, int]]:
    """Who comes and goes when. Where agents come bit by bit it takes ten minutes, and every third has a quarter of an hour off."""
    if not shift.coming:
        return [(0.0, "come", number) for number in range(shift.agents)]
    moves: list[tuple[float, str, int]] = []
    for number in range(shift.agents):
        moves.append((600.0 * number / shift.agents, "come", number))
        if number % 3 == 0:
            away = shift.seconds * (0.4 + 0.2 * number / shift.agents)
            moves += [(away, "go", number), (away + 900, "come", number)]
    return moves


def _moment(now: float) -> datetime:
    return EPOCH + timedelta(seconds=now)


def _lognormal(luck: random.Random, mean: float, cv: float) -> float:
    spread = math.log(1 + cv * cv)
    return luck.lognormvariate(math.log(mean) - spread / 2, math.sqrt(spread))
