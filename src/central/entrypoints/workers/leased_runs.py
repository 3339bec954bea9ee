"""The records that a node leases, whatever its kind: claimed, kept, obeyed, drained (path steps 2 to 5)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta

from central.application.conversation.drive_calls import DriveCalls
from central.application.conversation.voice_desk import VoiceDesk
from central.application.dispatch.claim_records import ClaimRecords
from central.application.ports.dispatch import NodeState
from central.domain.ids import RecordId

_STRAYS_S = 10.0
_NOTES_S = 1.0


class LeasedRuns:
    """One node's. ``ready`` tells whether it can take records now; ``taking`` is held while one comes in by another way."""

    def __init__(
        self,
        state: NodeState,
        desk: VoiceDesk,
        driver: DriveCalls,
        claim: ClaimRecords,
        *,
        ready: Callable[[], bool] = lambda: True,
        taking: contextlib.AbstractAsyncContextManager[object] | None = None,
    ) -> None:
        self._state, self._desk, self._driver, self._claim = state, desk, driver, claim
        self._ready, self._taking = ready, asyncio.Lock() if taking is None else taking
        self._strays_at = float("-inf")

    async def claim_round(self) -> int:
        """Take what was granted."""
        desk = self._desk
        now = desk.clock.monotonic()
        if now - self._strays_at > _STRAYS_S:
            # within the claim loop, so that a claim just committed is never taken for a stray
            async with self._taking:  # nor is a call that came in, between its row and its place in memory
                await self.release_strays()
            self._strays_at = now
        if not self._ready():
            return 0
        handed = await self._claim(self._state)
        if handed:
            desk.telemetry.count("records_claimed", len(handed))
            self._driver.begin(handed)
        return 0

    async def release_strays(self) -> None:
        """Give records back that are leased by this node and that it does not know."""
        desk = self._desk
        known = [(call.account_id, call.record_id) for call in desk.calls.values()]
        if lost := await desk.store.release_strays(self._state.owner, known):
            desk.telemetry.warning("strays_released", records=lost)

    async def obey_stops(self) -> None:
        """Cut off what the account's user stopped with force."""
        for record_id in await self._desk.store.stopping(self._state.owner):
            self._driver.stop(record_id)

    async def extend(self) -> None:
        """Keep the leases of the calls at hand; what is not ours any more is let go, what is ours unknowingly too."""
        desk = self._desk
        begun = desk.clock.monotonic()
        calls = list(desk.calls.values())
        wanted = [(c.account_id, c.record_id, c.handed.fence) for c in calls]
        kept: frozenset[RecordId] = frozenset()
        if wanted:
            kept = await desk.writer.extend(wanted, desk.lease)
        for call in calls:
            if call.record_id in kept:
                call.good_until = begun + desk.lease.total_seconds() * 0.9
            elif not call.gone and desk.calls.get(call.record_id) is call:
                self._driver.lease_lost(call.record_id)

    async def tell_notes(self) -> None:
        """Let long calls' paths be seen while they run."""
        limit = self._desk.clock.now() - timedelta(seconds=_NOTES_S)
        for call in self._desk.calls.values():
            if call.notes_since is not None and call.notes_since < limit and not call.gone:
                self._desk.tell_notes(call)

    async def drain(self, until: float) -> None:
        """Calls may end by themselves until then (monotonic seconds), the rest is given up truthfully."""
        desk = self._desk
        desk.telemetry.event("node_draining", calls=len(desk.calls))
        while desk.calls and desk.clock.monotonic() < until:  # noqa: ASYNC110 - calls end in many ways, looking is enough
            await asyncio.sleep(0.1)
        for call in list(desk.calls.values()):
            self._driver.give_up(call)
