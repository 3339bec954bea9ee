"""Identifiers as distinct types. All are UUIDs in lower case, version 7 (RFC 9562): time-ordered, made in Python.

Two exceptions: a flow's public id is 8 letters and digits, a security id 64 hex digits (domain decision G7).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NewType
from uuid import UUID

AccountId = NewType("AccountId", UUID)
RequestId = NewType("RequestId", UUID)
RecordId = NewType("RecordId", UUID)
AttemptId = NewType("AttemptId", UUID)
LegId = NewType("LegId", UUID)
EventId = NewType("EventId", UUID)
TrunkId = NewType("TrunkId", UUID)
EndpointId = NewType("EndpointId", UUID)
MessageId = NewType("MessageId", UUID)
FlowId = NewType("FlowId", str)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7(unix_ms: int, random_bits: int) -> UUID:
    """Build a version 7 UUID from milliseconds since 1970 and at least 74 random bits (RFC 9562, section 5.7)."""
    value = (unix_ms & 0xFFFF_FFFF_FFFF) << 80 | (random_bits & 0xFFF_FFFF_FFFF_FFFF_FFFF)
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def derived_uuid(base: UUID, place: int) -> UUID:
    """The ``place``-th id that belongs to a version 7 id: always the same one, of the same time, and not to be guessed from it."""
    digest = sha256(base.bytes + place.to_bytes(8, "big")).digest()
    return uuid7(base.int >> 80, int.from_bytes(digest[:10], "big"))


def uuid7_time(value: UUID) -> datetime:
    """The creation time that a version 7 UUID carries, to the millisecond, in UTC."""
    return _EPOCH + timedelta(milliseconds=value.int >> 80)


def uuid7_floor(at: datetime) -> UUID:
    """The smallest value that sorts at or after ``at``: partition bounds and time filters over ids."""
    return UUID(int=((at - _EPOCH) // timedelta(milliseconds=1)) << 80)
