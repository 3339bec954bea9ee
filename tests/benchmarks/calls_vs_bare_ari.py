"""calls_vs_bare_ari: call set-ups a second, answer and hang up, to SIPp: Central against the shortest ARI loop.

Both use the same Asterisk and the same SIPp, one after the other. Central runs as in the demo: copies of the SIP messages,
timeline and outbox are on; the figure without the copies stands beside it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from examples.carrier.laboratory import Carrier
from tests.benchmarks.bare_ari import make_trunk, place_calls
from tests.benchmarks.bench_api import BenchApi
from tests.benchmarks.bench_store import BenchStore, bench_store
from tests.benchmarks.bench_voice import CHANNELS, ROLES, Caller, bench_engine, settings_of
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio
from tests.stock import Stock, number

Rates = dict[str, list[float]]


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Runs side by side with copies of the SIP messages, then without."""
    calls = size.of(2_000, 300)
    found: dict[str, Rates] = {}
    with bench_store() as store:
        for name, tap in (("with_tap", True), ("without_tap", False)):
            progress(name.replace("_", " "))
            found[name] = asyncio.run(_side_by_side(store, calls, size.runs, progress, tap=tap))
    ratios = {name: median_ratio(rates["central"], rates["bare"]) for name, rates in found.items()}
    raw = {
        "calls": calls,
        "channels": CHANNELS,
        "ratio_without_tap": round(ratios["without_tap"], 4),
        **{
            f"{who}_{name}_calls_per_s": [round(v, 1) for v in rates[who]]
            for name, rates in found.items()
            for who in ("central", "bare")
        },
    }
    return ratios["with_tap"], raw


async def _side_by_side(store: BenchStore, calls: int, runs: int, progress: Progress, *, tap: bool) -> Rates:
    rates: Rates = {"central": [], "bare": []}
    with store.database() as dsn, Carrier(["answer"]) as carrier:
        port = carrier.port("answer")
        async with bench_engine(tap=tap) as engine:
            with BenchApi(dsn, ROLES, settings=settings_of(engine), trunk_port=port) as central:
                caller = Caller(Stock(dsn), central)
                caller.prepare()
                await make_trunk(engine.access, port)
                await place_calls(engine.access, port, 50, CHANNELS)  # everybody warm
                await asyncio.to_thread(_central, caller, 50)
                for _ in range(runs):
                    rates["central"].append(calls / await asyncio.to_thread(_central, caller, calls))
                    rates["bare"].append(calls / await place_calls(engine.access, port, calls, CHANNELS))
                    progress(f"central {rates['central'][-1]:.1f} calls/s, bare loop {rates['bare'][-1]:.1f} calls/s")
    return rates


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
