"""late_transitions: how many steps of 200 simultaneous inbound calls begin later than 100 ms after their cause.

An observer beside Central hears every event of the same Asterisk and compares the engine's own timestamps: from the answer,
or the end of a prompt, to the beginning of the next prompt. Every prompt must be played to its end.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from examples.carrier.callers import Caller
from tests.benchmarks.bench_api import BenchApi
from tests.benchmarks.bench_store import bench_store
from tests.benchmarks.bench_voice import ROLES, BenchEngine, bench_engine, settings_of
from tests.benchmarks.figure import Progress, Size, Spec, percentile

_DID = "918000000001"
_PROMPTS = 15
_LATE_MS = 100.0
_PER_S = 40.0
_KNOWN_S = 3.0  # until the node knows the trunk
_STEPS = "".join(
    f'  p{n}: {{widget: play, file: "silence:1", next: {f"p{n + 1}" if n + 1 < _PROMPTS else "bye"}}}\n'
    for n in range(_PROMPTS)
)
FLOW = f"""
flow: many
type: inbound
purpose: service
steps:
  start: {{widget: start, next: answer}}
  answer: {{widget: answer_call, next: p0}}
{_STEPS}  bye: {{widget: hang_up}}
""".encode()


@dataclass(slots=True)
class Observer:
    """What the engine tells: for each channel the last cause, and how long after each the next prompt began."""

    causes: dict[str, datetime] = field(default_factory=dict[str, datetime])
    late_ms: list[float] = field(default_factory=list[float])
    played: int = 0
    up: int = 0
    most_up: int = 0

    def heard(self, event: dict[str, Any]) -> None:
        """One event of the engine."""
        at = datetime.fromisoformat(event["timestamp"])
        match event["type"]:
            case "ChannelStateChange" if event["channel"]["state"] == "Up":
                self.up += 1
                self.most_up = max(self.most_up, self.up)
                self.causes[event["channel"]["id"]] = at
            case "ChannelDestroyed":
                self.up -= 1
                self.causes.pop(event["channel"]["id"], None)
            case "PlaybackStarted":
                cause = self.causes.pop(_channel(event), None)
                if cause is not None:
                    self.late_ms.append((at - cause).total_seconds() * 1000)
            case "PlaybackFinished":
                self.played += event["playback"]["state"] == "done"
                self.causes[_channel(event)] = at
            case _:
                pass


def _channel(event: dict[str, Any]) -> str:
    return str(event["playback"]["target_uri"]).removeprefix("channel:")


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """One run of so many calls at once; the share of late transitions in percent."""
    return asyncio.run(_measure(size.of(200, 60), progress))


async def _measure(calls: int, progress: Progress) -> tuple[float, dict[str, Any]]:
    seen = Observer()
    with bench_store() as store, store.database() as dsn:
        async with bench_engine(tap=True) as engine:
            with BenchApi(dsn, ROLES, settings_of(engine, calls + 20)) as central:
                await asyncio.to_thread(_prepare, central)
                await asyncio.sleep(_KNOWN_S)
                listening = asyncio.create_task(_observe(engine, seen))
                caller = Caller("stays", ("127.0.0.1", engine.sip_port), called=_DID, count=calls, per_s=_PER_S)
                try:
                    told = await asyncio.to_thread(caller.wait, 180)
                finally:
                    caller.remove()
                await asyncio.sleep(1)
                listening.cancel()
    if told.good != calls or seen.played != calls * _PROMPTS:
        raise RuntimeError(f"{told}; {seen.played} prompts played to their end, must be {calls * _PROMPTS}")
    late = 100 * sum(ms > _LATE_MS for ms in seen.late_ms) / len(seen.late_ms)
    p99 = percentile(seen.late_ms, 0.99)
    progress(
        f"{len(seen.late_ms)} transitions of {calls} calls, {seen.most_up} at once: {late:.2f} % late, p99 {p99:.0f} ms"
    )
    raw = {
        "calls": calls,
        "most_at_once": seen.most_up,
        "transitions": len(seen.late_ms),
        "prompts": seen.played,
        "p50_ms": round(percentile(seen.late_ms, 0.5), 1),
        "p99_ms": round(p99, 1),
        "max_ms": round(max(seen.late_ms), 1),
    }
    return late, raw


def _prepare(central: BenchApi) -> None:
    api = central.api
    api.post("/trunks", {"name": "peer", "host": "127.0.0.1", "channel_cap": 1000})
    api.post("/dids", {"dids": [{"number": _DID}]})
    flow = api.send("POST", "/flows", FLOW, "application/yaml")["id"]
    api.put(f"/flows/{flow}/dids", {"dids": [_DID]})
    api.post(f"/flows/{flow}/publish", {"note": "benchmark"})


async def _observe(engine: BenchEngine, seen: Observer) -> None:
    async with aiohttp.ClientSession(headers=engine.access.headers) as http:
        where = f"{engine.access.url}/events"
        async with http.ws_connect(where, params={"app": "observer", "subscribeAll": "true"}) as socket:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    seen.heard(message.json())


SPEC = Spec(
    "late_transitions",
    "steps of 200 simultaneous inbound calls that begin over 100 ms after their cause, %",
    1.0,
    "lower",
    measure,
)
