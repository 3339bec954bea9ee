"""Words of the case files that stand for a moment or a zone which depends on when the suite runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"@(\d+)s-ago")


def resolve(text: str, now: datetime | None = None) -> str:
    """``@yesterday``, ``@tomorrow`` (dates), ``@30s-ago`` (a moment), ``@night`` (a zone where it is 03:00 to 03:59)."""
    now = now or datetime.now(UTC)
    if text == "@yesterday":
        return (now - timedelta(days=1, hours=12)).date().isoformat()
    if text == "@tomorrow":
        return (now + timedelta(days=2)).date().isoformat()
    if text == "@night":
        ahead = (3 - now.hour) % 24
        ahead = ahead if ahead <= 12 else ahead - 24
        # the names of these zones have the opposite sign (IANA database, file etcetera)
        return "Etc/GMT" if ahead == 0 else f"Etc/GMT{-ahead:+d}"
    if ago := _AGO.fullmatch(text):
        return (now - timedelta(seconds=int(ago[1]))).isoformat(timespec="seconds")
    return text
