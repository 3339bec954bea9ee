"""From the node's spool to the storage, in the background: first the file, then its row, then the spool is cleared.

Path step 4. While storage or database are away everything waits in the spool; what an earlier life of the node left there,
or in its engine, is taken up at the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from central.application.ports.recordings import (
    RecordingIndex,
    RecordingRow,
    RecordingSpool,
    RecordingStorage,
    Sound,
    Ticket,
)
from central.application.ports.telemetry import Telemetry
from central.application.ports.telephony import Telephony
from central.application.ports.world import Clock
from central.domain.errors import NeighbourError
from central.domain.ids import RecordId

_AT_ONCE: Final = 4
_RETRY_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 15.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingParts:
    """What a node needs to record. ``keep_days``: for accounts without a number of their own. ``name``: see ``recording_name``."""

    spool: RecordingSpool
    storage: RecordingStorage
    index: RecordingIndex
    keep_days: int
    name: str


class StoreRecordings:
    """One instance a node, used from its event loop only."""

    def __init__(self, parts: RecordingParts, telephony: Telephony, clock: Clock, telemetry: Telemetry) -> None:
        self._parts, self._telephony, self._clock, self._telemetry = parts, telephony, clock, telemetry
        self._known: dict[UUID, tuple[RecordId, asyncio.Future[None]]] = {}
        self._queue: list[tuple[Ticket, Sound]] = []
        self._wake = asyncio.Event()

    def expect(self, ticket: Ticket) -> None:
        """Something is being recorded under this ticket."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._known.setdefault(ticket.id, (ticket.record_id, future))

    def forget(self, ticket: Ticket) -> None:
        """Nothing will come of it (now)."""
        if known := self._known.pop(ticket.id, None):
            known[1].set_result(None)

    def put(self, ticket: Ticket, sound: Sound) -> None:
        """Its file is in the spool, whole."""
        self.expect(ticket)
        self._queue.append((ticket, sound))
        self._wake.set()

    def unsettled(self, records: Iterable[RecordId]) -> bool:
        """Whether recordings of these records are still on their way."""
        wanted = set(records)
        return any(record_id in wanted for record_id, _ in self._known.values())

    async def settled(self, record_id: RecordId, within_s: float) -> None:
        """Wait until the record's recordings are stored, at most so long."""
        waiting = [future for owner, future in self._known.values() if owner == record_id]
        if waiting:
            await asyncio.wait(waiting, timeout=within_s)

    async def drained(self, within_s: float) -> None:
        """Wait until nothing is on its way, at most so long; the rest stays in the spool."""
        waiting = [future for _, future in self._known.values()]
        if waiting:
            await asyncio.wait(waiting, timeout=within_s)

    async def run(self) -> None:
        """Take up what was left, then store what comes, until cancelled."""
        await self._recover()
        tries = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                try:
                    await self._store(self._queue[:_AT_ONCE])
                    tries = 0
                except NeighbourError as error:
                    self._telemetry.warning(
                        "recordings_wait", code=error.code, detail=error.message, n=len(self._queue)
                    )
                    await asyncio.sleep(_RETRY_S[min(tries, len(_RETRY_S) - 1)])
                    tries += 1

    async def _store(self, items: list[tuple[Ticket, Sound]]) -> None:
        parts = self._parts
        puts = [parts.storage.put(ticket.key, parts.spool.file(ticket.id)) for ticket, _ in items]
        faults = [fault for fault in await asyncio.gather(*puts, return_exceptions=True) if fault is not None]
        if faults:
            raise next((fault for fault in faults if not isinstance(fault, NeighbourError)), faults[0])
        await parts.index.add([_row(ticket, sound) for ticket, sound in items], parts.keep_days)
        del self._queue[: len(items)]
        for ticket, _ in items:
            await parts.spool.drop(ticket.id)
            self.forget(ticket)
        self._telemetry.count("recordings_stored", len(items))

    async def _recover(self) -> None:
        """Tickets of an earlier life: their file may be in the spool, with the engine, or never have been."""
        parts = self._parts
        try:
            left = [ticket for ticket in await parts.spool.waiting() if ticket.id not in self._known]
            for ticket in left:
                file = parts.spool.file(ticket.id)
                if await parts.spool.measure(ticket.id, 0.0) is None:
                    await self._telephony.take_recording(ticket.id.hex, file)
                sound = await parts.spool.measure(ticket.id, 1.0)
                if sound is None or (ticket.step and sound.loud_s < 1.0):
                    await parts.spool.drop(ticket.id)
                else:
                    self.put(ticket, sound)
        except NeighbourError as error:  # what was not reached waits for the next start
            self._telemetry.warning("recordings_not_taken_up", code=error.code, detail=error.message)


def _row(ticket: Ticket, sound: Sound) -> RecordingRow:
    return RecordingRow(
        account_id=ticket.account_id,
        record_id=ticket.record_id,
        id=ticket.id,
        leg_id=ticket.leg_id,
        step=ticket.step,
        name=ticket.name,
        seconds=sound.seconds,
        channels=sound.channels,
        bytes=sound.bytes,
        sha256=sound.sha256,
        key=ticket.key,
        created_at=ticket.begun_at,
    )
