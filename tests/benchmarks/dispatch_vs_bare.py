"""dispatch_vs_bare: the whole path of a record against the shortest loop that writes the same rows.

The bare loop claims 500 records with SKIP LOCKED and writes, in two transactions a batch, as many rows to each table as
Central wrote for as many records, of the same size, sent by the same driver as one jsonb parameter a statement. It judges
nothing, runs no flow, sends nothing.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.benchmarks.bench_store import Cpu, bench_store
from tests.benchmarks.dispatch_load import WORKERS, Written, check_ended, load, run_central, written
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio
from tests.benchmarks.paced_processes import run_together
from tests.stock import Stock


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Runs side by side: Central, then the bare loop, each on a fresh database."""
    records = size.of(20_000, 3_000)
    ours: list[float] = []
    bare: list[float] = []
    rows: dict[str, Written] = {}
    sample: dict[str, Any] = {}
    spent: dict[str, list[dict[str, float]]] = {"central": [], "bare": []}
    with bench_store() as store:
        for _ in range(size.runs):
            with store.database() as dsn:
                stock = Stock(dsn)
                load(stock, records)
                cpu = Cpu(store)
                cpu.begin()
                ours.append(records / run_central(stock))
                spent["central"].append(cpu.ms_each(records))
                check_ended(stock, records)
                rows = written(stock, records)
                sample = sample_of(stock, rows)
            with store.database() as dsn:
                stock = Stock(dsn)
                load(stock, records)
                cpu = Cpu(store)
                cpu.begin()
                bare.append(records / run_bare(stock, sample))
                spent["bare"].append(cpu.ms_each(records))
            progress(f"central {ours[-1]:.0f} records/s, bare loop {bare[-1]:.0f} records/s")
            progress(f"cpu ms a record: central {spent['central'][-1]}, bare loop {spent['bare'][-1]}")
    raw = {
        "records": records,
        "central_records_per_s": [round(v) for v in ours],
        "bare_records_per_s": [round(v) for v in bare],
        "cpu_ms_per_record": spent,
        "rows_per_record": {
            name: {"inserted": round(w.inserted, 2), "updated": round(w.updated, 2)} for name, w in rows.items()
        },
    }
    return median_ratio(ours, bare), raw


def sample_of(stock: Stock, rows: dict[str, Written]) -> dict[str, Any]:
    """What Central wrote for one record of average size: as many events as it wrote a record, with their data."""
    wanted = round(rows["event"].inserted)
    (record_id,) = stock.rows(
        "select record_id from event group by 1 having count(*) = %s order by abs(sum(length(data::text)) - "
        "(select sum(length(data::text)) / count(distinct record_id) from event)) limit 1",
        wanted,
    )[0]
    events = stock.rows("select kind, data from event where record_id = %s order by at, id", record_id)
    leg = stock.rows(
        "select l.digits, l.engine, a.variables from leg l join attempt a on a.record_id = l.record_id where l.record_id = %s",
        record_id,
    )[0]
    return {
        "events": [{"kind": kind, "data": data} for kind, data in events],
        "leg": dict(zip(("digits", "engine", "variables"), leg, strict=True)),
        "leg_updates": round(rows["leg"].updated),
    }


def run_bare(stock: Stock, sample: dict[str, Any]) -> float:
    """Two processes of the bare loop; the seconds until no record waits."""
    argv = [sys.executable, "-m", "tests.benchmarks.bare_loop", stock.dsn, json.dumps(sample)]
    return run_together(argv, WORKERS)


SPEC = Spec(
    "dispatch_vs_bare",
    "dispatch and tracking on the simulated channel against a bare SKIP LOCKED loop that writes the same rows",
    0.5,
    "higher",
    measure,
)
