"""Where a due time finally lies: moved into the calling window and held against the record's expiry (domain 8.3).

Intake (first due), the claim (put back because the window is closed) and ``outcomes`` (next attempt) all ask here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from central.domain.calling_hours import HORIZON

DEFAULT_EXPIRY: Final = timedelta(hours=24)

NextOpening = Callable[[datetime], datetime | None]
"""The first permitted moment at or after the given one, None when there is none within the horizon of 14 days."""


class Limits(msgspec.Struct, frozen=True):
    """The latest moment of a record: its own expiry (time spent in a pause already added) and its request's end."""

    expires_at: datetime | None = None
    request_end_at: datetime | None = None

    def latest(self) -> tuple[datetime, str] | None:
        """The earlier of both limits and what it is called, or None when nothing limits the record."""
        if self.expires_at is None:
            return None if self.request_end_at is None else (self.request_end_at, "its request ends")
        if self.request_end_at is not None and self.request_end_at < self.expires_at:
            return self.request_end_at, "its request ends"
        return self.expires_at, "it expires"


class Placement(msgspec.Struct, frozen=True):
    """``due_at`` in UTC, or None with ``reason`` ``expired`` or ``outside_business_hours``; the sentence explains."""

    due_at: datetime | None
    reason: str
    sentence: str


def always_open(at: datetime) -> datetime | None:
    """The calling window of a record that no hours limit."""
    return at


def place_due(wanted: datetime, limits: Limits, next_opening: NextOpening = always_open) -> Placement:
    """Move a wanted due time into the window; none is left when that lies after the record's expiry or request's end."""
    opening = next_opening(wanted)
    latest = limits.latest()
    if opening is None:
        if latest is not None and latest[0] <= wanted + HORIZON:
            return Placement(
                None, "expired", f"no calling window opens before {moment_text(latest[0])}, when {latest[1]}"
            )
        return Placement(None, "outside_business_hours", f"no calling window opens within {HORIZON.days} days")
    if latest is not None and opening > latest[0]:
        text = f"it would be due at {moment_text(opening)}, after {moment_text(latest[0])}, when {latest[1]}"
        return Placement(None, "expired", text)
    if opening == wanted:
        return Placement(wanted, "", f"due at {moment_text(wanted)}")
    return Placement(opening, "", f"due at {moment_text(opening)}, when the calling window opens")


def moment_text(at: datetime) -> str:
    """A moment in sentences: ISO 8601 in UTC to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
