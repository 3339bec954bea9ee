"""Keep personal data out of the log: mask what is declared as such, and scrub what slipped into other text.

Declared: keys that contain ``pii``. Slipped: a phone number or a mail address in an exception's text (PostgreSQL quotes
values in its messages) or in a library's line. The tests read real log output with ``find_personal_data``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

MARK = "pii"
MASKED = "***"

# A run of 8 to 15 digits (E.164) that stands alone: digits inside a UUID, a hash or a decimal number do not count.
_PHONE = re.compile(r"(?<![\w.-])\+?[1-9]\d{7,14}(?![\w-]|\.\d)")
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}")


def protect(keys: Mapping[str, object], *, show: bool) -> dict[str, object]:
    """The same keys with declared values masked and all other text scrubbed; ``show`` leaves everything as it is."""
    if show:
        return dict(keys)
    return {key: mask(value) if MARK in key else scrub(value) for key, value in keys.items()}


def mask(value: object) -> object:
    """``***`` and the last two digits of a phone number; ``***`` for anything else; None stays None."""
    if value is None:
        return None
    text = str(value)
    return f"{MASKED}{text[-2:]}" if _PHONE.fullmatch(text) else MASKED


def scrub(value: object) -> object:
    """Replace phone numbers and mail addresses in text, also inside lists and mappings; other values pass."""
    if isinstance(value, str):
        return _MAIL.sub("[address]", _PHONE.sub("[number]", value))
    if isinstance(value, Mapping):
        inner = cast("Mapping[object, object]", value)
        return {str(key): mask(item) if MARK in str(key) else scrub(item) for key, item in inner.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [scrub(item) for item in cast("Iterable[object]", value)]
    return value


def find_personal_data(lines: Iterable[str]) -> Sequence[str]:
    """Every phone number and mail address that stands in these log lines: for tests, which expect none."""
    return [found.group() for line in lines for pattern in (_PHONE, _MAIL) for found in pattern.finditer(line)]
