"""Events that a mail provider brings by calling us: who proves and reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from central.application.ports.carriers import MailHeard
from central.application.ports.message_store import OpenCarrier


class HearEvents(Protocol):
    """Proves and reads the body of a call, as the settings of its relay say; confirms subscriptions of the relay's topics."""

    async def __call__(self, relay: OpenCarrier, body: bytes, /) -> Sequence[MailHeard]:
        """None for a confirmation.

        Raises NotFound ``relay_not_found``, Forbidden ``topic_unknown``, ``event_forged``, InvalidInput ``event_unreadable``,
        NeighbourError.
        """
        ...
