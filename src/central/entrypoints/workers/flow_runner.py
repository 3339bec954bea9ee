"""The flow runner: claims and runs the records of flows without a call (path steps 2, 4 and 5). The only writer of what it leases.

A node like any other, of the kind ``messages``, without a voice engine: its places are runs at a time, not channels.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from central.application.conversation.absent_engine import AbsentEngine
from central.application.conversation.drive_calls import DriveCalls
from central.application.conversation.group_commit import GroupCommit
from central.application.conversation.run_errands import Runners
from central.application.conversation.trunk_limits import TrunkLimits
from central.application.conversation.voice_desk import VoiceDesk
from central.application.dispatch.claim_records import ClaimRecords
from central.application.ports.dispatch import DispatchStore, NodeState
from central.application.ports.journal import JournalStore
from central.application.ports.library import Library
from central.application.ports.telemetry import Telemetry
from central.application.ports.world import Clock, Ids
from central.domain.errors import NeighbourError
from central.entrypoints.workers.leased_runs import LeasedRuns
from central.entrypoints.workers.loop_timers import LoopTimers
from central.entrypoints.workers.rounds import repeat

_CLAIM_S = 0.05
_HEARTBEAT_S = 1.0
_NOTES_S = 1.0
_SETTLE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerParts:
    """What bootstrap gives a flow runner."""

    state: NodeState
    dispatch: DispatchStore
    journal: JournalStore
    library: Library
    clock: Clock
    ids: Ids
    telemetry: Telemetry
    lease: timedelta
    gather: timedelta
    drain: timedelta
    runners: Runners


class FlowRunner:
    """One run of a flow runner process."""

    def __init__(self, parts: RunnerParts) -> None:
        self._parts, self._state = parts, parts.state

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; then take no more records, let runs end within the drain time, give the rest back.

        Raises what a part of it died of: its leases run out then.
        """
        parts = self._parts
        timers, engine = LoopTimers(), AbsentEngine()
        writer = GroupCommit(parts.journal, self._state.owner, parts.clock, parts.telemetry, parts.gather)
        desk = VoiceDesk(
            owner=self._state.owner, telephony=engine, speech=engine, prompts=engine, store=parts.journal, writer=writer,
            limits=TrunkLimits(parts.clock, timers), clock=parts.clock, ids=parts.ids, timers=timers,
            telemetry=parts.telemetry, lease=parts.lease,
        )  # fmt: skip
        claim = ClaimRecords(parts.dispatch, parts.library, parts.clock, parts.ids, parts.lease)
        runs = LeasedRuns(self._state, desk, DriveCalls(desk, parts.runners), claim)
        if lost := await parts.journal.disown(self._state.name, self._state.owner):
            parts.telemetry.warning("earlier_life_disowned", records=lost)

        async def heartbeat() -> None:
            await self._heartbeat(desk, draining=stop.is_set())
            await runs.obey_stops()

        claims = self._repeat("claim", runs.claim_round, _CLAIM_S, stop)
        background = [
            asyncio.create_task(writer.run(), name="writer"),
            self._repeat("notes", runs.tell_notes, _NOTES_S),
            self._repeat("lease", runs.extend, parts.lease.total_seconds() / 3),
            self._repeat("heartbeat", heartbeat, _HEARTBEAT_S),
        ]
        try:
            await timers.watch([claims, *background])  # the claims end when the node is asked to stop
            await runs.drain(parts.clock.monotonic() + parts.drain.total_seconds())
            with contextlib.suppress(TimeoutError, NeighbourError):
                await asyncio.wait_for(writer.settled(), _SETTLE_S)
                await runs.release_strays()
        finally:
            for task in (claims, *background):
                task.cancel()
            await asyncio.gather(claims, *background, return_exceptions=True)
            await timers.close()

    def _repeat(
        self, name: str, round_: Callable[[], Awaitable[object]], every_s: float, stop: asyncio.Event | None = None
    ) -> asyncio.Task[None]:
        loop = repeat(name, round_, every_s, stop or asyncio.Event(), self._parts.telemetry)
        return asyncio.create_task(loop, name=name)

    async def _heartbeat(self, desk: VoiceDesk, *, draining: bool) -> None:
        detail = {"runs": len(desk.calls)}
        await self._parts.dispatch.heartbeat(replace(self._state, draining=draining, detail=detail))
        self._parts.telemetry.gauge("runs_in_progress", len(desk.calls))
