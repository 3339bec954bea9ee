"""Messages that wait for a relay: one rate for the relay, one for each recipient domain that has a cap. Pure, time is given.

Step 3 of the path (channel). A domain that is slowed down never holds others back: its messages stand in a lane of their own,
and what would wait there too long is given back with the time at which it can come again.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping
from typing import Final

from central.adapters.smtp.commands import domain_of
from central.application.ports.carriers import Envelope

PATIENCE_S: Final = 5.0
"""A message whose domain's lane is longer than this is given back."""

_BURST_S: Final = 1.0


class Pace:
    """A rate as a virtual schedule (the generic cell rate algorithm, ITU-T I.371): at most a second's worth at once."""

    __slots__ = ("_slack_s", "_step_s", "due")

    def __init__(self, per_s: float) -> None:
        self._step_s = 1.0 / per_s if per_s > 0 else 0.0
        self._slack_s = max(0.0, _BURST_S - self._step_s)
        self.due = 0.0

    def at(self) -> float:
        """The moment from which one more may go."""
        return self.due - self._slack_s

    def take(self, now: float) -> None:
        """One goes."""
        self.due = max(self.due, now) + self._step_s

    def lasts_s(self, count: int) -> float:
        """How long so many take."""
        return count * self._step_s


class _Lane:
    __slots__ = ("pace", "promised", "queue")

    def __init__(self, per_s: float) -> None:
        self.pace = Pace(per_s)
        self.queue: deque[Envelope] = deque()
        self.promised = 0.0


class Waiting:
    """The queue of one relay."""

    def __init__(self, per_s: float, domain_per_s: Mapping[str, float], any_domain_per_s: float) -> None:
        self._pace = Pace(per_s)
        self._rates = {domain.lower(): rate for domain, rate in domain_per_s.items()}
        self._any = any_domain_per_s
        self._capped = bool(self._rates) or any_domain_per_s > 0
        self._open: deque[Envelope] = deque()
        self._lanes: dict[str, _Lane] = {}
        self._parked: list[tuple[float, str]] = []  # each lane that has messages, once
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def lanes(self) -> int:
        """Domains of which something is remembered."""
        return len(self._lanes)

    def add(self, envelope: Envelope, now: float) -> float:
        """Take it in: 0. Or do not, because its domain is too far behind: the seconds after which it has a place."""
        rate = self._rate(domain_of(envelope.recipient)) if self._capped else 0.0
        if not rate:
            self._open.append(envelope)
            self._count += 1
            return 0.0
        domain = domain_of(envelope.recipient)
        lane = self._lanes.get(domain)
        if lane is None:
            lane = self._lanes[domain] = _Lane(rate)
        late_s = max(lane.pace.at() - now, 0.0) + lane.pace.lasts_s(len(lane.queue))
        if late_s > PATIENCE_S:
            lane.promised = max(lane.promised, now + late_s) + lane.pace.lasts_s(1)
            return lane.promised - now
        if not lane.queue:
            heapq.heappush(self._parked, (lane.pace.at(), domain))
        lane.queue.append(envelope)
        self._count += 1
        return 0.0

    def back(self, envelope: Envelope) -> None:
        """It was taken out and is still with us: it goes before all others, and costs no rate again."""
        self._open.appendleft(envelope)
        self._count += 1

    def pop(self, now: float) -> Envelope | None:
        """The next one that may go now."""
        if not self._count or self._pace.at() > now:
            return None
        found = self._from_lanes(now)
        if found is None and self._open:
            found = self._open.popleft()
        if found is not None:
            self._count -= 1
            self._pace.take(now)
        return found

    def next_at(self) -> float | None:
        """The moment from which ``pop`` gives something; None = nothing waits."""
        if not self._count:
            return None
        return self._pace.at() if self._open else max(self._pace.at(), self._parked[0][0])

    def clear(self) -> list[Envelope]:
        """Everything that waits, taken out."""
        found = [*self._open, *(one for lane in self._lanes.values() for one in lane.queue)]
        self._open.clear()
        for lane in self._lanes.values():
            lane.queue.clear()
        self._parked.clear()
        self._count = 0
        return found

    def forget(self, now: float) -> None:
        """Drop lanes that have nothing waiting and nothing to remember; call it now and then."""
        idle = [
            name for name, lane in self._lanes.items() if not lane.queue and max(lane.pace.due, lane.promised) <= now
        ]
        for name in idle:
            del self._lanes[name]

    def _rate(self, domain: str) -> float:
        return self._rates.get(domain, self._any)

    def _from_lanes(self, now: float) -> Envelope | None:
        if not self._parked or self._parked[0][0] > now:
            return None
        _, domain = heapq.heappop(self._parked)
        lane = self._lanes[domain]
        envelope = lane.queue.popleft()
        lane.pace.take(now)
        if lane.queue:
            heapq.heappush(self._parked, (lane.pace.at(), domain))
        return envelope
