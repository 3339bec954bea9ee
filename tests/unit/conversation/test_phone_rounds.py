"""A voice node keeps its engine's phones as the book has them, and tells the book who is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from central.adapters.simulator.callees import behaviour
from central.adapters.simulator.channel import SimulatedTelephony
from central.adapters.simulator.speech import SimulatedPrompts, SimulatedSpeech
from central.adapters.simulator.virtual_time import VirtualClock, VirtualTimers, run_virtually
from central.application.ports.dispatch import NodeState
from central.application.ports.telephony import Phone
from central.domain.errors import NeighbourError
from central.entrypoints.workers.phone_rounds import PhoneRounds
from central.entrypoints.workers.voice_node import NodeParts, VoiceNode
from tests.fakes.inbound import MemoryInbound
from tests.fakes.journal import MemoryJournal
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.voice_rig import SeededIds
from tests.unit.conversation.test_engine_away import NoTrunks, QuietDispatch

ANN, BOB = UUID(int=1), UUID(int=2)


@dataclass
class Book:
    """The phones of a test, and what it was told."""

    known: Sequence[Phone] = ()
    told: list[frozenset[UUID]] = field(default_factory=list[frozenset[UUID]])
    away: bool = False

    async def phones(self) -> Sequence[Phone]:
        if self.away:
            raise NeighbourError("store_away", "the store is away")
        return self.known

    async def registered(self, agents: frozenset[UUID]) -> None:
        self.told.append(agents)


class RefusingEngine(SimulatedTelephony):
    """It takes no phone of Bob's."""

    def refused_phones(self) -> dict[UUID, str]:
        return {BOB: "no"}


async def _story() -> tuple[Book, list[bool]]:
    loop = asyncio.get_running_loop()
    clock, book = VirtualClock(loop), Book([Phone(ANN, "a")])
    telephony = SimulatedTelephony(clock, VirtualTimers(loop))
    node = VoiceNode(
        NodeParts(
            state=NodeState("one", "g1", "voice", 10, 10), telephony=telephony, speech=SimulatedSpeech(),
            prompts=SimulatedPrompts(), dispatch=cast("Any", QuietDispatch()), inbound=MemoryInbound(), journal=MemoryJournal(),
            library=cast("Any", NoTrunks()), clock=clock, ids=SeededIds(1), telemetry=ObservedTelemetry(),
            lease=timedelta(seconds=60), gather=timedelta(0), drain=timedelta(0), phones=book,
        )
    )  # fmt: skip
    running = asyncio.create_task(node.run())
    await asyncio.sleep(2)  # virtual, as all that follow
    came = [telephony.register(ANN, "a", behaviour("answer")), telephony.register(BOB, "b", behaviour("answer"))]
    await asyncio.sleep(2)
    book.known = [Phone(ANN, "a"), Phone(BOB, "b")]
    await asyncio.sleep(2)
    came.append(telephony.register(BOB, "b", behaviour("answer")))
    await asyncio.sleep(2)
    book.away = True
    await asyncio.sleep(10)
    book.away, book.known = False, [Phone(BOB, "b")]
    await asyncio.sleep(10)
    node.stop()
    await running
    return book, came


def test_a_node_follows_the_book_and_tells_it_who_is_there() -> None:
    book, came = run_virtually(_story())
    assert came == [True, False, True]
    assert book.told == [frozenset(), {ANN}, {ANN, BOB}, {BOB}]


async def test_a_refused_phone_is_said_once() -> None:
    clock = VirtualClock(asyncio.get_running_loop())
    telemetry = ObservedTelemetry()
    engine = RefusingEngine(clock, VirtualTimers(asyncio.get_running_loop()))
    rounds = PhoneRounds(Book([Phone(BOB, "b")]), engine, telemetry)
    await rounds()
    await rounds()
    assert telemetry.events == [("phone_refused", {"agent_id": str(BOB), "detail": "no"})]
