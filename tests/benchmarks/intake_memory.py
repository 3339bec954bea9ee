"""intake_memory: the peak memory of API, job worker and judges while a million rows come in, against ten thousand rows."""

from __future__ import annotations

import statistics
from typing import Any

from tests.benchmarks.bench_api import BenchApi
from tests.benchmarks.bench_store import BenchStore, bench_store
from tests.benchmarks.contact_list import contact_list
from tests.benchmarks.figure import Progress, Size, Spec

_MB = 1 << 20


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Fresh processes for each run; the peak resident memory of all together."""
    many, few = size.of(1_000_000, 100_000), 10_000
    large: list[int] = []
    small: list[int] = []
    with bench_store() as store:
        for _ in range(size.runs):
            small.append(_peak(store, few))
            large.append(_peak(store, many))
            progress(f"{few} rows {small[-1] / _MB:.0f} MB, {many} rows {large[-1] / _MB:.0f} MB")
    raw = {
        "rows": [few, many],
        f"peak_mb_{few}": [round(v / _MB, 1) for v in small],
        f"peak_mb_{many}": [round(v / _MB, 1) for v in large],
    }
    return statistics.median(a / b for a, b in zip(large, small, strict=True)), raw


def _peak(store: BenchStore, rows: int) -> int:
    with contact_list(rows) as csv, store.database() as dsn, BenchApi(dsn) as central:
        central.intake(csv, rows)
        return central.peak_memory_bytes()


SPEC = Spec(
    "intake_memory",
    "peak memory of the intake of a million rows against ten thousand",
    1.3,
    "lower",
    measure,
)
