"""A voice node: one Asterisk, its claims, its calls, its writer (path steps 2 to 5). The only writer of what it leases."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from central.application.conversation.drive_calls import DriveCalls
from central.application.conversation.group_commit import GroupCommit
from central.application.conversation.run_errands import Runner, Runners
from central.application.conversation.store_recordings import RecordingParts
from central.application.conversation.trunk_limits import TrunkLimits
from central.application.conversation.voice_desk import VoiceDesk
from central.application.dispatch.admit_calls import AdmitCalls
from central.application.dispatch.claim_records import ClaimRecords
from central.application.ports.contact_center import ContactCenter
from central.application.ports.dispatch import DispatchStore, NodeState
from central.application.ports.inbound import InboundStore
from central.application.ports.journal import JournalStore, TraceRow
from central.application.ports.library import Library, NumberLists
from central.application.ports.phones import PhoneBook
from central.application.ports.speech import PromptLibrary, SpeechRenderer
from central.application.ports.telemetry import Telemetry
from central.application.ports.telephony import TRACE_AFTER_S, CallOffered, Telephony
from central.application.ports.world import Clock, Ids
from central.domain.errors import NeighbourError
from central.domain.ids import TrunkId
from central.entrypoints.workers.inbound_calls import InboundCalls
from central.entrypoints.workers.leased_runs import LeasedRuns
from central.entrypoints.workers.loop_timers import LoopTimers
from central.entrypoints.workers.phone_rounds import NoPhones, PhoneRounds
from central.entrypoints.workers.rounds import repeat
from central.flow.errands import Errand

_CLAIM_S = 0.05
_HEARTBEAT_S = 1.0
_STALE = timedelta(seconds=5)
_TRACE_BATCH = 200
_NOTES_S = 1.0
_TRUNKS_S = 30.0
_OFFERS_S = 0.1
_PHONES_S = 1.0
_RECORDINGS_S = 5.0  # what is not stored by then stays in the spool for the next start


class NodeDoor(ContactCenter, Protocol):
    """The door of the contact center on this node."""

    async def round(self) -> int:
        """Keep the places of its customers, and take the agents who are offered to them."""
        ...


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
    door: NodeDoor | None = None
    phones: PhoneBook = field(default_factory=NoPhones)
    runners: Runners = field(default_factory=dict[type[Errand], Runner])


class VoiceNode:
    """One run of a voice node process."""

    def __init__(self, parts: NodeParts) -> None:
        self._parts = parts
        self._state = parts.state
        self._stop = asyncio.Event()
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
        self._driver = DriveCalls(desk, parts.runners, parts.recordings, parts.door)
        claim = ClaimRecords(parts.dispatch, parts.library, parts.clock, parts.ids, parts.lease)
        self._runs = runs = LeasedRuns(
            self._state, desk, self._driver, claim,
            ready=lambda: desk.engine_up,  # a call that cannot be placed would cost its record a try
            taking=self._taking,
        )  # fmt: skip
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
            self._every("traces", self._traces, 0.5),
            self._every("notes", runs.tell_notes, _NOTES_S),
            self._every("lease", runs.extend, parts.lease.total_seconds() / 3),
            self._every("heartbeat", self._heartbeat, _HEARTBEAT_S),
            self._every("phones", PhoneRounds(parts.phones, parts.telephony, parts.telemetry), _PHONES_S),
        ]
        background += self._neighbours()
        claims = self._spawn(repeat("claim", runs.claim_round, _CLAIM_S, self._stop, parts.telemetry), "claim")
        try:
            await timers.watch([claims, *background])  # the claims end when the node is asked to stop
            await self._drain()
        finally:
            for task in (claims, *background):
                task.cancel()
            await asyncio.gather(claims, *background, return_exceptions=True)
            await timers.close()
            await parts.telephony.stop()

    def _neighbours(self) -> list[asyncio.Task[None]]:
        """What goes on beside the calls where this node has it: agents who are offered, recordings to be stored."""
        door, stored = self._parts.door, self._driver.stored
        offers = [] if door is None else [self._every("offers", door.round, _OFFERS_S)]
        return offers if stored is None else [*offers, self._spawn(stored.run(), "recordings")]

    def _every(self, name: str, round_: Callable[[], Awaitable[object]], every_s: float) -> asyncio.Task[None]:
        return self._spawn(repeat(name, round_, every_s, asyncio.Event(), self._parts.telemetry), name)

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        return asyncio.create_task(work, name=name)

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
        await self._runs.obey_stops()

    async def _refresh_trunks(self, *, start: bool = False) -> None:
        """Trunks as they are stored now, and this node's share of their caps."""
        parts = self._parts
        trunks = await parts.library.trunks()
        nodes = [n.name for n in await parts.dispatch.alive_nodes([self._state.kind], _STALE)]
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

    async def _traces(self) -> int:
        """Store the SIP messages of legs that ended a moment ago."""
        desk, parts = self._desk, self._parts
        now = parts.clock.monotonic()
        rows = self._unstored  # what an absent store did not take stays first
        room = _TRACE_BATCH - len(rows)
        ready = [leg for leg in desk.ended_legs if now - leg[0] >= TRACE_AFTER_S][:room]
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
        until = parts.clock.monotonic() + parts.drain.total_seconds()
        await self._runs.drain(until)
        if self._driver.stored is not None:
            await self._driver.stored.drained(_RECORDINGS_S)
        with contextlib.suppress(TimeoutError, NeighbourError):
            await asyncio.wait_for(desk.writer.settled(), 5)
            while (desk.ended_legs or self._unstored) and parts.clock.monotonic() < until + 5:
                await self._traces()
                await asyncio.sleep(0.1)
