"""voice_memory: resident memory of the voice node's process after 20,000 calls against after 2,000 at the same rate.

One node lives through all of them; each time its memory is read 40 s after the last call, five times a second apart.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from examples.carrier.laboratory import Carrier
from tests.benchmarks.bench_api import BenchApi, memory_bytes
from tests.benchmarks.bench_store import bench_store
from tests.benchmarks.bench_voice import ROLES, Caller, bench_engine, settings_of
from tests.benchmarks.figure import Progress, Size, Spec
from tests.benchmarks.push_sink import push_sink
from tests.stock import Stock, number

_RATE = 60
_CALM_S = 40.0
_READINGS = 5
_MB = 1 << 20


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Few calls, calm, the rest of the many, calm."""
    few, many = size.of(2_000, 200), size.of(20_000, 2_000)
    return asyncio.run(_measure(few, many, size.of(40, 5), progress))


async def _measure(few: int, many: int, calm_s: int, progress: Progress) -> tuple[float, dict[str, Any]]:
    node: list[float] = []
    engine_mb: list[float] = []
    with bench_store() as store, store.database() as dsn, Carrier(["answer"]) as carrier:
        async with bench_engine(tap=True) as engine, push_sink() as url:
            with BenchApi(dsn, ROLES, settings_of(engine), carrier.port("answer"), url) as central:
                caller = Caller(Stock(dsn), central, cps=_RATE)
                caller.prepare()
                for calls in (few, many - few):
                    seconds = await asyncio.to_thread(_call, caller, calls)
                    await asyncio.sleep(min(_CALM_S, calm_s))
                    readings: list[int] = []
                    for _ in range(_READINGS):
                        readings.append(memory_bytes(central.pid("voice-node")))
                        await asyncio.sleep(1)
                    node.append(statistics.median(readings) / _MB)
                    engine_mb.append(memory_bytes(engine.pid) / _MB)
                    progress(
                        f"{calls} calls at {calls / seconds:.0f}/s: node {node[-1]:.1f} MB, Asterisk {engine_mb[-1]:.1f} MB"
                    )
    raw = {
        "calls": [few, many],
        "rate_per_s": _RATE,
        "node_mb": [round(v, 1) for v in node],
        "asterisk_mb": [round(v, 1) for v in engine_mb],
    }
    return node[1] / node[0], raw


def _call(caller: Caller, calls: int) -> float:
    begun = time.monotonic()
    request_id, _ = caller.load([number(n) for n in range(calls)])
    caller.wait_closed(request_id)
    return time.monotonic() - begun


SPEC = Spec("voice_memory", "memory of the voice node after 20,000 calls against after 2,000", 1.1, "lower", measure)
