"""Whether the recipient of a message is what a flow keeps secret: its own number or address is then not shown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_NO_DIGIT: Final = re.compile(r"\D+")
_FEWEST_DIGITS: Final = 5


def is_secret_recipient(recipient: str, secrets: Iterable[str]) -> bool:
    """Tell whether one of these values is this number, in any notation, or holds this address."""
    return any(recipient.casefold() in secret.casefold() or _same_number(recipient, secret) for secret in secrets)


def _same_number(recipient: str, secret: str) -> bool:
    digits = _NO_DIGIT.sub("", secret).lstrip("0")
    return len(digits) >= _FEWEST_DIGITS and recipient.isdecimal() and recipient.endswith(digits)
