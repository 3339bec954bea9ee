"""status_latency_ms: from the far end's BYE to the moment at which a reader of the API sees the record's final status.

A request of 50 records a second; each callee answers and hangs up 300 ms later. SIPp notes the moment at which it sends its
BYE (microseconds); one reader asks for the records of the running requests again and again, and notes when an answer that
shows a final status has arrived. Its pace is part of the figure: a status is never seen earlier than by the next look.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from examples.carrier.scenarios import CALLEES
from examples.carrier.sipp import Sipp, free_ports, write_scenario
from tests.api_client import Api
from tests.benchmarks.calls_vs_bare_ari import CallHouse
from tests.benchmarks.figure import Progress, Size, Spec, percentile

PER_S = 50
FLOW = """\
flow: bench
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 30s, channel_wait: 60s}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: ask, busy: end, no_answer: end, failed: end}}
  ask: {widget: menu, say: Please hold the line., digits: {"1": bye}, on: {no_input: bye, invalid_exhausted: bye}}
  bye: {widget: hang_up}
  on_remote_hangup: {widget: on_remote_hangup, next: end}
"""
BEHAVIOUR = "short_hangup"
_PATIENCE_S = 60.0
_SETTLE_S = 2.0


class NotedCallee:
    """One SIPp process that writes each message with its time; a context manager."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="carrier-"))
        self._messages = self._folder / "messages.csv"
        write_scenario(self._folder, BEHAVIOUR, CALLEES[BEHAVIOUR].steps)
        ports = free_ports("127.0.0.1", 3)
        self.sipp = Sipp(
            self._folder, BEHAVIOUR, host="127.0.0.1", ports=(ports[0], ports[1], ports[2]),
            options=("-trace_shortmsg", "-shortmessage_file", str(self._messages)),
        )  # fmt: skip

    def byes(self) -> dict[str, float]:
        """When the first BYE to each number was sent, seconds since 1970."""
        numbers = {invite.call_id: invite.number for invite in self.sipp.invites()}
        found: dict[str, float] = {}
        for line in self._messages.read_text(errors="replace").splitlines():
            _date, _time, at, direction, call_id, _cseq, first = line.split("\t", 6)
            if direction == "S" and first.startswith("BYE "):
                found.setdefault(numbers[call_id], float(at))
        return found

    def __enter__(self) -> Self:
        self.sipp.wait_bound()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sipp.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass
class Reader:
    """Looks at the running requests until all their records are final.

    ``seen``: number to the time at which it was seen final. ``decided``: to the time at which the node decided so.
    """

    api: Api
    seen: dict[str, float] = field(default_factory=dict[str, float])
    decided: dict[str, float] = field(default_factory=dict[str, float])
    looks: list[float] = field(default_factory=list[float])
    running: list[str] = field(default_factory=list[str])
    done: Event = field(default_factory=Event)

    def run(self) -> None:
        """Look, until there is nothing left to look at and nothing more will come."""
        while self.running or not self.done.is_set():
            for request_id in list(self.running):
                begun = time.monotonic()
                page = self.api.get(f"/requests/{request_id}/records", limit=PER_S)["items"]
                self.looks.append(time.monotonic() - begun)
                now = time.time()
                final = [row for row in page if row["final"]]
                for row in final:
                    self.seen.setdefault(row["numbers"][0], now)
                    self.decided[row["numbers"][0]] = datetime.fromisoformat(row["changed_at"]).timestamp()
                if len(final) == PER_S:
                    self.running.remove(request_id)
            time.sleep(0.002)


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """A steady load for some seconds; p95 over all its calls."""
    seconds = size.of(20, 6)
    with NotedCallee() as callee, CallHouse(callee.sipp.port, flow=FLOW) as house:
        warm = house.submit(PER_S)
        house.wait(warm, _PATIENCE_S)
        reader = Reader(house.api)
        thread = Thread(target=reader.run, daemon=True)
        thread.start()
        due = time.monotonic()
        for _ in range(seconds):
            reader.running.append(house.submit(PER_S))
            due += 1.0
            time.sleep(max(0.0, due - time.monotonic()))
        reader.done.set()
        thread.join(_PATIENCE_S)
        if thread.is_alive():
            raise TimeoutError(f"records not final after {_PATIENCE_S:.0f} s: {len(reader.seen)} of {seconds * PER_S}")
        time.sleep(_SETTLE_S)
        byes = callee.byes()
    latencies = latencies_ms(reader.seen, byes)
    decided = latencies_ms(reader.decided, byes)
    value = percentile(latencies, 0.95)
    raw = {
        "calls": len(latencies),
        "calls_per_s": PER_S,
        "p50_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(value, 1),
        "p99_ms": round(percentile(latencies, 0.99), 1),
        "max_ms": round(max(latencies), 1),
        "decided_p50_ms": round(statistics.median(decided), 1),
        "decided_p95_ms": round(percentile(decided, 0.95), 1),
        "look_p50_ms": round(statistics.median(reader.looks) * 1000, 1),
    }
    progress(f"{raw}")
    return value, raw


def latencies_ms(seen: Mapping[str, float], byes: Mapping[str, float]) -> list[float]:
    """Milliseconds from BYE to sight of every call. Raises RuntimeError for a call without a BYE: it did not end as meant."""
    if missing := seen.keys() - byes.keys():
        raise RuntimeError(f"{len(missing)} calls that the far end did not end")
    return [(at - byes[number]) * 1000 for number, at in seen.items()]


SPEC = Spec(
    "status_latency_ms",
    "far-end BYE to final status readable by API, p95 in ms at 50 calls/s",
    250,
    "lower",
    measure,
)
