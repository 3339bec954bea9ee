"""The node's one writer: everything its calls want to store within some milliseconds becomes one transaction (steps 3 to 5).

A batch that could not be written is written again, unchanged, until the store is back: nothing that happened is forgotten
while the process lives, and nothing is dialled before its row is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from central.application.ports.journal import (
    FinishAnswer,
    JournalAnswer,
    JournalBatch,
    JournalStore,
    LegAnswer,
    LegEnd,
    LegHandOver,
    RecordEvent,
    RecordResult,
    SleepRow,
)
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, LegId, RecordId

LegVerdict = Literal["go", "short", "lost"]
_RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0)


class GroupCommit:
    """Collects rows and futures; ``run`` writes them. One instance a node, used from its event loop only."""

    def __init__(self, store: JournalStore, owner: str, clock: Clock, telemetry: Telemetry, gather: timedelta) -> None:
        self._store, self._owner, self._clock, self._telemetry = store, owner, clock, telemetry
        self._gather_s = gather.total_seconds()
        self._batch = JournalBatch()
        self._legs: dict[LegId, asyncio.Future[LegVerdict]] = {}
        self._finished: dict[UUID, Callable[[FinishAnswer], None]] = {}
        self._slept: dict[UUID, Callable[[bool], None]] = {}
        self._gathered: dict[RecordId, RecordResult] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._turn = asyncio.Lock()  # two transactions of one node over the same records could only wait for each other

    def hand_over(self, leg: LegHandOver) -> asyncio.Future[LegVerdict]:
        """Store a leg row; the future says whether it may be dialled (go), the account is short, or the lease is lost."""
        future: asyncio.Future[LegVerdict] = asyncio.get_running_loop().create_future()
        self._legs[leg.id] = future
        self._batch.legs.append(leg)
        self._touch()
        return future

    def answered(self, leg: LegAnswer) -> None:
        """Store that a leg was answered."""
        self._batch.answers.append(leg)
        self._touch()

    def ended(self, leg: LegEnd) -> None:
        """Store the end of a leg."""
        self._batch.ends.append(leg)
        self._touch()

    def tell(self, event: RecordEvent) -> None:
        """Store a line of history."""
        self._batch.events.append(event)
        self._touch()

    async def told(self, event: RecordEvent) -> None:
        """Store a line of history, and wait until it is stored."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(stored)
        self.tell(event)
        await stored

    def finish(self, result: RecordResult, then: Callable[[FinishAnswer], None]) -> None:
        """Store the outcome of an attempt; ``then`` is called with the store's answer after the commit."""
        earlier = self._gathered.get(result.id)
        if earlier is not None:  # the record was taken from us and claimed again: what still waits is lost by now
            self._batch.results.remove(earlier)
            self._finished.pop(earlier.event_id)("lost")
        self._gathered[result.id] = result
        self._finished[result.event_id] = then
        self._batch.results.append(result)
        self._touch()

    def sleep(self, row: SleepRow, then: Callable[[bool], None]) -> None:
        """Store a run that sleeps and give its record back; ``then`` hears after the commit whether the record was ours."""
        self._slept[row.event_id] = then
        self._batch.sleeps.append(row)
        self._touch()

    async def extend(self, records: Sequence[tuple[AccountId, RecordId, int]], lease: timedelta) -> frozenset[RecordId]:
        """Extend leases between two commits; answers the records that are still ours. Raises NeighbourError."""
        async with self._turn:
            return await self._store.extend(self._owner, records, lease)

    async def settled(self) -> None:
        """Wait until nothing is left to write."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write batches until cancelled."""
        while True:
            await self._wake.wait()
            if self._gather_s:
                await asyncio.sleep(self._gather_s)
            self._wake.clear()
            batch, self._batch = self._batch, JournalBatch()
            waiting, self._waiting = self._waiting, []
            self._gathered = {}
            answer = await self._commit(batch)
            self._answer(batch, answer)
            for stored in waiting:
                if not stored.done():
                    stored.set_result(None)
            if not self._batch:
                self._idle.set()

    async def _commit(self, batch: JournalBatch) -> JournalAnswer:
        tries = 0
        while True:
            begun = self._clock.monotonic()
            try:
                async with self._turn:
                    answer = await self._store.commit(self._owner, batch, self._clock.now())
            except NeighbourError as error:
                self._telemetry.event("group_commit_delayed", code=error.code, tries=tries + 1, detail=error.message)
                await asyncio.sleep(_RETRY_S[min(tries, len(_RETRY_S) - 1)])
                tries += 1
            else:
                self._telemetry.observe("group_commit_seconds", self._clock.monotonic() - begun)
                return answer

    def _answer(self, batch: JournalBatch, answer: JournalAnswer) -> None:
        for leg in batch.legs:
            future = self._legs.pop(leg.id)
            if not future.done():
                future.set_result("go" if leg.id in answer.legs else "short" if leg.id in answer.short else "lost")
        for row in batch.sleeps:
            self._slept.pop(row.event_id)(row.id in answer.asleep)
        for result in batch.results:
            then = self._finished.pop(result.event_id)
            then(answer.results.get(result.id, "lost"))

    def _touch(self) -> None:
        self._idle.clear()
        self._wake.set()
