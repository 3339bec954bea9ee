"""Durations as people write them in a flow: ``10s``, ``5m``, ``1h30m``, ``250ms``, ``2d``."""

from __future__ import annotations

import re
from datetime import timedelta

_PART = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:[0-9]{1,9}(?:ms|s|m|h|d))+")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_LONGEST = timedelta(days=3650)


def parse_duration(text: str) -> timedelta | None:
    """The duration, None when the text is none or is longer than ten years."""
    if len(text) > 40 or not _WHOLE.fullmatch(text):  # noqa: PLR2004 - far more than five parts need
        return None
    total = timedelta()
    for amount, unit in _PART.findall(text):
        total += int(amount) * _UNITS[unit]
        if total > _LONGEST:
            return None
    return total


def show_duration(value: timedelta) -> str:
    """The shortest way to write it in one unit, such as ``90s`` or ``5m``."""
    for unit in ("d", "h", "m", "s"):
        if value and not value % _UNITS[unit]:
            return f"{value // _UNITS[unit]}{unit}"
    return f"{value // _UNITS['ms']}ms"
