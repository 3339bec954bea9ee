"""The SIP messages of a leg outlive a store that is away when they should be stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from typing_extensions import override

from central.adapters.simulator.channel import SimulatedTelephony
from central.adapters.simulator.speech import SimulatedPrompts, SimulatedSpeech
from central.adapters.simulator.virtual_time import VirtualClock, VirtualTimers, run_virtually
from central.application.conversation.voice_desk import VoiceDesk
from central.application.ports.dispatch import NodeState
from central.application.ports.journal import TraceRow
from central.application.ports.telephony import SipMessage, SipTrace
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, LegId, RecordId
from central.entrypoints.workers.voice_node import NodeParts, VoiceNode
from tests.fakes.inbound import MemoryInbound
from tests.fakes.journal import MemoryJournal
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.voice_rig import SeededIds
from tests.unit.conversation.test_engine_away import NoTrunks, QuietDispatch


class Traced(SimulatedTelephony):
    """An engine that hands each leg's messages over once."""

    given = False

    @override
    async def take_trace(self, leg: LegId) -> SipTrace | None:
        if self.given:
            return None
        self.given = True
        at = self._clock.now()
        return SipTrace("call-id", (SipMessage(at, sent=True, source="a", target="b", text="INVITE"),))


@dataclass(slots=True)
class AwayOnce(MemoryJournal):
    stored: list[TraceRow] = field(default_factory=list[TraceRow])
    refusals: int = 1

    @override
    async def add_traces(self, rows: Sequence[TraceRow]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise NeighbourError("database_unavailable", "restarting")
        self.stored += rows


async def _story() -> list[TraceRow]:
    loop = asyncio.get_running_loop()
    clock, journal, ids = VirtualClock(loop), AwayOnce(), SeededIds(1)
    telephony = Traced(clock, VirtualTimers(loop))
    node = VoiceNode(
        NodeParts(
            state=NodeState("one", "g1", "voice", 10, 10), telephony=telephony, speech=SimulatedSpeech(),
            prompts=SimulatedPrompts(), dispatch=cast("Any", QuietDispatch()), inbound=MemoryInbound(), journal=journal,
            library=cast("Any", NoTrunks()), clock=clock, ids=ids, telemetry=ObservedTelemetry(),
            lease=timedelta(seconds=60), gather=timedelta(0), drain=timedelta(0),
        )
    )  # fmt: skip
    running = asyncio.create_task(node.run())
    await asyncio.sleep(1)
    leg = (clock.monotonic(), AccountId(ids.uuid()), RecordId(ids.uuid()), LegId(ids.uuid()))
    desk: VoiceDesk = getattr(node, "_desk")  # noqa: B009 - a call that ends here leaves no trace of its own
    desk.ended_legs.append(leg)
    await asyncio.sleep(10)
    node.stop()
    await running
    return journal.stored


def test_messages_that_could_not_be_stored_are_stored_later() -> None:
    (row,) = run_virtually(_story())
    assert row.trace.sip_call_id == "call-id"
