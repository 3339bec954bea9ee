"""list_scaling: a request and the first page of its records, read over HTTP, with 5 million records stored and with 5 thousand.

Two installations, each with one account and one request; their records and tallies are copied straight into the tables (step 1
is measured elsewhere). Both reads touch nothing else, so no attempts, legs or events are made.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

from central.domain.ids import AccountId, RequestId
from tests.api_client import Api
from tests.benchmarks.bench_store import bench_store
from tests.benchmarks.calls_vs_bare_ari import asterisk_root
from tests.benchmarks.figure import Progress, Size, Spec, median_ratio, percentile
from tests.installation import Installation
from tests.stock import Stock

_CHUNK = 10_000  # rows of one tally entry, as intake makes them
_CYCLE = (("COMPLETED", True),) * 6 + (("FAILURE", True),) * 2 + (("UNPROCESSED", False),) * 2
"""The statuses of ten records in a row; those that wait are due tomorrow, so nothing is dialled."""
_COLUMNS = (
    "account_id, id, request_id, row_number, attempts_made, attempts_charged, due_at, expires_at, changed_at, status, reason, "
    "last_call_status, client_identifier, numbers, variables"
)
READS = {"request": "/requests/{id}", "records": "/requests/{id}/records"}


def measure(size: Size, progress: Progress) -> tuple[float, dict[str, Any]]:
    """Both installations stand beside each other and are asked in turn; the worse of the two reads counts."""
    few, many, looks = 5_000, size.of(5_000_000, 200_000), size.of(100, 30)
    with bench_store() as store, store.database() as small_dsn, store.database() as big_dsn:
        small, big = Stock(small_dsn), Stock(big_dsn)
        begun = time.monotonic()
        requests = load(small, few), load(big, many)
        raw: dict[str, Any] = {"records": [few, many], "looks": looks, "load_s": round(time.monotonic() - begun, 1)}
        raw["record_table_mb"] = round(int(str(big.value("select pg_total_relation_size('record')"))) / 2**20)
        progress(f"{many} records copied in {raw['load_s']} s, {raw['record_table_mb']} MB")
        with _served(small, requests[0][0]) as small_api, _served(big, requests[1][0]) as big_api:
            ratios: dict[str, float] = {}
            for name, path in READS.items():
                pair = [
                    (api, path.format(id=request_id))
                    for api, (_, request_id) in zip((small_api, big_api), requests, strict=True)
                ]
                for api, where in pair:
                    _check(api.get(where), name, few if api is small_api else many)
                p95 = [_p95_ms(pair, looks) for _ in range(size.runs + 1)][1:]  # the first round warms both up
                raw[f"{name}_p95_ms"] = {"small": [round(s, 2) for s, _ in p95], "big": [round(b, 2) for _, b in p95]}
                ratios[name] = median_ratio([b for _, b in p95], [s for s, _ in p95])
                progress(f"{name}: {ratios[name]:.2f} {raw[f'{name}_p95_ms']}")
    raw["ratios"] = {name: round(ratio, 3) for name, ratio in ratios.items()}
    return max(ratios.values()), raw


def load(stock: Stock, count: int) -> tuple[AccountId, RequestId]:
    """An account with one request of so many records, as it stands while the list is worked off; statistics are fresh."""
    account_id = stock.account(pending_cap=100_000_000, api_per_minute=6_000_000)
    request_id = stock.request(account_id, stock.flow(account_id))
    now = datetime.now(UTC)
    ahead = f"{now + timedelta(days=1):%Y-%m-%d %H:%M:%S%z}"
    tails = [
        f"0\t0\t{ahead}\t{ahead}\t{now}\t{status}\t\\N\t\\N"
        if not final
        else f"1\t1\t\\N\t{ahead}\t{now}\t{status}\tcompleted\tConnected"
        for status, final in _CYCLE
    ]
    with stock.connect() as connection, connection.transaction():
        connection.execute("set local role central_owner")
        with connection.cursor() as cursor, cursor.copy(f"copy record ({_COLUMNS}) from stdin") as copy:
            for first in range(1, count + 1, _CHUNK):
                rows = enumerate(stock.ids.texts(min(_CHUNK, count + 1 - first)), first)
                copy.write("".join(
                    f"{account_id}\t{id_}\t{request_id}\t{n}\t{tails[n % 10]}\tC-{n}\t{{9198{n:08d}}}\t"
                    f'{{"Name": "Asha {n}", "Date": "25-12-2026", "Clinic": "North"}}\n'
                    for n, id_ in rows
                ))  # fmt: skip
        connection.execute(
            "insert into request_tally (account_id, request_id, counter, n, pending) "
            "select %(account)s, %(request)s, t.counter, t.n, t.pending from generate_series(1, %(chunks)s) cross join lateral (values "
            "('status:COMPLETED', %(n)s * 6, false), ('status:FAILURE', %(n)s * 2, false), ('status:UNPROCESSED', %(n)s * 2, true), "
            "('reason:completed', %(n)s * 8, false), ('attempts', %(n)s * 8, false), ('call:Connected', %(n)s * 8, false)) as t(counter, n, pending)",
            {
                "account": account_id,
                "request": request_id,
                "chunks": -(-count // _CHUNK),
                "n": min(_CHUNK, count) // 10,
            },
        )
    stock.run("vacuum analyze record")
    return account_id, request_id


@contextlib.contextmanager
def _served(stock: Stock, account_id: AccountId) -> Generator[Api]:
    """An installation on this database, and a client with a key of the account."""
    installation = Installation(asterisk_root(), {"CENTRAL_DATABASE_URL": stock.dsn})
    try:
        installation.start(first_account=False)
        operator = installation.operator
        key = operator.post(f"/operator/accounts/{account_id}/keys", {"name": "bench", "role": "owner"})["secret"]
        operator.close()
        api = installation.api(key)
        yield api
        api.close()
    finally:
        installation.stop()
        installation.remove()


def _check(answer: dict[str, Any], name: str, count: int) -> None:
    """The answer is about the whole list. Raises RuntimeError."""
    if name == "request" and answer["counts"]["loaded"] != count:
        raise RuntimeError(f"{count} records, and the request counts {answer['counts']}")
    if name == "records" and (len(answer["items"]) != 50 or not answer["next"]):
        raise RuntimeError(f"{count} records, and the first page has {len(answer['items'])}")


def _p95_ms(pair: list[tuple[Api, str]], looks: int) -> tuple[float, float]:
    """Ask both in turn, so many times; p95 of each."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(looks):
        for times, (api, where) in zip(taken, pair, strict=True):
            begun = time.monotonic()
            api.get(where)
            times.append((time.monotonic() - begun) * 1000)
    return percentile(taken[0], 0.95), percentile(taken[1], 0.95)


SPEC = Spec(
    "list_scaling",
    "a request and the first page of its records by HTTP, p95, with 5 million records stored against 5 thousand",
    2,
    "lower",
    measure,
)
