"""A voice node as a process of its own, on the simulated channel: ``python -m tests.benchmarks.simulated_worker JSON``."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import uvloop

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.inbound_store import PostgresInbound
from central.adapters.postgres.journal_store import PostgresJournal
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import open_pool
from central.adapters.simulator.channel import SimulatedTelephony
from central.adapters.simulator.speech import SimulatedPrompts, SimulatedSpeech
from central.adapters.system import SystemClock, SystemIds
from central.adapters.telemetry.log import LogPlan, open_log
from central.adapters.telemetry.process_telemetry import ProcessTelemetry
from central.application.ports.dispatch import NodeState
from central.application.ports.world import TimerHandle
from central.bootstrap.collector import calm_collector
from central.entrypoints.workers.loop_timers import LoopTimers
from central.entrypoints.workers.voice_node import NodeParts, VoiceNode

HURRY = 25.0


class HurriedTimers(LoopTimers):
    """The callees' own time runs faster, so that a call takes tenths of a second; the node's time is real."""

    def after(self, seconds: float, action: Callable[[], None]) -> TimerHandle:
        return super().after(seconds / HURRY, action)


async def work(plan: dict[str, Any]) -> None:
    """Run one node until SIGTERM."""
    clock, ids = SystemClock(), SystemIds()
    telemetry = ProcessTelemetry(open_log(LogPlan(process=plan["name"], level="warning", format="json")), None)
    async with await open_pool(plan["dsn"], "central_worker", 4, name=plan["name"]) as pool:
        dispatch = PostgresDispatch(pool, ids)
        telephony = SimulatedTelephony(clock, HurriedTimers(), chance=random.Random(plan["name"]).random)
        telephony.keep_received = False
        node = VoiceNode(
            NodeParts(
                state=NodeState(plan["name"], "g1", "voice", plan["channels"], 1_000_000),
                telephony=telephony,
                speech=SimulatedSpeech(),
                prompts=SimulatedPrompts(),
                dispatch=dispatch,
                inbound=PostgresInbound(pool),
                journal=PostgresJournal(pool, ids),
                library=PostgresLibrary(pool, dispatch, clock),
                clock=clock,
                ids=ids,
                telemetry=telemetry,
                lease=timedelta(seconds=60),
                gather=timedelta(milliseconds=10),
                drain=timedelta(seconds=1),
            )
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, node.stop)
        calm_collector()
        await node.run()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(json.loads(sys.argv[1])))
