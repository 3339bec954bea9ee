"""The numbers that stand in a receipt, as far as they can be those of a person."""

from __future__ import annotations

import re
from typing import Final

from central.application.ports.carriers import ReceiptCame
from central.domain.numbers import MIN_DIGITS

_NO_DIGITS: Final = re.compile("[^0-9]+")


def numbers_of(receipt: ReceiptCame) -> list[str]:
    """Their digits without leading zeros: carriers write numbers with and without country code, ``+`` and zeros."""
    digits = (_NO_DIGITS.sub("", about).lstrip("0") for about in receipt.about)
    return [one for one in digits if len(one) >= MIN_DIGITS]
