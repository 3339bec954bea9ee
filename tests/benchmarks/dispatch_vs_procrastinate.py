"""dispatch_vs_procrastinate: the whole path of a record against a general job queue with one job a record that does nothing."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from procrastinate.types import JSONValue

from tests.benchmarks.bench_store import bench_store
from tests.benchmarks.dispatch_load import WORKERS, check_ended, load, run_central
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio
from tests.benchmarks.noop_app import noop_app
from tests.benchmarks.paced_processes import run_together
from tests.stock import Stock

_DEFERRED_AT_ONCE = 1000


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Runs side by side: Central, then Procrastinate with two workers, each on a fresh database of the same server."""
    records, jobs = size.of(20_000, 3_000), size.of(2_000, 400)
    ours: list[float] = []
    theirs: list[float] = []
    with bench_store() as store:
        for _ in range(size.runs):
            with store.database() as dsn:
                stock = Stock(dsn)
                load(stock, records)
                ours.append(records / run_central(stock))
                check_ended(stock, records)
            with store.database() as dsn:  # the schema holds Procrastinate's own tables, as its migration makes them
                asyncio.run(_defer(dsn, jobs))
                seconds = run_together([sys.executable, "-m", "tests.benchmarks.noop_worker", dsn], WORKERS)
                left = Stock(dsn).value("select count(*) from procrastinate_jobs where status <> 'succeeded'")
                if left != 0:
                    raise RuntimeError(f"{left} jobs did not succeed")
                theirs.append(jobs / seconds)
            progress(f"central {ours[-1]:.0f} records/s, Procrastinate {theirs[-1]:.0f} jobs/s")
    raw = {
        "records": records,
        "jobs": jobs,
        "central_records_per_s": [round(v) for v in ours],
        "procrastinate_jobs_per_s": [round(v) for v in theirs],
    }
    return median_ratio(ours, theirs), raw


async def _defer(dsn: str, jobs: int) -> None:
    async with noop_app(dsn).open_async() as app:
        for begin in range(0, jobs, _DEFERRED_AT_ONCE):
            some = range(begin, min(jobs, begin + _DEFERRED_AT_ONCE))
            await app.configure_task("noop", queue="records").batch_defer_async(
                *[dict[str, JSONValue](record=str(n)) for n in some]
            )


SPEC = Spec(
    "dispatch_vs_procrastinate",
    "dispatch and tracking on the simulated channel against Procrastinate with one no-op job a record",
    10,
    "higher",
    measure,
)
