"""status_latency_ms: from the far end's BYE to the record's final status in an answer of the API, at 50 calls a second."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from central.domain.ids import RecordId
from tests.benchmarks.answering_phone import AnsweringPhone
from tests.benchmarks.bench_api import BenchApi
from tests.benchmarks.bench_store import bench_store
from tests.benchmarks.bench_voice import ROLES, Caller, bench_engine, settings_of
from tests.benchmarks.figure import Progress, Size, Spec, percentile
from tests.benchmarks.push_sink import push_sink
from tests.stock import Stock, number

_RATE = 50
_TALK_S = 2.0
_SAMPLE = 5  # one call in so many is watched: the watching itself costs
_POLL_S = 0.02
_GIVE_UP_S = 10.0
_FINAL = frozenset({"COMPLETED", "PARTIAL_COMPLETE", "SHORT_HANGUP", "FAILURE"})
FLOW = b"""
flow: f
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 60s, short_hangup: 1s}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: wait, busy: end, no_answer: end, failed: end}}
  wait: {widget: play, file: "silence:30", next: bye}
  bye: {widget: hang_up}
"""


@dataclass(slots=True)
class Watch:
    """Asks the API for watched records from the moment of their BYE on."""

    http: aiohttp.ClientSession = field(init=False)
    url: str = ""
    records: dict[str, RecordId] = field(default_factory=dict[str, RecordId])
    latencies_ms: list[float] = field(default_factory=list[float])
    byes: list[float] = field(default_factory=list[float])
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def said_bye(self, called: str, at: float) -> None:
        """The far end's BYE has left."""
        self.byes.append(at)
        record_id = self.records.get(called)
        if record_id is not None and len(self.byes) % _SAMPLE == 0:
            task = asyncio.create_task(self._until_final(record_id, at))
            self.tasks.add(task)

    async def _until_final(self, record_id: RecordId, at: float) -> None:
        while time.monotonic() - at < _GIVE_UP_S:
            async with self.http.get(f"{self.url}/records/{record_id}") as answer:
                found = await answer.json()
            if found.get("status") in _FINAL:
                self.latencies_ms.append((time.monotonic() - at) * 1000)
                return
            await asyncio.sleep(_POLL_S)
        raise RuntimeError(f"record {record_id} had no final status {_GIVE_UP_S:.0f} s after the BYE")


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """One run; p95 of all watched calls."""
    return asyncio.run(_measure(size.of(3_000, 400), progress))


async def _measure(calls: int, progress: Progress) -> tuple[float, dict[str, Any]]:
    loop = asyncio.get_running_loop()
    watch = Watch()
    _, phone = await loop.create_datagram_endpoint(
        lambda: AnsweringPhone(_TALK_S, watch.said_bye), local_addr=("127.0.0.1", 0)
    )
    with bench_store() as store, store.database() as dsn:
        async with bench_engine(tap=True) as engine, push_sink() as url:
            with BenchApi(dsn, ROLES, settings_of(engine), phone.port, url) as central:
                caller = Caller(Stock(dsn), central, cps=_RATE)
                await asyncio.to_thread(caller.prepare, FLOW)
                async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {central.api.key}"}) as http:
                    watch.http, watch.url = http, f"{central.api.url}/api/v1"
                    numbers = [number(n) for n in range(calls)]
                    request_id, records = await asyncio.to_thread(caller.load, numbers)
                    watch.records = dict(zip(numbers, records, strict=True))
                    await asyncio.to_thread(caller.wait_closed, request_id)
                    await asyncio.gather(*watch.tasks)
    seconds = max(watch.byes) - min(watch.byes)
    rate = (len(watch.byes) - 1) / seconds if seconds else 0.0
    p95 = percentile(watch.latencies_ms, 0.95)
    progress(f"{len(watch.latencies_ms)} of {calls} calls watched at {rate:.1f}/s: p95 {p95:.0f} ms")
    raw = {
        "calls": calls,
        "watched": len(watch.latencies_ms),
        "calls_per_s": round(rate, 1),
        "p50_ms": round(percentile(watch.latencies_ms, 0.5), 1),
        "p99_ms": round(percentile(watch.latencies_ms, 0.99), 1),
        "poll_ms": _POLL_S * 1000,
    }
    return p95, raw


SPEC = Spec(
    "status_latency_ms",
    "from the far end's BYE to the final status in the API, p95 at 50 calls/s",
    250,
    "lower",
    measure,
)
