"""intake_vs_copy: a list through the API, checked and durable, against bare binary COPY of what came out of it.

The opponent is the owner role (no row-level security) that copies the very same record and event rows, exported in binary
before, into the same tables with the same indexes of a fresh database.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.bench_api import BenchApi
from tests.benchmarks.bench_store import BenchStore, bench_store
from tests.benchmarks.contact_list import contact_list
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio

_PART_BYTES = 1 << 20


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Runs side by side: Central, then COPY, each into a fresh database of the same server."""
    rows = size.of(1_000_000, 100_000)
    ours: list[float] = []
    copy: list[float] = []
    with bench_store() as store, contact_list(rows) as csv:
        for _ in range(size.runs):
            mine, bare = _once(store, csv, rows)
            ours.append(rows / mine)
            copy.append(rows / bare)
            progress(f"central {ours[-1]:.0f} rows/s, COPY {copy[-1]:.0f} rows/s")
    raw = {
        "rows": rows,
        "central_rows_per_s": [round(v) for v in ours],
        "copy_rows_per_s": [round(v) for v in copy],
    }
    return median_ratio(ours, copy), raw


def _once(store: BenchStore, csv: Path, rows: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="central-bench-copy-") as folder:
        records, events = Path(folder) / "record", Path(folder) / "event"
        with store.database() as dsn:
            with BenchApi(dsn) as central:
                mine = central.intake(csv, rows)
            with psycopg.connect(dsn) as connection:
                _export(connection, "copy record to stdout (format binary)", records)
                _export(connection, "copy (select * from event) to stdout (format binary)", events)
        with store.database() as dsn, psycopg.connect(dsn) as connection:
            connection.execute("set role central_owner")
            begun = time.monotonic()
            _import(connection, "copy record from stdin (format binary)", records)
            _import(connection, "copy event from stdin (format binary)", events)
            connection.commit()
            return mine, time.monotonic() - begun


def _export(connection: psycopg.Connection[Any], statement: str, path: Path) -> None:
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy, path.open("wb") as file:
        for part in copy:
            file.write(part)


def _import(connection: psycopg.Connection[Any], statement: str, path: Path) -> None:
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy, path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            copy.write(part)


SPEC = Spec(
    "intake_vs_copy",
    "a list of a million rows through the API against bare binary COPY of the same record and event rows",
    0.25,
    "higher",
    measure,
)
