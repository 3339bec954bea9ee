"""A voice node: one Asterisk, its claims, its calls, its writer (path steps 2 to 5). The only writer of what it leases."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import timedelta

from central.application.conversation.drive_calls import DriveCalls
from central.application.conversation.group_commit import GroupCommit
from central.application.conversation.run_errands import Runner, Runners
from central.application.conversation.store_recordings import RecordingParts
from central.application.conversation.trunk_limits import TrunkLimits
from central.application.conversation.voice_desk import VoiceDesk
from central.application.dispatch.admit_calls import AdmitCalls
from central.application.dispatch.claim_records import ClaimRecords
from central.application.ports.dispatch import DispatchStore, NodeState
from central.application.ports.inbound import InboundStore
from central.application.ports.journal import JournalStore, TraceRow
from central.application.ports.library import Library, NumberLists
from central.application.ports.speech import PromptLibrary, SpeechRenderer
from central.application.ports.telemetry import Telemetry
from central.application.ports.telephony import CallOffered, Telephony
from central.application.ports.world import Clock, Ids
from central.domain.errors import NeighbourError
from central.domain.ids import RecordId, TrunkId
from central.entrypoints.workers.inbound_calls import InboundCalls
from central.entrypoints.workers.loop_timers import LoopTimers
from central.entrypoints.workers.rounds import repeat
from central.flow.errands import Errand

_CLAIM_S = 0.05
_HEARTBEAT_S = 1.0
_STALE = timedelta(seconds=5)
_TRACE_AFTER_S = 1.0  # the answer to the last BYE comes after the leg's end
_TRACE_BATCH = 200
_NOTES_S = 1.0
_STRAYS_S = 10.0
_TRUNKS_S = 30.0
_RECORDINGS_S = 5.0  # what is not stored by then stays in the spool for the next start


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeParts:
    """What bootstrap gives a voice node."""

    state: NodeState
    telephony: Telephony
    speech: SpeechRenderer
    prompts: PromptLibrary
    dispatch: DispatchStore
    inbound: InboundStore
    journal: JournalStore
    library: Library
    clock: Clock
    ids: Ids
    telemetry: Telemetry
    lease: timedelta
    gather: timedelta
    drain: timedelta
    recordings: RecordingParts | None = None
    lists: NumberLists | None = None
    runners: Runners = field(default_factory=dict[type[Errand], Runner])


class VoiceNode:
    """One run of a voice node process."""

    def __init__(self, parts: NodeParts) -> None:
        self._parts = parts
        self._state = parts.state
        self._stop = asyncio.Event()
        self._strays_at = float("-inf")
        self._unstored: list[TraceRow] = []
        self._refused: dict[TrunkId, str] = {}
        self._taking = asyncio.Lock()
        self._trunks_again = float("-inf")
        self._place, self._nodes = 0, 1  # this node among those that share the caps

    def stop(self) -> None:
        """Ask the node to drain and end."""
        self._stop.set()

    async def run(self) -> None:
        """Work until asked to stop; then take no more records, let calls end within the drain time, give up the rest.

        Raises what a part of it died of: a node that cannot trust itself ends loudly, and its leases run out.
        """
        parts = self._parts
        timers = LoopTimers()
        limits = TrunkLimits(parts.clock, timers)
        writer = GroupCommit(parts.journal, self._state.owner, parts.clock, parts.telemetry, parts.gather)
        self._desk = desk = VoiceDesk(
            owner=self._state.owner, telephony=parts.telephony, speech=parts.speech, prompts=parts.prompts,
            store=parts.journal, writer=writer, limits=limits, clock=parts.clock, ids=parts.ids, timers=timers,
            telemetry=parts.telemetry, lease=parts.lease, lists=parts.lists,
        )  # fmt: skip
        self._driver = DriveCalls(desk, parts.runners, parts.recordings)
        self._claim = ClaimRecords(parts.dispatch, parts.library, parts.clock, parts.ids, parts.lease)
        admit = AdmitCalls(parts.inbound, parts.library, parts.clock, parts.ids, parts.lease)
        self._inbound = InboundCalls(
            desk, self._driver, admit, self._state, self._share, lambda: not self._stop.is_set(), self._taking
        )
        await self._refresh_trunks(start=True)
        if lost := await parts.journal.disown(self._state.name, self._state.owner):
            parts.telemetry.warning("earlier_life_disowned", records=lost)
        background = [
            self._spawn(writer.run(), "writer"),
            self._spawn(self._hear(), "hear"),
            self._spawn(self._inbound.run(), "inbound"),
            self._spawn(repeat("traces", self._traces, 0.5, asyncio.Event(), parts.telemetry), "traces"),
            self._spawn(repeat("notes", self._notes, _NOTES_S, asyncio.Event(), parts.telemetry), "notes"),
            self._spawn(
                repeat("lease", self._extend, parts.lease.total_seconds() / 3, asyncio.Event(), parts.telemetry),
                "lease",
            ),
            self._spawn(
                repeat("heartbeat", self._heartbeat, _HEARTBEAT_S, asyncio.Event(), parts.telemetry), "heartbeat"
            ),
        ]
        if self._driver.stored is not None:
            background.append(self._spawn(self._driver.stored.run(), "recordings"))
        claims = self._spawn(repeat("claim", self._claim_round, _CLAIM_S, self._stop, parts.telemetry), "claim")
        try:
            await self._wait(claims, timers, background)
            await self._drain()
        finally:
            for task in (claims, *background):
                task.cancel()
            await asyncio.gather(claims, *background, return_exceptions=True)
            await timers.close()
            await parts.telephony.stop()

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        return asyncio.create_task(work, name=name)

    async def _wait(self, claims: asyncio.Task[None], timers: LoopTimers, background: list[asyncio.Task[None]]) -> None:
        """Until the claims end (asked to stop), or something dies."""
        watched: list[asyncio.Future[object]] = [claims, timers.failed, *background]  # type: ignore[list-item]
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        if timers.failed.done():
            raise timers.failed.result()
        for task in (claims, *background):
            if task.done():
                task.result()

    async def _claim_round(self) -> int:
        now = self._parts.clock.monotonic()
        if now - self._strays_at > _STRAYS_S:
            # within the claim loop, so that a claim just committed is never taken for a stray
            async with self._taking:  # nor is a call that came in, between its row and its place in memory
                known = [(call.account_id, call.record_id) for call in self._desk.calls.values()]
                if lost := await self._parts.journal.release_strays(self._state.owner, known):
                    self._parts.telemetry.warning("strays_released", records=lost)
            self._strays_at = now
        if not self._desk.engine_up:  # a call that cannot be placed would cost its record a try
            return 0
        handed = await self._claim(self._state)
        if handed:
            self._parts.telemetry.count("records_claimed", len(handed))
            self._driver.begin(handed)
        return 0

    async def _hear(self) -> None:
        while True:
            events = await self._parts.telephony.next_events()
            self._driver.hear(events)
            for event in events:
                if isinstance(event, CallOffered):
                    self._inbound.offered(event)

    async def _heartbeat(self) -> None:
        state = replace(
            self._state,
            draining=self._stop.is_set(),
            healthy=self._desk.engine_up,
            detail={"calls": len(self._desk.calls)},
        )
        await self._parts.dispatch.heartbeat(state)
        parts = self._parts
        parts.telemetry.gauge("calls_in_progress", len(self._desk.calls))
        await self._refresh_trunks()
        for record_id in await self._parts.journal.stopping(self._state.owner):
            self._driver.stop(record_id)

    async def _refresh_trunks(self, *, start: bool = False) -> None:
        """Trunks as they are stored now, and this node's share of their caps."""
        parts = self._parts
        trunks = await parts.library.trunks()
        nodes = [n.name for n in await parts.dispatch.alive_nodes(self._state.kind, _STALE)]
        self._nodes = max(1, len(nodes))
        self._place = nodes.index(self._state.name) if self._state.name in nodes else 0
        self._desk.limits.set_caps({t.trunk.id: (self._share(t.channel_cap), t.cps_cap / self._nodes) for t in trunks})
        known = [t.trunk for t in trunks]
        if start:
            await parts.telephony.start(known)
        elif known != [t.trunk for t in self._desk.trunks] or parts.clock.monotonic() >= self._trunks_again:
            await parts.telephony.set_trunks(known)  # also unchanged, now and then: their peers' addresses may change
            self._trunks_again = parts.clock.monotonic() + _TRUNKS_S
        self._desk.trunks = trunks
        refused = dict(parts.telephony.refused_trunks())
        for trunk_id in refused.keys() - self._refused.keys():
            parts.telemetry.warning("trunk_refused", trunk_id=str(trunk_id), detail=refused[trunk_id])
        self._refused = refused

    def _share(self, cap: int) -> int:
        """How many of a cap are this node's."""
        return cap // self._nodes + (self._place < cap % self._nodes)

    async def _extend(self) -> None:
        """Keep the leases of the calls at hand; what is not ours any more is let go, what is ours unknowingly too."""
        parts, desk = self._parts, self._desk
        begun = parts.clock.monotonic()
        calls = list(desk.calls.values())
        wanted = [(c.account_id, c.record_id, c.handed.fence) for c in calls]
        kept: frozenset[RecordId] = frozenset()
        if wanted:
            kept = await desk.writer.extend(wanted, parts.lease)
        for call in calls:
            if call.record_id in kept:
                call.good_until = begun + parts.lease.total_seconds() * 0.9
            elif not call.gone and desk.calls.get(call.record_id) is call:
                self._driver.lease_lost(call.record_id)

    async def _notes(self) -> None:
        """Let long calls' paths be seen while they run."""
        limit = self._parts.clock.now() - timedelta(seconds=_NOTES_S)
        for call in self._desk.calls.values():
            if call.notes_since is not None and call.notes_since < limit and not call.gone:
                self._desk.tell_notes(call)

    async def _traces(self) -> int:
        """Store the SIP messages of legs that ended a moment ago."""
        desk, parts = self._desk, self._parts
        now = parts.clock.monotonic()
        rows = self._unstored  # what an absent store did not take stays first
        room = _TRACE_BATCH - len(rows)
        ready = [leg for leg in desk.ended_legs if now - leg[0] >= _TRACE_AFTER_S][:room]
        for _, account_id, record_id, leg_id in ready:
            trace = await parts.telephony.take_trace(leg_id)
            if trace is not None and trace.messages:
                rows.append(TraceRow(account_id, record_id, leg_id, trace))
        del desk.ended_legs[: len(ready)]
        if rows:
            await parts.journal.add_traces(rows)
            self._unstored = []
        return len(ready) if len(ready) == _TRACE_BATCH else 0

    async def _drain(self) -> None:
        """No new records; calls may end by themselves for a while, then the rest is given up truthfully."""
        desk, parts = self._desk, self._parts
        parts.telemetry.event("node_draining", calls=len(desk.calls))
        until = parts.clock.monotonic() + parts.drain.total_seconds()
        while desk.calls and parts.clock.monotonic() < until:  # noqa: ASYNC110 - calls end in many ways, looking is enough
            await asyncio.sleep(0.1)
        for call in list(desk.calls.values()):
            self._driver.give_up(call)
        if self._driver.stored is not None:
            await self._driver.stored.drained(_RECORDINGS_S)
        with contextlib.suppress(TimeoutError, NeighbourError):
            await asyncio.wait_for(desk.writer.settled(), 5)
            while (desk.ended_legs or self._unstored) and parts.clock.monotonic() < until + 5:
                await self._traces()
                await asyncio.sleep(0.1)
