"""Who a short message says it is from. Pure.

Source: 3GPP TS 23.040, section 9.1.2.5: an alphanumeric originating address holds at most 11 characters.
"""

from __future__ import annotations

import re
from typing import Final

from central.domain.errors import InvalidInput

SENDER: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._&+-]{0,9}[A-Za-z0-9.])?|\+?[0-9]{3,15}")


def checked_sender(sender: str) -> str:
    """The sender, "" = the carrier's own. Raises InvalidInput ``sender_invalid``."""
    if sender and not SENDER.fullmatch(sender):
        message = "A sender is a number, or a name of at most 11 letters and digits."
        raise InvalidInput("sender_invalid", message, field="sender")
    return sender
