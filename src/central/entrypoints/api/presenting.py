"""How values look in answers, and moments that came: times with offset and milliseconds, money as decimal text, numbers masked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from central.domain.moments import checked_moment
from central.domain.money import MICROS

Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time", "examples": ["2026-03-01T09:30:00.000+00:00"]})]
"""ISO 8601 with offset and milliseconds."""

Amount = Annotated[str, Meta(pattern=r"^-?\d{1,12}(\.\d{1,6})?$", extra_json_schema={"examples": ["12.50"]})]
"""Money as decimal text in units of the account's currency, at most 6 places."""

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""A number that is stored as PostgreSQL's ``int`` (4 bytes)."""

Positive = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""The same, not 0."""

_SHOWN_HEAD = 4
_SHOWN_TAIL = 2


def moment(at: datetime) -> Moment:
    """A moment as answers show it."""
    return at.isoformat(timespec="milliseconds")


def moment_or_none(at: datetime | None) -> Moment | None:
    """A moment, or null."""
    return None if at is None else moment(at)


def given_moment(at: datetime | None, field: str) -> datetime | None:
    """A moment that came, in UTC. Raises InvalidInput ``moment_without_offset``, ``moment_out_of_range``."""
    return None if at is None else checked_moment(at, field)


def amount(micros: int) -> Amount:
    """Millionths of a unit as decimal text with at least two places."""
    whole, fraction = divmod(abs(micros), MICROS)
    digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{digits}"


def masked(number: str) -> str:
    """A phone number of which only head and tail can be read: ``9198******10``; short ones are hidden whole."""
    hidden = len(number) - _SHOWN_HEAD - _SHOWN_TAIL
    if hidden <= 0:
        return "*" * len(number)
    return f"{number[:_SHOWN_HEAD]}{'*' * hidden}{number[-_SHOWN_TAIL:]}"
