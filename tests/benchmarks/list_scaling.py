"""list_scaling: a request and the first page of its records, with five million records stored against five thousand.

In both databases the request that is asked for holds a fifth of all records. Rounds alternate between the two.
"""

from __future__ import annotations

import statistics
import time
from typing import Any
from uuid import UUID

from tests.benchmarks.bench_api import BenchApi
from tests.benchmarks.bench_store import bench_store
from tests.benchmarks.figure import Progress, Size, Spec, percentile
from tests.stock import Stock

_REQUESTS = 5
_ASKED = 200
_STATUSES = ("COMPLETED", "FAILURE", "SHORT_HANGUP", "UNPROCESSED")


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Fill both, then ask both in turn."""
    few, many = 5_000, size.of(5_000_000, 200_000)
    p95: dict[int, list[float]] = {few: [], many: []}
    with bench_store() as store, store.database() as small, store.database() as large:
        serve = (("serve",),)
        with BenchApi(small, serve) as of_small, BenchApi(large, serve) as of_large:
            asked = {few: _fill(of_small, few), many: _fill(of_large, many)}
            progress(f"{few} and {many} records stored")
            for central, records in ((of_small, few), (of_large, many)):
                _p95_ms(central, asked[records])  # warm
            for _ in range(size.runs):
                for central, records in ((of_small, few), (of_large, many)):
                    p95[records].append(_p95_ms(central, asked[records]))
                progress(f"p95: {p95[few][-1]:.1f} ms with {few}, {p95[many][-1]:.1f} ms with {many}")
    raw = {
        "records": [few, many],
        "asked": _ASKED,
        "p95_ms": {str(n): [round(v, 2) for v in found] for n, found in p95.items()},
    }
    return statistics.median(a / b for a, b in zip(p95[many], p95[few], strict=True)), raw


def _fill(central: BenchApi, records: int) -> str:
    """Requests of equal size with records in all kinds of states; answers the id of one in the middle."""
    stock = Stock(central.dsn)
    account_id = UUID(central.account_id)
    flow_id, version_id = stock.rows("select flow_id, id from flow_version limit 1")[0]
    ids: list[UUID] = []
    for _ in range(_REQUESTS):
        request_id = stock.ids.uuid()
        ids.append(request_id)
        stock.run(
            "insert into request (account_id, id, flow_id, flow_version_id, source) values (%s, %s, %s, %s, 'bench')",
            account_id, request_id, flow_id, version_id,
        )  # fmt: skip
        stock.run(
            "insert into record (account_id, id, request_id, row_number, due_at, expires_at, changed_at, status, numbers, variables) "
            "select %s, new_uuid7(), %s, n, case when n %% 4 = 3 then now() + interval '1 day' end, now() + interval '2 days', now(), "
            "(%s::text[])[n %% 4 + 1], array[(919800000000 + n)::text], '{\"Name\": \"Asha\", \"Clinic\": \"North\"}' "
            "from generate_series(1, %s::int) as n",
            account_id, request_id, list(_STATUSES), records // _REQUESTS,
        )  # fmt: skip
        stock.run(
            "insert into request_tally (account_id, request_id, counter, n, pending) "
            "select account_id, request_id, 'status:' || status, count(*), status = 'UNPROCESSED' from record "
            "where request_id = %s group by 1, 2, status",
            request_id,
        )
    stock.run("vacuum analyze")
    return str(ids[_REQUESTS // 2])


def _p95_ms(central: BenchApi, request_id: str) -> float:
    """p95 of both questions, each counted as one."""
    took: list[float] = []
    for _ in range(_ASKED):
        for path in (f"/requests/{request_id}", f"/requests/{request_id}/records"):
            begun = time.monotonic()
            central.api.get(path)
            took.append((time.monotonic() - begun) * 1000)
    return percentile(took, 0.95)


SPEC = Spec(
    "list_scaling", "a request and its first page with 5 million records against 5 thousand, p95", 2, "lower", measure
)
