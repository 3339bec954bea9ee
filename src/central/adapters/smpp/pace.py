"""How fast one bind may send: a token bucket, and what ESME_RTHROTTLED and ESME_RMSGQFUL do to it. Pure; time is an argument.

A throttled bind rests, its rate is halved and grows back slowly. A full queue delays that message first: some SMSCs mean the
queue of one recipient. Only when several recipients get it is the bind slowed down.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from central.adapters.smpp.config import Throttling

NEVER: Final = math.inf
_BEYOND: Final = 100_000.0
_REMEMBER_S: Final = 10.0
_JITTER: Final = 0.2
_SECOND: Final = 1.0


class Bucket:
    """Tokens that come at a rate; ``rate`` None = no limit. At most ``burst_s`` seconds' worth of them are kept."""

    def __init__(self, rate: float | None, burst_s: float) -> None:
        self.rate = rate
        self._burst_s = burst_s
        self._tokens = 1.0
        self._at = -NEVER

    def _fill(self, now: float) -> float:
        rate = self.rate or 0.0
        most = max(1.0, rate * self._burst_s)
        if self._at > -NEVER:
            self._tokens = min(most, self._tokens + max(0.0, now - self._at) * rate)
        self._at = max(now, self._at)
        return self._tokens

    def room(self, now: float) -> int | None:
        """Whole tokens now; None = no limit."""
        return None if self.rate is None else int(self._fill(now) + 1e-9)

    def take(self, n: int, now: float) -> None:
        """Use ``n`` tokens that are there."""
        if self.rate is not None:
            self._tokens = self._fill(now) - n

    def due(self, now: float) -> float:
        """When the next whole token is there."""
        if self.rate is None:
            return now
        missing = 1.0 - self._fill(now)
        return now if missing <= 0 else self._at + missing / self.rate


class Pace:
    """The pace of one bind. ``chance`` gives numbers from 0 to 1 for jitter."""

    def __init__(self, rate: float | None, burst_s: float, rules: Throttling, chance: Callable[[], float]) -> None:
        self._ceiling = rate
        self._rules = rules
        self._chance = chance
        self.bucket = Bucket(rate, burst_s)
        self._resting_until = -NEVER
        self._throttled_at = -NEVER
        self._grown_at = 0.0
        self._pauses = 0
        self._was = 0.0
        self.slow = False
        self._full: dict[str, float] = {}
        self._second = (0.0, 0)
        self._last_second = 0

    def room(self, now: float) -> int | None:
        """How many may go now; None = as many as the window holds."""
        if now < self._resting_until:
            return 0
        return self.bucket.room(now)

    def due(self, now: float) -> float:
        """When one more may go."""
        return self._resting_until if now < self._resting_until else self.bucket.due(now)

    def take(self, n: int, now: float) -> None:
        """``n`` go now."""
        self.bucket.take(n, now)
        begun, count = self._second
        if now - begun >= _SECOND:
            self._last_second = count if now - begun < 2 * _SECOND else 0
            begun, count = now, 0
        self._second = begun, count + n

    def throttled(self, sent_at: float, now: float) -> float:
        """The SMSC says that we are too fast; how long to wait (s). Answers to what was sent before the last rest count once."""
        if sent_at > self._throttled_at:
            self._slow_down(now)
        return max(0.0, self._resting_until - now)

    def queue_full(self, recipient: str, tries: int, sent_at: float, now: float) -> float:
        """A queue is full; how long that message waits (s)."""
        self._full = {one: at for one, at in self._full.items() if now - at < _REMEMBER_S}
        self._full[recipient] = now
        if len(self._full) >= self._rules.queue_recipients:
            self._full.clear()
            self.throttled(sent_at, now)
        first, longest = self._rules.queue_delay
        wait = min(longest, first * 2.0 ** min(max(tries, 1) - 1, 30))
        return max(wait * self._jitter(), self._resting_until - now)

    def _slow_down(self, now: float) -> None:
        first, longest = self._rules.pause
        pause = min(longest, first * 2.0 ** min(self._pauses, 30)) * self._jitter()
        self._pauses += 1
        begun, count = self._second
        observed = max(count, self._last_second) / _SECOND if now - begun < 2 * _SECOND else 1.0
        rate = self.bucket.rate
        base = observed if rate is None else min(rate, max(observed, 1.0))
        self.bucket.take(0, now)
        self.bucket.rate = max(1.0, base / 2) if rate is None or rate > 1 else rate / 2
        if not self.slow:
            self._was = self._ceiling or max(1.0, observed)
        self.slow = True
        self._throttled_at = now
        self._resting_until = self._grown_at = now + pause

    def accepted(self, now: float) -> bool:
        """The SMSC took one. True when the pace is what it was before it was slowed down."""
        rate = self.bucket.rate
        if rate is None or now < self._grown_at + _SECOND or (self._ceiling is not None and rate >= self._ceiling):
            return False
        rate *= (1.0 + self._rules.growth) ** min(now - self._grown_at, 60.0)
        self._grown_at = now
        self._pauses = max(0, self._pauses - 1)
        self.bucket.take(0, now)
        if self._ceiling is not None:
            self.bucket.rate = min(rate, self._ceiling)
        else:
            self.bucket.rate = None if rate >= _BEYOND else rate
        if self.slow and rate >= self._was:
            self.slow = False
            self._pauses = 0
            return True
        return False

    def _jitter(self) -> float:
        return 1.0 - _JITTER + 2 * _JITTER * self._chance()
