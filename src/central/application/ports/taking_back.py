"""What taking messages back needs from the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from central.application.ports.carriers import Cancellation, CarrierId
from central.application.ports.message_store import Channel
from central.domain.ids import AccountId, MessageId


class TakenBack(msgspec.Struct, frozen=True):
    """How a message is that somebody takes back. waits: in our queue. answered: its carrier has answered that wish. wished: it will be tried."""

    status: str
    waits: bool
    answered: bool
    wished: bool


class TakingBack(Protocol):
    """The wishes of a shard."""

    async def take_back(
        self, account_id: AccountId, channel: Channel, message: MessageId, at: datetime
    ) -> TakenBack | None:
        """Wish that it is taken back, where it can be; None = the account has no such message."""
        ...

    async def to_cancel(
        self, account_id: AccountId, carrier: CarrierId, limit: int, at: datetime
    ) -> Sequence[Cancellation]:
        """What this carrier is to be asked to give back now; told again after a minute unless it answers."""
        ...
