"""Messages are taken back: what waits with us ends, and a carrier that has one is asked not to deliver it (path steps 4d and 5).

The wish stands in the message's row, and whoever owns the carriers acts on it: nothing that it concerns is handed over from then on.
What becomes of a message that a carrier has is what the carrier says; until it has answered, the status stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from central.application.ports.carriers import Cancellation
from central.application.ports.message_store import Channel, OpenCarrier
from central.application.ports.taking_back import TakenBack, TakingBack
from central.application.ports.world import Clock
from central.domain.errors import Conflict, NotFound
from central.domain.ids import AccountId, MessageId
from central.domain.moves import is_final
from central.domain.statuses import SmsStatus

_AT_ONCE: Final = 200
_KNOWN: Final = frozenset({SmsStatus.UNDELIVERED, SmsStatus.EXPIRED})
"""Their end is told, though a late receipt may correct it."""


class TakeBack:
    """The use case of whoever has sent a message."""

    def __init__(self, store: TakingBack, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def __call__(self, account_id: AccountId, channel: Channel, message_id: MessageId) -> TakenBack:
        """Wish it; a repeated wish changes nothing.

        Raises NotFound ``message_not_found``; Conflict ``message_final``, ``cancel_refused`` (its carrier would not), or
        ``already_handed_over`` (to somebody who cannot be asked: a relay, an HTTP gateway, a carrier that gave it no name).
        """
        found = await self._store.take_back(account_id, channel, message_id, self._clock.now())
        if found is None:
            raise NotFound("message_not_found", "There is no such message in this account.")
        if is_final(channel, found.status) or found.status in _KNOWN:
            raise Conflict("message_final", f"It has ended as {found.status}.", status=found.status)
        if found.answered:
            raise Conflict("cancel_refused", "Its carrier was asked, and keeps it.", status=found.status)
        if not found.wished:
            message = "It was handed over, and whoever has it cannot be asked to give it back."
            raise Conflict("already_handed_over", message, status=found.status)
        return found


class AskToCancel:
    """The use case of whoever serves a carrier; one instance an open carrier."""

    def __init__(
        self, store: TakingBack, carrier: OpenCarrier, clock: Clock,
        cancel: Callable[[Sequence[Cancellation]], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._store, self._carrier, self._clock, self._cancel = store, carrier, clock, cancel

    async def __call__(self) -> int:
        """Ask for some; how many. Raises NeighbourError."""
        row = self._carrier
        wanted = await self._store.to_cancel(row.account_id, row.id, _AT_ONCE, self._clock.now())
        if wanted:
            await self._cancel(wanted)
        return len(wanted)
