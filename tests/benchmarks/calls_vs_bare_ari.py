"""calls_vs_bare_ari: call set-ups a second, answer and hang up, to SIPp: Central against the shortest ARI loop.

Both call the same SIPp, one after the other, over Asterisks of the same build and configuration. Central runs as in the demo:
copies of the SIP messages, timeline, outbox and publisher are on; the figure without the copies stands beside it. The bare
loop's Asterisk makes no copies and tells only the two events that the loop needs.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from typing import Any

from central.adapters.asterisk.engine import Access
from examples.carrier.laboratory import Carrier
from tests.benchmarks.bare_ari import make_trunk, place_calls
from tests.benchmarks.bench_api import BenchApi
from tests.benchmarks.bench_store import BenchStore, bench_store
from tests.benchmarks.bench_voice import CHANNELS, ROLES, BenchEngine, Caller, bench_engine, settings_of
from tests.benchmarks.cpu_shares import CpuShares
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio
from tests.benchmarks.push_sink import push_sink
from tests.stock import Stock, number

_CALM_S = 2.0  # traces and pushes of the last calls are still on their way
Shares = list[dict[str, float]]


@dataclass(slots=True)
class Rounds:
    """Calls a second of each side, and the processor milliseconds a call of each component."""

    central: list[float] = field(default_factory=list[float])
    bare: list[float] = field(default_factory=list[float])
    central_cpu: Shares = field(default_factory=list[dict[str, float]])
    bare_cpu: Shares = field(default_factory=list[dict[str, float]])

    def raw(self, name: str) -> dict[str, Any]:
        """All figures of these rounds, for the report."""
        return {
            f"central_{name}_calls_per_s": [round(v, 1) for v in self.central],
            f"bare_{name}_calls_per_s": [round(v, 1) for v in self.bare],
            f"central_{name}_cpu_ms_per_call": self.central_cpu,
            f"bare_{name}_cpu_ms_per_call": self.bare_cpu,
        }


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Runs side by side with copies of the SIP messages, then without."""
    calls = size.of(2_000, 300)
    found: dict[str, Rounds] = {}
    with bench_store() as store:
        for name, tap in (("with_tap", True), ("without_tap", False)):
            progress(name.replace("_", " "))
            found[name] = asyncio.run(_side_by_side(store, calls, size.runs, progress, tap=tap))
    ratios = {name: median_ratio(rounds.central, rounds.bare) for name, rounds in found.items()}
    raw = {"calls": calls, "channels": CHANNELS, "ratio_without_tap": round(ratios["without_tap"], 4)}
    for name, rounds in found.items():
        raw |= rounds.raw(name)
    return ratios["with_tap"], raw


async def _side_by_side(store: BenchStore, calls: int, runs: int, progress: Progress, *, tap: bool) -> Rounds:
    with store.database() as dsn, Carrier(["answer"]) as carrier:
        port = carrier.port("answer")
        async with bench_engine(tap=tap) as engine, bench_engine(tap=False) as plain, push_sink() as url:
            with BenchApi(dsn, ROLES, settings_of(engine), port, url) as central:
                caller = Caller(Stock(dsn), central)
                caller.prepare()
                await make_trunk(plain.access, port)
                await place_calls(plain.access, port, 50, CHANNELS)  # everybody warm
                await asyncio.to_thread(_central, caller, 50)
                ours = CpuShares(_components(store, central, engine), families={"postgres"})
                theirs = CpuShares({"asterisk": plain.pid, "loop": os.getpid()})
                return await _rounds(caller, plain.access, port, calls, runs, (ours, theirs), progress)


async def _rounds(
    caller: Caller,
    plain: Access,
    port: int,
    calls: int,
    runs: int,
    shares: tuple[CpuShares, CpuShares],
    progress: Progress,
) -> Rounds:
    found, (ours, theirs) = Rounds(), shares
    for _ in range(runs):
        ours.begin()
        found.central.append(calls / await asyncio.to_thread(_central, caller, calls))
        await asyncio.sleep(_CALM_S)
        found.central_cpu.append(ours.ms_each(calls))
        theirs.begin()
        found.bare.append(calls / await place_calls(plain, port, calls, CHANNELS))
        found.bare_cpu.append(theirs.ms_each(calls))
        progress(f"central {found.central[-1]:.1f} calls/s, bare loop {found.bare[-1]:.1f} calls/s")
        progress(f"cpu ms a call: central {found.central_cpu[-1]}, bare loop {found.bare_cpu[-1]}")
    return found


def _components(store: BenchStore, central: BenchApi, engine: BenchEngine) -> dict[str, int]:
    own = {role[-1]: central.pid(*role) for role in central.roles}
    return {"asterisk": engine.pid, "postgres": store.pid, **own}


def _central(caller: Caller, calls: int) -> float:
    begun = time.monotonic()
    request_id, _ = caller.load([number(n) for n in range(calls)])
    caller.wait_closed(request_id)
    seconds = time.monotonic() - begun
    if caller.connected(request_id) != calls:
        raise RuntimeError(f"{caller.connected(request_id)} of {calls} calls were answered")
    return seconds


SPEC = Spec(
    "calls_vs_bare_ari",
    "call set-ups a second to SIPp against the shortest ARI loop on the same Asterisk",
    0.5,
    "higher",
    measure,
)
