"""What came in and waits to be stored: it is answered afterwards, and there is a bound to how much may wait. Pure.

Too much waiting first stops the reading, so that the SMSC feels it by its own window; when that has lasted, what is too much
is refused (ESME_RMSGQFUL, and comes again), because a link that reads nothing hears no enquire_link either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from central.adapters.smpp.events import Token

_NEVER: Final = float("inf")
_PATIENCE_S: Final = 5.0


class Reception:
    """Inbound requests without an answer, at most about twice ``most``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: set[Token] = set()
        self._connection = 0
        self._choked_at: float | None = None
        self._refusing = False
        self.resumed_at = 0.0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def reading(self) -> bool:
        """False while the socket should not be read."""
        return self._choked_at is None or self._refusing

    def reset(self) -> None:
        """A new connection: nothing of an older one can be answered."""
        self._connection += 1
        self._held.clear()
        self._choked_at, self._refusing = None, False

    def take(self, command: int, sequence: int, now: float) -> Token | None:
        """Hold a request until it is stored; None = it must be refused now."""
        if (self._refusing and len(self._held) >= self._most) or len(self._held) >= 2 * self._most:
            return None
        token = self._connection, command, sequence
        self._held.add(token)
        if len(self._held) >= self._most and self._choked_at is None:
            self._choked_at = now
        return token

    def answered(self, tokens: Sequence[Token], now: float) -> list[tuple[int, int]]:
        """Those of ``tokens`` that can still be answered: command and sequence number."""
        found: list[tuple[int, int]] = []
        for token in tokens:
            if token in self._held:
                self._held.discard(token)
                found.append(token[1:])
        if self._choked_at is not None and len(self._held) <= self._most // 2:
            self._choked_at, self._refusing = None, False
            self.resumed_at = now
        return found

    def due(self) -> float:
        """When patience ends."""
        return _NEVER if self._choked_at is None or self._refusing else self._choked_at + _PATIENCE_S

    def tick(self, now: float) -> None:
        """Read again and refuse what is too much, when the store takes too long."""
        if now >= self.due():
            self._refusing = True
            self.resumed_at = now
