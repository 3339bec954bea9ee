"""Time that runs faster by a factor, the same in every process: conversations of seconds take hundredths of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from central.application.ports.world import TimerHandle
from central.entrypoints.workers.loop_timers import LoopTimers

SPEED = 100.0


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Port Clock: ``begun`` is the real time (seconds since 1970) at which scaled and real time are equal."""

    begun: float
    speed: float = SPEED

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.begun, UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.time() - self.begun) * self.speed


class ScaledTimers(LoopTimers):
    """Timers of calls on scaled time; the node's own rounds stay on real time."""

    def after(self, seconds: float, action: Callable[[], None]) -> TimerHandle:
        return super().after(seconds / SPEED, action)
