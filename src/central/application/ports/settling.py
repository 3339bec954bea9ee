"""What the messaging room needs beside MessageStore: receipts that are foreseen, and the turns that senders were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from central.application.ports.carriers import CarrierId
from central.domain.ids import AccountId


class Foreseen(msgspec.Struct, frozen=True):
    """What a receipt does to a message of one part of which the carrier has told nothing yet, decided before it is read.

    id: of its history line. remote_id: as the receipt has it; forms: all ways to write it. about: the numbers in the receipt.
    status: what the message becomes; key: what is kept with the part. data: of the line.
    """

    id: UUID
    remote_id: str
    forms: Sequence[str]
    about: Sequence[str]
    at: datetime
    kind: str
    status: str
    reason: str
    key: str
    data: Mapping[str, object]


class SettlesForeseen(Protocol):
    """Messages that are settled without being read first."""

    async def settle_foreseen(
        self, account_id: AccountId, carrier: CarrierId, told: Sequence[Foreseen], at: datetime
    ) -> AbstractSet[UUID]:
        """Write those whose message is as they assume, and no other has their ids; the ids of these lines.

        As they assume: it has one part, the carrier has it (``SENT_TO_QUEUE``), and no receipt of it was stored. ``told``: no two share a form.
        """
        ...


class SenderTurns(Protocol):
    """Turns that were given to messages which wait for them."""

    async def last_turns(
        self, account_id: AccountId, carrier: CarrierId, reason: str, after: datetime
    ) -> Sequence[tuple[str, datetime, int]]:
        """Of each sender the last message that waits for a turn after then: sender, turn, parts."""
        ...
