"""When and after which results a record is tried again (domain 8.1): a flow's reattempt rule as a value.

One budget per record whatever the cause; ``attempts`` includes the first. The interval runs from the end of an attempt.
``outcomes`` decides with this rule (path step 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from central.domain.dispositions import DEFAULT_RETRY_ON, permanently_bad
from central.domain.errors import InvalidInput
from central.domain.statuses import CallStatus

MAX_ATTEMPTS: Final = 100
MIN_INTERVAL: Final = timedelta(seconds=1)  # so that no redial is ever immediate, also after an unknown attempt
MAX_INTERVAL: Final = timedelta(days=30)
FREE_PLATFORM_FAULTS: Final = 3
PLATFORM_FAULT_PAUSE: Final = timedelta(seconds=60)


class Growth(StrEnum):
    """How a single interval grows from one attempt to the next: m, m, m / m, 2m, 3m / m, 2m, 4m."""

    FIXED = "fixed"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"


class Alternates(StrEnum):
    """Which of the record's further numbers are tried within one attempt."""

    ALL = "all"
    SKIP_AFTER_REJECTION = "skip_after_rejection"


@dataclass(frozen=True, slots=True)
class ReattemptRule:
    """Attempts (the first included), waits between them, and the results after which another one makes sense.

    ``intervals`` is one duration that ``growth`` lets grow, or a list whose last item repeats (then growth is fixed).
    Raises InvalidInput ``invalid_reattempt_rule``.
    """

    attempts: int = 1
    intervals: tuple[timedelta, ...] = (timedelta(minutes=30),)
    growth: Growth = Growth.FIXED
    retry_on: frozenset[CallStatus] = DEFAULT_RETRY_ON
    retry_short_hangup: bool = False
    alternates: Alternates = Alternates.ALL

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= MAX_ATTEMPTS:
            raise _invalid(f"attempts must be 1 to {MAX_ATTEMPTS}, not {self.attempts}")
        if not self.intervals:
            raise _invalid("at least one interval is needed")
        last = len(self.intervals) - 1
        if last > 0 and self.growth is not Growth.FIXED:
            raise _invalid("a list of intervals cannot grow as well")
        never = sorted(status for status in self.retry_on if permanently_bad(status) or status is CallStatus.CONNECTED)
        if never:
            raise _invalid(f"there is never a retry after {', '.join(never)}")
        if max(self.intervals) > MAX_INTERVAL or min(self.intervals) < MIN_INTERVAL:
            raise _invalid("an interval must be 1 second to 30 days")
        if max(interval_after(self, n) for n in range(1, self.attempts + 1)) > MAX_INTERVAL:
            raise _invalid("an interval grows beyond 30 days")


def interval_after(rule: ReattemptRule, attempts_charged: int) -> timedelta:
    """The wait after the n-th charged attempt (n counted from 1; 0 is taken as 1)."""
    n = max(attempts_charged, 1)
    last = len(rule.intervals) - 1
    if last > 0:
        return rule.intervals[min(n - 1, last)]
    match rule.growth:
        case Growth.FIXED:
            return rule.intervals[0]
        case Growth.LINEAR:
            return rule.intervals[0] * n
        case Growth.EXPONENTIAL:
            return rule.intervals[0] * (1 << min(n - 1, 32))


def next_due(rule: ReattemptRule, attempts_charged: int, ended_at: datetime) -> datetime:
    """When the next attempt is due after ``attempts_charged`` (the ended one included), before any calling window."""
    return ended_at + interval_after(rule, attempts_charged)


def _invalid(message: str) -> InvalidInput:
    return InvalidInput("invalid_reattempt_rule", f"Reattempts: {message}.")
