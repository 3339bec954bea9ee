"""What carriers still have in their hands is kept from being taken for lost, however slow they are (path step 5)."""

from __future__ import annotations

from collections.abc import Collection

from central.application.messaging.hand_over import LEASE
from central.application.ports.message_store import MessageStore
from central.application.ports.world import Clock
from central.domain.ids import AccountId, MessageId


class KeepHandOvers:
    """The use case; one instance in the process that owns the carriers, under its name ``owner``."""

    def __init__(self, store: MessageStore, clock: Clock, owner: str) -> None:
        self._store, self._clock, self._owner = store, clock, owner
        self._kept_at = float("-inf")

    async def __call__(self, held: Collection[tuple[AccountId, MessageId]]) -> None:
        """Renew their leases, three times in the length of one. Raises NeighbourError: nothing may be taken for lost then."""
        now = self._clock.monotonic()
        if now - self._kept_at < LEASE.total_seconds() / 3:
            return
        if held:
            await self._store.keep_hand_overs(held, self._owner, LEASE, self._clock.now())
        self._kept_at = now
