"""A carrier is asked about messages whose time is over and of which it has told nothing final (path step 5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from central.application.messaging.decide_news import RECEIPT_GRACE
from central.application.ports.message_store import MessageStore, OpenCarrier
from central.application.ports.world import Clock

_SILENCE: Final = timedelta(hours=1)
_AGAIN: Final = timedelta(hours=1)
_LOOK: Final = timedelta(minutes=1)
_AT_ONCE: Final = 200
_CANDIDATES: Final = 5_000


class AskAfterSilence:
    """The use case; one instance an open carrier. A message is asked about an hour after its deadline, then once an hour."""

    def __init__(self, store: MessageStore, carrier: OpenCarrier, clock: Clock) -> None:
        self._store, self._carrier, self._clock = store, carrier, clock
        self._asked: dict[str, datetime] = {}
        self._looked_at: datetime | None = None

    async def due(self) -> Sequence[str]:
        """What the far end calls those to ask about now; looked for once a minute. Raises NeighbourError."""
        now = self._clock.now()
        if self._looked_at is not None and now - self._looked_at < _LOOK:
            return ()
        self._looked_at = now
        self._asked = {remote_id: at for remote_id, at in self._asked.items() if now - at < _AGAIN}
        before = now + RECEIPT_GRACE - _SILENCE
        found = await self._store.unheard(self._carrier.account_id, self._carrier.id, _CANDIDATES, before)
        fresh = [remote_id for remote_id in found if remote_id not in self._asked][:_AT_ONCE]
        self._asked |= dict.fromkeys(fresh, now)
        return fresh
