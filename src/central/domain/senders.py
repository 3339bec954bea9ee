"""Who a short message says it is from. Pure.

Source: 3GPP TS 23.040, section 9.1.2.5: an alphanumeric originating address holds at most 11 characters.
"""

from __future__ import annotations

import re
from typing import Final

SENDER: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._&+-]{0,9}[A-Za-z0-9.])?|\+?[0-9]{3,15}")
SENDER_RULE: Final = "A sender is a number, or a name of at most 11 letters and digits."
