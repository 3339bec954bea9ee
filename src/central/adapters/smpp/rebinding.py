"""When a bind is made anew: waits that grow, with jitter, and an end after refused log-ins. Pure; time is an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from central.adapters.smpp.config import SmppConfig
from central.adapters.smpp.reasons import REFUSES_LOG_IN

NEVER: Final = float("inf")
_PROVEN_S: Final = 60.0


class Rebinding:
    """``stopped``: no connection is made until ``start``. ``at``: when the next one is made."""

    def __init__(self, config: SmppConfig, chance: Callable[[], float]) -> None:
        self._config, self._chance = config, chance
        self.stopped = True
        self.at = NEVER
        self._tries = 0
        self._refusals = 0
        self._up_at: float | None = None

    def start(self, now: float) -> None:
        """Connect now, and whenever it is lost; also after it stopped by itself."""
        self.stopped, self._refusals, self._tries, self.at = False, 0, 0, now

    def stop(self) -> None:
        """Do not come back."""
        self.stopped, self.at = True, NEVER

    def bound(self, now: float) -> None:
        """The log-in was taken."""
        self._refusals, self._up_at = 0, now

    def proven(self) -> None:
        """The SMSC works: it has answered a message. Only that makes the next wait short again."""
        self._tries = 0

    def refused(self, status: int) -> None:
        """A bind was refused: a wrong system_id or password a third time would make the carrier lock the account."""
        if status in REFUSES_LOG_IN:
            self._refusals += 1
            if self._refusals >= self._config.refusals:
                self.stop()

    def lost(self, now: float) -> None:
        """The connection is gone, or there was none to be had."""
        if self._up_at is not None and now - self._up_at >= _PROVEN_S:
            self._tries = 0
        self._up_at = None
        if self.stopped:
            self.at = NEVER
            return
        first, longest = self._config.timers.reconnect
        self.at = now + min(longest, first * 2.0 ** min(self._tries, 30)) * (0.5 + 0.5 * self._chance())
        self._tries += 1
