"""Receipts that a carrier brings by calling us: the call as it came, and who proves and reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from central.application.ports.carriers import ReceiptCame
from central.application.ports.message_store import OpenCarrier


class ReceiptCall(msgspec.Struct, frozen=True):
    """A call as it came. query: the raw text behind ``?``. token: the last part of the path, "" = none. body: at most 256 KiB."""

    method: str
    headers: Mapping[str, str]
    query: str
    body: bytes
    token: str = ""


class HearReceipts(Protocol):
    """Proves and reads the receipts of a call, as the carrier's settings say."""

    def __call__(self, carrier: OpenCarrier, call: ReceiptCall, at: datetime, /) -> Sequence[ReceiptCame]:
        """Raises NotFound ``gateway_not_found``, Forbidden ``receipt_forged``, InvalidInput ``receipt_unreadable``."""
        ...
