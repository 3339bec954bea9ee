"""When a message that did not leave is tried again (domain 12 and 13): growing pauses up to its deadline. Pure.

SMS: 2 s, doubling to 10 min, at most 20 tries. E-mail: 1 min, doubling to 4 h (RFC 5321, section 4.5.4.1 asks for patience).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec


class _Pauses(msgspec.Struct, frozen=True):
    first_s: float
    most_s: float
    tries: int


_PAUSES: Final[Mapping[str, _Pauses]] = {"sms": _Pauses(2, 600, 20), "email": _Pauses(60, 4 * 3600, 60)}


def retry_at(
    channel: Literal["sms", "email"],
    tries: int,
    now: datetime,
    deadline: datetime,
    *,
    elsewhere: bool = False,
    least_s: float = 0,
) -> datetime | None:
    """When try ``tries + 1`` is due; None = no more, the tries or the time are used up.

    elsewhere: another carrier is asked that did not refuse yet, so it may be at once. least_s: what the far end asked for.
    """
    pauses = _PAUSES[channel]
    if tries >= pauses.tries:
        return None
    pause = 0.0 if elsewhere else min(pauses.first_s * 2 ** max(0, tries - 1), pauses.most_s)
    at = now + timedelta(seconds=max(pause, least_s))
    return at if at < deadline else None
