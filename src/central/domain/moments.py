"""Moments that callers give: one range for all of them, so that nothing stored or computed from them can overflow.

Python holds the years 1 to 9999 and PostgreSQL more, and either may move a moment out of the other's reach by an offset or
by an added expiry. The range is far inside of both.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from central.domain.errors import InvalidInput

FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
END: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""The first moment that is out of range again."""


def checked_moment(at: datetime, field: str) -> datetime:
    """The moment in UTC. Raises InvalidInput ``moment_without_offset``, ``moment_out_of_range`` (years 2000 to 2199)."""
    if at.utcoffset() is None:
        raise InvalidInput("moment_without_offset", f"{field} needs an offset, such as Z or +05:30.", field=field)
    if not FIRST <= at < END:
        message = f"{field} lies outside of the years {FIRST.year} to {END.year - 1}."
        raise InvalidInput("moment_out_of_range", message, field=field)
    return at.astimezone(UTC)
