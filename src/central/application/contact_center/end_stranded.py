"""Ends places whose node is gone, or whose agents have all logged out, and frees who was rung for them (path step 4b)."""

from __future__ import annotations

from central.application.contact_center.settle_offers import Left, settle
from central.application.ports.offers import OfferStore
from central.application.ports.world import Clock

_AT_ONCE = 500


class EndStranded:
    """The use case."""

    def __init__(self, store: OfferStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def run(self) -> int:
        """End them; how many there were."""
        now = self._clock.now()
        stranded = await self._store.stranded(now, _AT_ONCE)
        if stranded:
            await settle(self._store, [Left(account, place, how) for account, place, how in stranded], now)
        return len(stranded)
