"""sms_vs_jasmin: short messages a second from the API to the SMSC with receipts stored, against Jasmin 0.11.0 and the same sink.

Central is the whole product (API, PostgreSQL, messenger, publisher), given bulk requests; it counts from the first request to the
last receipt that was stored and acknowledged and the last webhook. Jasmin is its whole set of processes, Redis writing each change
to the disk, given one request a message by 16 connections; its rate is the one that is best for it: from the first request to the
last submit_sm, without the ten seconds that its last callbacks take. The sink acknowledges TCP segments at once for both, because
Jasmin leaves Nagle on; what that does to Jasmin is measured beside, and counts for nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

from central.settings import read_settings
from tests.benchmarks.bench_store import bench_store
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio
from tests.benchmarks.gateway_rates import Rates
from tests.benchmarks.gateway_rates import measure as measure_gateway
from tests.benchmarks.sms_by_central import WINDOW, as_raw, central_rates
from tests.far_ends.jasmin import Jasmin

CALLBACKS = 2
"""A message: level 3 tells what the SMSC answered, and the receipt."""


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Runs side by side, in turns; each starts everything anew."""
    messages, jasmins, plainly = size.of(10_000, 2_000), size.of(2_000, 500), size.of(200, 60)
    ours: list[Rates] = []
    theirs: list[Rates] = []
    plain: list[Rates] = []
    with bench_store() as store:
        for _ in range(size.runs):
            ours.append(central_rates(store, messages))
            theirs.append(_jasmin(jasmins, quickack=True))
            plain.append(_jasmin(plainly, quickack=False))
            progress(
                f"central {ours[-1].settled_per_s:.0f}/s, jasmin {theirs[-1].submitted_per_s:.0f}/s submitted, "
                f"{theirs[-1].settled_per_s:.0f}/s told; without quickack {plain[-1].submitted_per_s:.0f}/s submitted"
            )
    raw = {
        "messages": {"central": messages, "jasmin": jasmins, "jasmin_without_quickack": plainly},
        "window": WINDOW,
        "central": as_raw(ours),
        "jasmin": as_raw(theirs),
        "jasmin_without_quickack": as_raw(plain),
    }
    return median_ratio([one.settled_per_s for one in ours], [one.submitted_per_s for one in theirs]), raw


def _jasmin(messages: int, *, quickack: bool) -> Rates:
    @contextlib.contextmanager
    def start(port: int) -> Generator[Jasmin]:
        with Jasmin(read_settings().cache_dir / "far-ends", port, durable=True) as gateway:
            yield gateway

    return measure_gateway(start, messages, callbacks_each=CALLBACKS, quickack=quickack)


SPEC = Spec(
    "sms_vs_jasmin",
    "SMS a second from the API to the SMSC, receipts stored, against Jasmin 0.11.0 and the same sink",
    5.0,
    "higher",
    measure,
)
