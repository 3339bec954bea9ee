"""What a decision costs: processor time of ``decide`` on pictures from the middle of a simulated shift."""

from __future__ import annotations

import time
from dataclasses import dataclass

from central.domain.pacing import Snapshot, decide
from tests.benchmarks.figure import percentile
from tests.benchmarks.pacing.contact_centre import Centre, Run, Shift
from tests.benchmarks.pacing.policies import LookAhead


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of processor time of one decision; calls: how many ring in the picture, on average."""

    agents: int
    decisions: int
    median_ms: float
    p99_ms: float
    calls: float


class _Watched(LookAhead):
    """Keeps the pictures of the second half of the run."""

    def __init__(self, after_s: float) -> None:
        super().__init__()
        self.after_s = after_s
        self.pictures: list[Snapshot] = []

    def picture(self, centre: Centre) -> Snapshot:
        found = super().picture(centre)
        if centre.now >= self.after_s:
            self.pictures.append(found)
        return found


def measure(agents: int, rate: float = 0.2, minutes: float = 30.0) -> Cost:
    """Play a shift, then decide again on each picture of its second half."""
    policy = _Watched(minutes * 30)
    Run(Shift(agents, rate, minutes / 60, seed=1), policy).play()
    spent: list[float] = []
    for picture in policy.pictures:
        begun = time.thread_time()
        decide(picture)
        spent.append((time.thread_time() - begun) * 1000)
    calls = sum(sum(one.ringing.values()) for one in policy.pictures) / len(policy.pictures)
    return Cost(agents, len(spent), percentile(spent, 0.5), percentile(spent, 0.99), round(calls, 1))
