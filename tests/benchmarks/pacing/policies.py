"""The policies that are compared: one line for each free agent, the adaptive rule of a peer, and ours as the product runs it.

The peer's rule stands here for the comparison alone, written from a description of what it does.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum

from central.domain.pacing import Decision, Snapshot, decide
from central.domain.pacing_learning import START, DialEnd, Learned, News, learn
from tests.benchmarks.pacing.contact_centre import Centre


class Progressive:
    """Dial for each idle agent whom no ringing call will need."""

    every = 1

    def dials(self, centre: Centre) -> int:
        _forget(centre)
        return max(0, len(centre.idle) - centre.rings - len(centre.waiting))


class LookAhead:
    """Ours: the production code, told what a real contact centre could tell it."""

    every = 1

    def __init__(self, cap: float = 0.03) -> None:
        self.cap = cap
        self.learned: Learned = START
        self.decision: Decision | None = None
        self._heard = 0.0

    def dials(self, centre: Centre) -> int:
        snapshot = self.picture(centre)
        self.decision = decide(snapshot)
        return self.decision.dials

    def picture(self, centre: Centre) -> Snapshot:
        """What is known at this moment."""
        now = centre.now
        talking, wrapping = _ages(centre.talking, now), _ages(centre.wrapping, now)
        if centre.ended_dials or centre.ended_talks or centre.ended_wraps:
            news = News(
                after_s=now - self._heard,
                dials=[DialEnd(after, live, now - at) for at, after, live in centre.ended_dials],
                talks=centre.ended_talks,
                wraps=centre.ended_wraps,
                talking=talking,
                wrapping=wrapping,
            )
            self.learned, self._heard = learn(self.learned, news), now
            _forget(centre)
        ringing: dict[int, int] = {}
        for begun, many in centre.ringing.items():
            age = int(now - begun)
            ringing[age] = ringing.get(age, 0) + many
        return Snapshot(
            idle=len(centre.idle),
            talking=talking,
            wrapping=wrapping,
            ringing=ringing,
            waiting=len(centre.waiting),
            answers=centre.answers,
            abandons=centre.abandons,
            cap=self.cap,
            learned=self.learned,
        )


class Brake(StrEnum):
    """What the peer does when the day's drops exceed the limit."""

    HARD = "hard"
    AVERAGE = "average"
    TAPERED = "tapered"


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """Its settings, with their defaults; intensity in percent."""

    brake: Brake = Brake.HARD
    available_only: bool = False
    maximum: float = 3.0
    intensity: int = 0
    difference: int = 0


@dataclass(slots=True)
class Peer:
    """Its adaptive rule: every 2.5 s dial up to a level times the agents, every 15 s correct the level by who stands idle."""

    settings: PeerSettings = PeerSettings()
    every: int = 1
    level: float = 1.0
    drops: float = 0.0
    tick: int = -1
    idle: deque[int] = field(default_factory=lambda: deque[int](maxlen=15))
    waiting: deque[int] = field(default_factory=lambda: deque[int](maxlen=15))

    def dials(self, centre: Centre) -> int:
        self.tick += 1
        tick = self.tick
        if tick % 2 == 0:
            self.idle.append(len(centre.idle))
            self.waiting.append(len(centre.waiting))
        if tick % 120 == 0:
            self.drops = centre.abandons / centre.answers if centre.answers else 0.0
            _forget(centre)
        if tick % 30 == 0 and tick:
            self._adapt(centre)
        if tick % 5:
            return 0
        talking, only = len(centre.talking), self.settings.available_only
        base = len(centre.idle) + (0 if only else talking)
        goal = math.floor(self.level * base + 0.5) + (talking if only else 0)
        return max(0, goal - centre.rings - len(centre.waiting) - talking)

    def _adapt(self, centre: Centre) -> None:
        settings = self.settings
        agents = len(centre.idle) + len(centre.talking) + len(centre.wrapping)
        idle = sum(self.idle) / len(self.idle) - sum(self.waiting) / len(self.waiting) + settings.difference
        off = idle / max(1, agents)
        off *= 1 + settings.intensity / 100 if off >= 0 else abs(settings.intensity / 100 - 1)
        level = max(1.0, min(settings.maximum, round(self.level * (1 + off), 3)))
        if centre.answers > 50 and self.drops > 0.03:
            level = max(1.0, level * self._braked(centre.now))
        self.level = level

    def _braked(self, now: float) -> float:
        match self.settings.brake:
            case Brake.HARD:
                return 0.0
            case Brake.AVERAGE:
                return 0.5
            case Brake.TAPERED:
                hours, seconds = divmod(now, 3600)
                left = 2100 - ((13 + hours) * 100 + seconds / 60)
                return 1.0 if left > 1000 else max(0.0, left / 1000)


def _ages(since: dict[int, float], now: float) -> dict[int, int]:
    return Counter([int(now - begun) for begun in since.values()])


def _forget(centre: Centre) -> None:
    centre.ended_dials.clear()
    centre.ended_talks.clear()
    centre.ended_wraps.clear()
