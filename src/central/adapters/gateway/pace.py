"""When the next request may go: the gateway's rate, and its rests after it said that it is too much. Pure; time is given in seconds."""

from __future__ import annotations

from typing import Final

_FIRST_S: Final = 1.0
_LONGEST_S: Final = 60.0
_LONGEST_ASKED_S: Final = 300.0


class Pace:
    """Requests are at least 1/rate apart (bursts of a tenth of a second may go at once); a rest doubles from 1 s to 60 s."""

    def __init__(self, rate: float | None) -> None:
        self._gap = 0.0 if rate is None else 1 / rate
        self._burst = 0.0 if rate is None else max(0.1, self._gap)
        self._next = 0.0
        self._rest_s = 0.0
        self.resting_until = 0.0

    def room(self, now: float) -> int | None:
        """How many requests may go at once now; None = no limit."""
        if now < self.resting_until:
            return 0
        if not self._gap:
            return None
        return max(0, int((now + self._burst - max(self._next, now)) / self._gap + 1e-9))

    def take(self, now: float) -> float:
        """Take the next place; how long to wait for it."""
        at = max(self._next, now - self._burst + self._gap) if self._gap else now
        self._next = at + self._gap
        return max(0.0, at - now, self.resting_until - now)

    def rest(self, now: float, asked_s: float | None) -> bool:
        """The gateway rests: for what it asked for, or a growing time. False = it did already."""
        if now < self.resting_until:
            return False
        self._rest_s = min(max(_FIRST_S, self._rest_s * 2), _LONGEST_S)
        wanted = self._rest_s if asked_s is None else min(max(asked_s, _FIRST_S), _LONGEST_ASKED_S)
        self.resting_until = now + wanted
        return True

    def answered(self) -> None:
        """It works again."""
        self._rest_s = 0.0
