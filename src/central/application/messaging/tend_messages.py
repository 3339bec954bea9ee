"""Messages whose time is over are looked after: lost hand-overs, no news, deadlines in our queue, carriers that do not serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from central.application.messaging.decide_news import (
    Decided,
    Lines,
    decide_lost,
    decide_overdue,
    decide_silent,
    decide_stranded,
    decide_taken_back,
)
from central.application.ports.message_store import MessageEvent, MessageStore, Move, StaleKind, StoredMessage
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids

_BATCH: Final = 500
_DECIDE: Final[Mapping[StaleKind, Callable[[StoredMessage, datetime, Lines], Decided]]] = {
    "lease": decide_lost,
    "silent": decide_silent,
    "overdue": decide_overdue,
    "taken_back": decide_taken_back,
}


class TendMessages:
    """The use case; one instance in the process that owns the carriers."""

    def __init__(self, store: MessageStore, clock: Clock, ids: Ids, telemetry: Telemetry) -> None:
        self._store, self._clock, self._ids, self._telemetry = store, clock, ids, telemetry

    async def step(self) -> int:
        """One batch of each kind; how many were touched."""
        return sum([await self._tend(kind) for kind in _DECIDE]) + await self._move_on()

    async def _tend(self, kind: StaleKind) -> int:
        now = self._clock.now()
        async with self._store.stale(kind, _BATCH, now) as batch:
            if not batch.messages:
                return 0
            lines = Lines(self._ids.uuids(len(batch.messages)))
            decided = [_DECIDE[kind](message, now, lines) for message in batch.messages]
            await batch.write(*_parts_of(decided), (), now)
        self._telemetry.count("messages_tended", len(decided), kind=kind)
        return len(decided)

    async def _move_on(self) -> int:
        """What waits for a carrier that does not serve goes by another one that does."""
        now = self._clock.now()
        async with self._store.stale("stranded", _BATCH, now) as batch:
            if not batch.messages:
                return 0
            routes = await self._store.serving_routes(list({message.account_id for message in batch.messages}))
            decided = [
                decide_stranded(message, routes.get((message.account_id, message.channel), ()))
                for message in batch.messages
            ]
            moved = [one for one in decided if one.move is not None]
            await batch.write(*_parts_of(moved), (), now)
        self._telemetry.count("messages_tended", len(moved), kind="stranded")
        return len(moved)


def _parts_of(decided: Sequence[Decided]) -> tuple[list[Move], list[MessageEvent]]:
    moves = [one.move for one in decided if one.move is not None]
    return moves, [line for one in decided for line in one.events]
