"""Messages whose time is over are looked after: lost hand-overs, no news, deadlines in our queue (path step 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

from central.application.messaging.decide_news import Decided, Lines, decide_lost, decide_overdue, decide_silent
from central.application.ports.message_store import MessageStore, StoredMessage
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids

_BATCH: Final = 500
Kind = Literal["lease", "silent", "overdue"]
_DECIDE: Final[Mapping[Kind, Callable[[StoredMessage, datetime, Lines], Decided]]] = {
    "lease": decide_lost,
    "silent": decide_silent,
    "overdue": decide_overdue,
}


class TendMessages:
    """The use case; one instance in the process that owns the carriers."""

    def __init__(self, store: MessageStore, clock: Clock, ids: Ids, telemetry: Telemetry) -> None:
        self._store, self._clock, self._ids, self._telemetry = store, clock, ids, telemetry

    async def step(self) -> int:
        """One batch of each kind; how many were touched."""
        return sum([await self._tend(kind) for kind in _DECIDE])

    async def _tend(self, kind: Kind) -> int:
        now = self._clock.now()
        async with self._store.stale(kind, _BATCH, now) as batch:
            stale = batch.messages
            if not stale:
                return 0
            lines = Lines(self._ids.uuids(len(stale)))
            decided = [_DECIDE[kind](message, now, lines) for message in stale]
            await batch.write(
                [one.move for one in decided if one.move is not None],
                [line for one in decided for line in one.events],
                (),
                now,
            )
        self._telemetry.count("messages_tended", len(stale), kind=kind)
        return len(stale)
