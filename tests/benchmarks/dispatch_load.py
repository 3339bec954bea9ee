"""The load of both dispatch figures: the demo's flow on the simulated channel, two workers, one dispatcher, one tracker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from central.adapters.postgres.dispatch_store import PostgresDispatch
from central.adapters.postgres.journal_store import PostgresJournal
from central.adapters.postgres.library import PostgresLibrary
from central.adapters.postgres.pool import open_pool
from central.adapters.postgres.tracking_store import PostgresTracking
from central.adapters.simulator.callees import CODES
from central.adapters.system import SystemClock, SystemIds
from central.application.dispatch.grant_shares import GrantShares
from central.application.tracking.control_requests import ControlRequests, KeepCounts
from central.application.tracking.reap_leases import ReapLeases
from central.application.tracking.watch_backlog import WatchBacklog
from central.entrypoints.workers.dispatcher import run_dispatcher
from central.entrypoints.workers.tracker import run_tracker
from tests.fakes.observed import ObservedTelemetry
from tests.stock import Stock

WORKERS = 2
CHANNELS = 5000
"""A node's. Far more than its calls need, so that work and not waiting for a free channel is measured: the bare loops know none."""
FLOW = Path("examples/appointment-reminder.yaml")
MIX = ("presses_1", "presses_1", "presses_2", "hangs_up_mid_flow", "not_found")
"""Callees that end a record within one attempt, so that each record writes about the same rows."""
_CODE = {name: code for code, name in CODES.items()}
_PATIENCE_S = 120.0
TABLES = ("record", "attempt", "leg", "event", "outbox", "ledger", "balance", "request_tally")


@dataclass(frozen=True, slots=True)
class Written:
    """What a run wrote to a table, a record: rows inserted and rows updated."""

    inserted: float
    updated: float


def load(stock: Stock, records: int) -> None:
    """A request of so many records, not open yet, with an endpoint that hears of every final record."""
    account_id = stock.account(pending_cap=100_000_000)
    # a machine that is busy with something else must not turn answers into ring timeouts
    flow = stock.flow(account_id, FLOW.read_bytes().replace(b"ring_timeout: 4s", b"ring_timeout: 60s"))
    stock.run(
        "insert into trunk (account_id, id, name, host, channel_cap, cps_cap) values (%s, %s, 'lab', '127.0.0.1', 100000, 1000000)",
        account_id,
        trunk_id := stock.ids.uuid(),
    )
    stock.run(  # a marketing flow is scrubbed, so its register must be fresh
        "insert into list_version (account_id, list, version, fresh_at) values (%s, 'dnd', 1, now())", account_id
    )
    stock.run("insert into trunk_route (account_id, trunk_id) values (%s, %s)", account_id, trunk_id)
    stock.run(
        "insert into webhook_endpoint (account_id, id, name, url, events, secrets) "
        "values (%s, %s, 'hook', 'https://example.com/', '{record.final}', '{}')",
        account_id,
        stock.ids.uuid(),
    )
    request_id = stock.request(account_id, flow, open=False)
    numbers = [[f"9198000{_CODE[MIX[n % len(MIX)]]}{n % 1000:03d}"] for n in range(records)]
    variables = {"Name": "Asha", "Date": "25-12-2026", "Clinic": "North", "Reference": "APT-12345"}
    stock.records(account_id, request_id, numbers, variables=variables)
    with stock.connect() as connection:
        connection.execute("vacuum analyze")
        connection.execute("select pg_stat_reset()")
        connection.execute("checkpoint")


def run_central(stock: Stock) -> float:
    """Let Central work the request off; the seconds it took."""
    return asyncio.run(_run_central(stock))


async def _run_central(stock: Stock) -> float:
    clock, ids, telemetry = SystemClock(), SystemIds(), ObservedTelemetry()
    stop = asyncio.Event()
    async with await open_pool(stock.dsn, "central_worker", 6, name="rest") as pool, _workers(stock.dsn):
        dispatch, tracking = PostgresDispatch(pool, ids), PostgresTracking(pool)
        library = PostgresLibrary(pool, dispatch, clock)
        reap = ReapLeases(tracking, PostgresJournal(pool, ids), library, clock, ids, telemetry)
        shares = GrantShares(dispatch, library, clock, "bench")
        async with await psycopg.AsyncConnection.connect(stock.dsn, autocommit=True) as watch:
            while (await (await watch.execute("select count(*) from node")).fetchone()) != (WORKERS,):  # noqa: ASYNC110 - another process's doing, seen in the database alone
                await asyncio.sleep(0.02)
            loops = [
                asyncio.create_task(run_dispatcher(shares, 0.1, stop, telemetry)),
                asyncio.create_task(
                    run_tracker(
                        reap,
                        ControlRequests(tracking, clock),
                        KeepCounts(tracking, clock),
                        WatchBacklog(tracking, telemetry),
                        stop,
                        telemetry,
                    )
                ),
            ]
            await asyncio.sleep(0.3)
            begun = time.monotonic()
            await watch.execute("update request set open = true")
            async with asyncio.timeout(_PATIENCE_S):
                while (await (await watch.execute("select open from request")).fetchone()) != (False,):  # noqa: ASYNC110 - another process's doing, seen in the database alone
                    await asyncio.sleep(0.02)
            seconds = time.monotonic() - begun
        stop.set()
        await asyncio.gather(*loops)
    return seconds


@contextlib.asynccontextmanager
async def _workers(dsn: str) -> AsyncGenerator[None]:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for n in range(WORKERS):
            plan = {"dsn": dsn, "name": f"w{n}", "channels": CHANNELS}
            argv = [sys.executable, "-m", "tests.benchmarks.simulated_worker", json.dumps(plan)]
            processes.append(subprocess.Popen(argv))  # noqa: ASYNC220 - waited for by signal, not read
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(20)


def check_ended(stock: Stock, records: int) -> None:
    """Every record is final, with its leg and its outbox row, after one attempt as a rule; else the figure means nothing."""
    statuses = stock.rows("select status, count(*) from record group by 1 order by 1")
    final = {"COMPLETED", "PARTIAL_COMPLETE", "FAILURE", "SHORT_HANGUP"}
    if {str(status) for status, _ in statuses} - final:
        raise RuntimeError(f"records that did not end: {statuses}")
    for table, most in (("attempt", 1.05), ("leg", 1.05), ("outbox", 1.0)):
        found = int(str(stock.value(f"select count(*) from {table}")))
        if not records <= found <= records * most:
            raise RuntimeError(f"{found} rows in {table} for {records} records: {statuses}")


def written(stock: Stock, records: int) -> dict[str, Written]:
    """Rows a record that were written to each table, partitions summed, from the server's own statistics."""
    stock.run("select pg_stat_force_next_flush()")
    time.sleep(1.2)  # idle backends hand their statistics in after a second
    rows = stock.rows(
        "select regexp_replace(relname, '_[0-9]{8}$', '') as name, sum(n_tup_ins)::float8, sum(n_tup_upd)::float8 "
        "from pg_stat_user_tables group by 1"
    )
    found = {str(name): Written(float(str(i)) / records, float(str(u)) / records) for name, i, u in rows}
    return {name: found[name] for name in TABLES}
