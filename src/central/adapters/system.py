"""The machine's own clock and randomness: the one home of real time and fresh ids (ports Clock and Ids)."""

from __future__ import annotations

import secrets
import string
import time
from datetime import UTC, datetime
from operator import attrgetter
from uuid import UUID

from central.domain.ids import uuid7

_number = attrgetter("int")
_BASE62 = string.ascii_letters + string.digits


class SystemClock:
    """Real time. ``monotonic`` goes on while the process is stopped, so that a lease can be judged after a freeze."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds on a clock that never steps back and counts suspended time too."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


class SystemIds:
    """Fresh version 7 UUIDs and secrets."""

    def __init__(self) -> None:
        self._last_ms = 0

    def uuid(self) -> UUID:
        """A new time-ordered UUID."""
        return uuid7(time.time_ns() // 1_000_000, secrets.randbits(76))

    def uuids(self, n: int) -> list[UUID]:
        """``n`` new ids of one millisecond, ascending: one call for a whole batch."""
        ms = time.time_ns() // 1_000_000
        return sorted((uuid7(ms, secrets.randbits(76)) for _ in range(n)), key=_number)

    def instant(self) -> int:
        """The present time in milliseconds, but later than any instant before."""
        self._last_ms = max(time.time_ns() // 1_000_000, self._last_ms + 1)
        return self._last_ms

    def texts(self, n: int, instant: int) -> list[str]:
        """``n`` new ids as text, ascending, and behind those of earlier instants: 48 bits of time, 24 of counter, 48 of chance."""
        head = f"{instant >> 16:08x}-{instant & 0xFFFF:04x}-7"
        chance = secrets.token_hex(6 * n)
        return [
            f"{head}{i >> 12 & 0xFFF:03x}-8{i & 0xFFF:03x}-{chance[12 * i : 12 * i + 12]}"  # RFC 9562: version 7, variant 10
            for i in range(n)
        ]

    def secret(self, n_bytes: int = 32) -> str:
        """A URL-safe secret of so many random bytes."""
        return secrets.token_urlsafe(n_bytes)

    def code(self, length: int = 10) -> str:
        """Letters and digits that cannot be guessed."""
        return "".join(secrets.choice(_BASE62) for _ in range(length))
