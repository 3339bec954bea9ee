"""How fast a request moves, from successive looks at its counts (path step 7).

Counts carry no time, and records no index by the time of their end; so each look leaves a sample, and the rate is the
difference to a sample some seconds old. Kept in memory of the process that looks, for the requests looked at last.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from uuid import UUID

SHORT_S = 10.0
LONG_S = 60.0
_MOST_REQUESTS = 2_000
_APART_S = 0.2


@dataclass(frozen=True, slots=True)
class Rates:
    """Per second; None where only one look was taken so far."""

    finished_10: float | None = None
    finished_60: float | None = None
    attempts_10: float | None = None


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    finished: int
    attempts: int


@dataclass(slots=True)
class RateMeter:
    """The samples of one process; ``note`` adds one and answers the rates."""

    _samples: OrderedDict[UUID, deque[_Sample]] = field(default_factory=OrderedDict[UUID, deque[_Sample]])

    def note(self, request_id: UUID, at: float, finished: int, attempts: int) -> Rates:
        """Add what was seen at monotonic second ``at``; rates over the last 10 and 60 s, or as far back as is known."""
        samples = self._samples.setdefault(request_id, deque())
        self._samples.move_to_end(request_id)
        while len(self._samples) > _MOST_REQUESTS:
            self._samples.popitem(last=False)
        newest = _Sample(at, finished, attempts)
        if samples and finished < samples[-1].finished:
            samples.clear()  # a requeue reopened records: what was counted before says nothing now
        # one sample older than the window stays: the window begins at it
        while len(samples) > 1 and samples[1].at <= at - LONG_S:
            samples.popleft()
        short, long = _start(samples, at - SHORT_S), _start(samples, at - LONG_S)
        if not samples or at - samples[-1].at >= _APART_S:
            samples.append(newest)
        return Rates(
            finished_10=_per_s(short, newest, "finished"),
            finished_60=_per_s(long, newest, "finished"),
            attempts_10=_per_s(short, newest, "attempts"),
        )


def _start(samples: deque[_Sample], since: float) -> _Sample | None:
    """The last sample at or before ``since``, else the first after it."""
    found = None
    for sample in samples:
        if found is not None and sample.at > since:
            break
        found = sample
    return found


def _per_s(start: _Sample | None, end: _Sample, figure: str) -> float | None:
    if start is None or end.at - start.at < _APART_S:
        return None
    seen: int = getattr(end, figure) - getattr(start, figure)
    return round(max(0, seen) / (end.at - start.at), 2)
