"""A voice node whose engine is away claims nothing and says so; it goes on when the engine is back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from central.adapters.simulator.channel import SimulatedTelephony
from central.adapters.simulator.speech import SimulatedPrompts, SimulatedSpeech
from central.adapters.simulator.virtual_time import VirtualClock, VirtualTimers, run_virtually
from central.application.ports.dispatch import AliveNode, NodeState, PickedRecord
from central.application.ports.library import AccountTrunk
from central.entrypoints.workers.voice_node import NodeParts, VoiceNode
from tests.fakes.inbound import MemoryInbound
from tests.fakes.journal import MemoryJournal
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.voice_rig import SeededIds


@dataclass(slots=True)
class NothingPicked:
    records: Sequence[PickedRecord] = ()


@dataclass(slots=True)
class QuietDispatch:
    """A store in which nothing is due: it counts claims and keeps the last heartbeat."""

    claims: int = 0
    last: NodeState | None = None

    async def heartbeat(self, node: NodeState) -> None:
        self.last = node

    async def alive_nodes(self, _kind: str, _stale: timedelta) -> Sequence[AliveNode]:
        return ()

    @contextlib.asynccontextmanager
    async def claim(self, _node: NodeState, _now: datetime) -> AsyncGenerator[NothingPicked]:
        self.claims += 1
        yield NothingPicked()


class NoTrunks:
    async def trunks(self) -> Sequence[AccountTrunk]:
        return ()


@dataclass(slots=True)
class Seen:
    """Claims within two seconds, and what the heartbeat said: before, during and after."""

    claims: list[int] = field(default_factory=list[int])
    healthy: list[bool | None] = field(default_factory=list[bool | None])


async def _watch(dispatch: QuietDispatch, seen: Seen) -> None:
    await asyncio.sleep(2)  # virtual: the heartbeat before the change is over
    before = dispatch.claims
    await asyncio.sleep(2)
    seen.claims.append(dispatch.claims - before)
    seen.healthy.append(dispatch.last.healthy if dispatch.last else None)


async def _story() -> Seen:
    loop = asyncio.get_running_loop()
    clock, dispatch, seen = VirtualClock(loop), QuietDispatch(), Seen()
    telephony = SimulatedTelephony(clock, VirtualTimers(loop))
    node = VoiceNode(
        NodeParts(
            state=NodeState("one", "g1", "voice", 10, 10), telephony=telephony, speech=SimulatedSpeech(),
            prompts=SimulatedPrompts(), dispatch=cast("Any", dispatch), inbound=MemoryInbound(), journal=MemoryJournal(),
            library=cast("Any", NoTrunks()), clock=clock, ids=SeededIds(1), telemetry=ObservedTelemetry(),
            lease=timedelta(seconds=60), gather=timedelta(0), drain=timedelta(0),
        )
    )  # fmt: skip
    running = asyncio.create_task(node.run())
    await _watch(dispatch, seen)
    telephony.cut()
    await _watch(dispatch, seen)
    telephony.mend()
    await _watch(dispatch, seen)
    node.stop()
    await running
    return seen


def test_a_node_claims_only_while_its_engine_is_there() -> None:
    seen = run_virtually(_story())
    before, during, after = seen.claims
    assert before > 10
    assert during == 0
    assert after > 10
    assert seen.healthy == [True, False, True]
